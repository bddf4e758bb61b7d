//! A plugin that breaks every rule, for tests of what the host does about it.

#![expect(clippy::unwrap_used, reason = "tests")]

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// The component of `misbehaving_plugin.wat`.
pub(crate) fn component() -> Vec<u8> {
    let mut module = wat::parse_str(include_str!("misbehaving_plugin.wat")).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir("../../wit").unwrap();
    let world = resolve.select_world(&[package], Some("destination-plugin")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}
