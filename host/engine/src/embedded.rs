//! The Talon.One plugin, as `make component` built it: a real plugin for the tests.

pub(crate) const COMPONENT: &[u8] = include_bytes!("../../../target/component/talon-one-destination.wasm");

/// Its name in errors.
pub(crate) const NAME: &str = "the talon-one plugin";
