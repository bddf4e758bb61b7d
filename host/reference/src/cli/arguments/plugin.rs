//! Which plugin is used, and what its user allows it: options that many commands have.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use destination_engine::http::egress::Origin;
use destination_engine::plugin::trust::Trust;
#[cfg(feature = "oci")]
use destination_host::oci::{Reference, ReferenceError};

/// Which plugin, and what its user allows it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PluginChoice {
    /// Use this plugin instead of the one inside: a file, or one of a registry, oci://host/name@sha256:…
    #[arg(long, value_name = "PLUGIN")]
    pub(crate) component: Option<ComponentSource>,
    /// Take a plugin of a registry only if it is signed by a key that this file names for it.
    #[cfg(feature = "oci")]
    #[arg(long, value_name = "FILE", env = "DESTINATION_SIGNATURE_POLICY")]
    pub(crate) signature_policy: Option<PathBuf>,
    /// Give the plugin the values of secrets that it asks for itself, to sign with, say. It could give them away.
    #[arg(long)]
    trust_plugin_with_secrets: bool,
    /// Show what the plugin writes to its standard output and standard error, tracebacks too. For who develops one: it could
    /// spell out a secret.
    #[arg(long)]
    pub(crate) plugin_output: bool,
    /// Let the plugin send rows to this server, which it names itself: scheme, host and port. May be given more than once.
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    allow_origin: Vec<Origin>,
}

/// Where a plugin comes from that is not the one inside.
#[derive(Debug, Clone)]
pub(crate) enum ComponentSource {
    /// A file.
    File(PathBuf),
    /// A registry.
    #[cfg(feature = "oci")]
    Registry(Reference),
}

impl FromStr for ComponentSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with("oci://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        #[cfg(feature = "oci")]
        return text.parse().map(Self::Registry).map_err(|error: ReferenceError| error.to_string());
        #[cfg(not(feature = "oci"))]
        return Err("this build takes no plugin from a registry: its feature `oci` is off".to_owned());
    }
}

impl PluginChoice {
    /// The plugin's file, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self.component.as_ref()? {
            ComponentSource::File(path) => Some(path),
            #[cfg(feature = "oci")]
            ComponentSource::Registry(_) => None,
        }
    }

    /// The file that says whose signature counts.
    pub(crate) fn policy(&self) -> Option<&Path> {
        #[cfg(feature = "oci")]
        return self.signature_policy.as_deref();
        #[cfg(not(feature = "oci"))]
        return None;
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust { with_secrets: self.trust_plugin_with_secrets, origins: self.allow_origin.clone() }
    }
}

fn origin(text: &str) -> Result<Origin, String> {
    Origin::of_url(text).map_err(|reason| format!("{reason}; expected scheme, host and port: https://api.example.com"))
}
