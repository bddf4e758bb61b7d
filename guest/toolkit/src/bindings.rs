//! The types and traits of `wit/`, generated: those of `etl:destination` at the top. They compile for every target, so that
//! tests use the plugin's own types; only a component exports them:
//!
//! ```ignore
//! destination_toolkit::bindings::export!(Plugin with_types_in destination_toolkit::bindings);
//! ```

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated: the documentation stands in wit/"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "destination-plugin",
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
    },
});

pub use self::exports::etl::destination::destination::*;
