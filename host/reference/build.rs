//! Finds the plugin that goes into the binary, and the commit that the binary is built from.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=DESTINATION_COMMIT");
    println!("cargo::rustc-env=DESTINATION_COMMIT={}", commit().unwrap_or_else(|| "unknown".to_owned()));
    if std::env::var_os("CARGO_FEATURE_EMBEDDED_PLUGIN").is_some() {
        println!("cargo::rustc-env=EMBEDDED_COMPONENT={}", component()?.display());
    }
    Ok(())
}

/// The file that `DESTINATION_COMPONENT` names, the one beside this script in a packaged crate, or what `make component` left in
/// `target/`.
fn component() -> Result<PathBuf, String> {
    println!("cargo::rerun-if-env-changed=DESTINATION_COMPONENT");
    let named = std::env::var_os("DESTINATION_COMPONENT").map(PathBuf::from);
    let packaged = Path::new("talon-one-destination.wasm");
    let built = Path::new("../../target/component/talon-one-destination.wasm");
    let file = named.as_deref().unwrap_or(if packaged.exists() { packaged } else { built });
    // Absolute, because the compiler would look for it beside the source file.
    let file = file.canonicalize().map_err(|error| {
        format!(
            "the plugin that goes into the binary is not at {} (from the folder of the host): {error}; \
             build it with `make component`, or name its file in DESTINATION_COMPONENT",
            file.display()
        )
    })?;
    println!("cargo::rerun-if-changed={}", file.display());
    Ok(file)
}

/// What `DESTINATION_COMMIT` says, the file `COMMIT` of a packaged crate, or git of this folder. Development builds don't ask git: each commit would build the
/// host again.
fn commit() -> Option<String> {
    if let Ok(commit) = std::env::var("DESTINATION_COMMIT") {
        return Some(commit);
    }
    if let Ok(commit) = std::fs::read_to_string("COMMIT") {
        return Some(commit.trim().to_owned());
    }
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    // A packaged crate may lie within somebody else's repository.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    // What HEAD stands for is written down here with each commit.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={log}");
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if changed { format!("{commit}, changed") } else { commit })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
