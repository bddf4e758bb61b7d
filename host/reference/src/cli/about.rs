//! What this program was built from: its version, the commit, and the plugin inside.

use std::sync::LazyLock;

use destination_host::digest::Digest;
use destination_host::embedded;

/// The version and the commit.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("DESTINATION_COMMIT"), ")");

/// The same, and the digest of the plugin inside. `-V` shows the version alone.
pub(crate) fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{VERSION}\nplugin {}", Digest::of(embedded::COMPONENT)));
    &TEXT
}
