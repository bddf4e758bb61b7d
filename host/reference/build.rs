//! Finds the plugin that goes into the binary: `DESTINATION_COMPONENT`, or what `make component` left in `target/`.

use std::path::{Path, PathBuf};

fn main() -> Result<(), String> {
    if std::env::var_os("CARGO_FEATURE_EMBEDDED_PLUGIN").is_none() {
        return Ok(());
    }
    println!("cargo::rerun-if-env-changed=DESTINATION_COMPONENT");
    let named = std::env::var_os("DESTINATION_COMPONENT").map(PathBuf::from);
    let file = named.as_deref().unwrap_or(Path::new("../../target/component/talon-one-destination.wasm"));
    // Absolute, because the compiler would look for it beside the source file.
    let file = file.canonicalize().map_err(|error| {
        format!(
            "the plugin that goes into the binary is not at {} (from the folder of the host): {error}; \
             build it with `make component`, or name its file in DESTINATION_COMPONENT",
            file.display()
        )
    })?;
    println!("cargo::rerun-if-changed={}", file.display());
    println!("cargo::rustc-env=EMBEDDED_COMPONENT={}", file.display());
    Ok(())
}
