//! The Talon.One plugin inside this binary, so that the host is one file.

/// The component, as `make component` built it.
pub const COMPONENT: &[u8] = include_bytes!(env!("EMBEDDED_COMPONENT"));

/// Its name in errors.
pub const NAME: &str = "the talon-one plugin";
