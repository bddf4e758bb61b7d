//! What a component asks an engine for, read off its bytes: before anything is compiled, which takes seconds for a plugin that
//! brings an interpreter.
//!
//! An interface is granted, refused or forbidden. A granted one works. A refused one is there because a language's runtime
//! imports it whether or not the plugin uses it: it is linked, and gives nothing ([`crate::plugin::sandbox::refusals`]). Whoever imports
//! any other is not loaded.

use wasmparser::{ComponentExternalKind, Parser, Payload};

/// The interfaces that a plugin may use.
pub(crate) const GRANTED: [&str; 7] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:http/types",
    "wasi:http/outgoing-handler",
];

/// The interfaces that a plugin may import and that give it nothing.
pub(crate) const REFUSED: [&str; 22] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Releases of WASI 0.2 only add to one another.
const WASI_VERSION: &str = "0.2.";

/// The names of a component's outer imports and exports.
#[derive(Debug, Default)]
pub struct Interfaces {
    /// In the order of the component.
    pub imports: Vec<String>,
    /// Those that are interfaces.
    pub exports: Vec<String>,
}

impl Interfaces {
    /// Reads the names. Whether the rest of the component is valid is the compiler's to say.
    ///
    /// # Errors
    /// Where the bytes are not a component.
    pub fn read(component: &[u8]) -> Result<Self, String> {
        if !Parser::is_component(component) {
            return Err(match Parser::is_core_wasm(component) {
                true => "it is a core module; `wasm-tools component new` makes a component of one".to_owned(),
                false => "it does not begin as WebAssembly does".to_owned(),
            });
        }
        let mut interfaces = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            match payload.map_err(|error| error.to_string())? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        let import = import.map_err(|error| error.to_string())?;
                        interfaces.imports.push(import.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        let export = export.map_err(|error| error.to_string())?;
                        if export.kind == ComponentExternalKind::Instance {
                            interfaces.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(interfaces)
    }

    /// The imports that are neither granted nor refused, in the order of the component.
    #[must_use]
    pub fn forbidden(&self) -> Vec<Forbidden> {
        let known = |import: &str| {
            import.split_once('@').is_some_and(|(interface, version)| {
                version.starts_with(WASI_VERSION) && (GRANTED.contains(&interface) || REFUSED.contains(&interface))
            })
        };
        self.imports.iter().filter(|import| !known(import)).map(|import| Forbidden::of(import)).collect()
    }
}

/// An import that keeps a component from being loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// Its name.
    pub import: String,
    /// What who builds the plugin can do about it.
    pub fix: &'static str,
}

impl Forbidden {
    fn of(import: &str) -> Self {
        let (interface, version) = import.split_once('@').unwrap_or((import, ""));
        let known = GRANTED.contains(&interface) || REFUSED.contains(&interface);
        let fix = match interface.split_once(':') {
            _ if known && version.is_empty() => "build against WASI 0.2: the import has no version",
            Some(("wasi", _)) if known || version.starts_with("0.3") => {
                "build against WASI 0.2, not another version of it"
            }
            Some(("wasi", "http/incoming-handler")) => "remove it: a plugin serves no requests",
            Some(("wasi", _)) => "do without it: no plugin gets it",
            _ => "put what provides it into the component (`wac plug`)",
        };
        Self { import: import.to_owned(), fix }
    }
}

impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.import, self.fix)
    }
}
