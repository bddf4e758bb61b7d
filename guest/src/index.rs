//! Names and the places where they stand.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A map from texts to places. The component has no random numbers to seed a hash with, and neither columns nor keys are
/// chosen to collide: a fixed seed does.
pub(crate) type Index<'a> = HashMap<&'a str, usize, BuildHasherDefault<DefaultHasher>>;
