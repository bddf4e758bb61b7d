//! Texts and their indices.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A map from texts to their indices in a list. The component has no random numbers to seed a hash with, and neither columns nor keys are
/// chosen to collide: a fixed seed does.
pub type TextIndex<'a> = HashMap<&'a str, usize, BuildHasherDefault<DefaultHasher>>;
