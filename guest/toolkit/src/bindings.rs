//! The types and traits of `wit/`, generated: those of `destination` at the top, those of each optional interface in a module of
//! its name. They compile for every target, so that tests use the plugin's own types; only a component exports them.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated: the documentation stands in wit/"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "extended-plugin",
    generate_all,
    pub_export_macro: true,
    additional_type_attributes: {
        "etl:destination/destination@0.1.0/body": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/column": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/config-issue": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/descriptor": [#[derive(Default)]],
        "etl:destination/destination@0.1.0/object-type": [#[derive(Default)]],
        "etl:destination/destination@0.1.0/limits": [#[derive(Default)]],
        "etl:destination/destination@0.1.0/config-keys": [#[derive(Default)]],
        "etl:destination/destination@0.1.0/field": [#[derive(Default)]],
        "etl:destination/destination@0.1.0/failure": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/mapped-batch": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/mapped-row": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/mapping": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/problem": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/rejection": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/report": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/request": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/row-issue": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/strings": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/values": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/timestamps": [#[derive(PartialEq)]],
        "etl:destination/destination@0.1.0/connection-check": [#[derive(PartialEq)]],
        "etl:destination/inspection@0.1.0/comparison": [#[derive(Default, PartialEq)]],
        "etl:destination/inspection@0.1.0/difference": [#[derive(PartialEq)]],
        "etl:destination/inspection@0.1.0/discovered-field": [#[derive(PartialEq)]],
        "etl:destination/inspection@0.1.0/discovered-target": [#[derive(PartialEq)]],
        "etl:destination/inspection@0.1.0/discovery": [#[derive(PartialEq)]],
        "etl:destination/inspection@0.1.0/key-page": [#[derive(PartialEq)]],
        "etl:destination/inspection@0.1.0/route-limit": [#[derive(PartialEq)]],
        "etl:destination/provisioning@0.1.0/missing-object": [#[derive(PartialEq)]],
        "etl:destination/effects@0.1.0/delivery": [#[derive(PartialEq)]],
        "etl:destination/effects@0.1.0/effect-count": [#[derive(PartialEq)]],
    },
});

pub use self::exports::etl::destination::destination::*;
pub use self::exports::etl::destination::{effects, inspection, provisioning};

/// The world of a plugin that has none of the optional interfaces. Of what is generated here its description alone is used: with it
/// a component is known to have no more exports. The types are those above.
pub mod destination_plugin {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "destination-plugin",
        generate_all,
    });

    /// For [`export!`](crate::export!): its call keeps the description in the component.
    #[inline]
    pub fn describe_world() {
        #[cfg(target_arch = "wasm32")]
        __link_custom_section_describing_imports();
    }
}
