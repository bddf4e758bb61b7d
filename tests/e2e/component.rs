//! What the component asks of an engine, and how large it is: read off the file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wasmparser::{Parser, Payload};

/// All that the plugin may import, to the interface.
const GRANTED: [&str; 7] = [
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];

fn component() -> Vec<u8> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/component/talon-one-destination.wasm"));
    fs::read(path).expect("the component: run `make component`")
}

/// The names of a component's imports, without their versions.
fn imports(component: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("a valid component") {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let name = import.expect("a valid import").name.name;
                    names.insert(name.split('@').next().unwrap_or(name).to_owned());
                }
            }
            _ => {}
        }
    }
    names
}

#[test]
fn the_component_imports_http_io_and_clocks_and_nothing_else() {
    let granted: BTreeSet<String> = GRANTED.map(str::to_owned).into();
    assert_eq!(imports(&component()), granted);
}

#[test]
fn one_more_import_is_seen() {
    let extended = wat::parse_str(
        r#"(component
            (import "wasi:io/error@0.2.2" (instance))
            (import "wasi:filesystem/types@0.2.2" (instance)))"#,
    )
    .expect("a component");
    let seen = imports(&extended);
    assert!(seen.contains("wasi:filesystem/types"), "{seen:?}");
    assert_eq!(seen.len(), 2);
}

/// Delivering alone took 239 kB. Looking and creating (`inspection`, `provisioning`, `effects`) are a second plugin in the same file, and the
/// functions that carry their types over the border a good part of it: wit/README.md says why they are not a file of their own.
#[test]
fn the_component_stays_small() {
    let size = component().len();
    assert!(size < 325_000, "{size} bytes");
}

/// A build that finds the folder of its maker in the file is not the same file elsewhere.
#[test]
fn the_component_holds_no_path_of_the_machine_that_built_it() {
    let bytes = component();
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the repository").display().to_string();
    let home = std::env::var("HOME").expect("a home folder");
    for path in [folder, format!("{home}/")] {
        assert!(!bytes.windows(path.len()).any(|window| window == path.as_bytes()), "{path} is in the component");
    }
}
