//! Turns a core WebAssembly module into a component: `componentize CORE.wasm COMPONENT.wasm`.
//!
//! The module carries its WIT in custom sections (written by wit-bindgen), so nothing else is needed. No adapter is
//! applied: a module that calls WASI preview 1 does not become a component here, which keeps stdio, files and the
//! environment out of the plugin.

use std::env;
use std::fs;

use anyhow::{Context, Result, bail};
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
        .and_then(ComponentEncoder::encode)
        .with_context(|| format!("{input} does not make a component"))?;
    fs::write(output, component).with_context(|| format!("cannot write {output}"))
}
