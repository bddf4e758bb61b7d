//! Turns a core WebAssembly module into a component: `componentize CORE.wasm COMPONENT.wasm`.
//!
//! The module carries its WIT in custom sections (written by wit-bindgen), so nothing else is needed. No adapter is
//! applied: a module that calls WASI preview 1 does not become a component here, which keeps stdio, files and the
//! environment out of the plugin.

use std::env;
use std::fs;

use anyhow::{Context, Result, bail};
use wasmparser::{Chunk, Parser, Payload};
use wit_component::ComponentEncoder;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        bail!("usage: componentize CORE.wasm COMPONENT.wasm");
    };
    let module = fs::read(input).with_context(|| format!("cannot read {input}"))?;
    let component = ComponentEncoder::default()
        .validate(true)
        .debug_names(false)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("{input} does not make a component"))?;
    fs::write(output, without_names(&component)?).with_context(|| format!("cannot write {output}"))
}

/// The component without the names of its parts (of each import's adapter, for example), which the encoder always writes and only a
/// debugger reads. What it imports and exports has its names elsewhere.
fn without_names(component: &[u8]) -> Result<Vec<u8>> {
    let mut parser = Parser::new(0);
    let mut kept = Vec::with_capacity(component.len());
    let mut rest = component;
    while !rest.is_empty() {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else {
            bail!("the component breaks off within a section");
        };
        let length = match &payload {
            // A module or component within this one is kept whole.
            Payload::ModuleSection { unchecked_range: within, .. }
            | Payload::ComponentSection { unchecked_range: within, .. } => consumed + within.end - within.start,
            _ => consumed,
        };
        let (section, after) = rest.split_at_checked(length).context("a section is longer than the component")?;
        if !matches!(&payload, Payload::CustomSection(custom) if custom.name() == "component-name") {
            kept.extend_from_slice(section);
        }
        rest = after;
    }
    Ok(kept)
}
