//! The plugin behind HTTP: JSON in, JSON out, for hosts that serve components and nothing else.
//!
//! A component that imports the contract and exports `wasi:http/incoming-handler`. Composed with a plugin (`wac plug`) it is one
//! that `wasmtime serve` runs. Rows come with the call, up to a few thousand; sources, state and the rate are the caller's.

pub mod call;
mod table;

#[cfg(target_family = "wasm")]
mod server;

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    reason = "generated: the documentation stands in wit/"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package http:front; world front { import etl:destination/destination@0.1.0; }",
        world: "http:front/front",
        generate_all,
        additional_derives: [serde::Serialize],
        additional_type_attributes: {
            "etl:destination/destination@0.1.0/body": [#[serde(untagged)]],
            "etl:destination/destination@0.1.0/problem-kind": [#[serde(rename_all = "kebab-case")]],
        },
    });
}
