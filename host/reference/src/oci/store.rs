//! Components and manifests that were fetched before, by their digests, in a folder of the user's.
//!
//! What is read back is verified like what is fetched, so a file that was altered here costs a download and no more. The folder
//! is private all the same, by the rules of [`private_folder`]: what plugins somebody uses is nobody else's business.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use destination_engine::plugin::runtime::CacheRefused;
use destination_engine::plugin::runtime::{CacheUntrusted, private_folder};

use super::MOST_COMPONENT_BYTES;
use crate::digest::Digest;
use crate::file;

/// Beside the folder for compiled plugins, whose owner removes what it does not know.
const NAME: &str = "destination-host-components";

/// Where fetched content is kept; or nowhere.
#[derive(Debug, Clone)]
pub struct Store(Option<PathBuf>);

impl Store {
    /// In the user's cache directory.
    ///
    /// # Errors
    /// Where others could write to it. A folder that can't be made for another reason costs downloads alone.
    pub fn of_user() -> Result<Self, CacheRefused> {
        match private_folder(NAME) {
            Ok(folder) => Ok(Self(Some(folder))),
            Err(CacheUntrusted::Refused(refused)) => Err(refused),
            Err(CacheUntrusted::Unavailable(reason)) => {
                tracing::warn!("plugins from registries are not kept: {reason}");
                Ok(Self::none())
            }
        }
    }

    /// Nothing is kept.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Content of this digest.
    pub(super) fn content(&self, digest: Digest) -> Option<Vec<u8>> {
        self.read(&name(digest, "")).filter(|bytes| Digest::of(bytes) == digest)
    }

    pub(super) fn keep_content(&self, digest: Digest, bytes: &[u8]) {
        self.write(&name(digest, ""), bytes);
    }

    /// A signature of the component with this digest. Whether it counts is for the policy to say.
    pub(super) fn signature(&self, component: Digest) -> Option<Vec<u8>> {
        self.read(&name(component, ".minisig"))
    }

    pub(super) fn keep_signature(&self, component: Digest, bytes: &[u8]) {
        self.write(&name(component, ".minisig"), bytes);
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        file::read(&self.0.as_deref()?.join(name), MOST_COMPONENT_BYTES).ok()
    }

    /// Whole or not at all: another process may read at the same time.
    fn write(&self, name: &str, bytes: &[u8]) {
        let Some(folder) = self.0.as_deref() else { return };
        if let Err(error) = write(folder, name, bytes) {
            tracing::warn!("{} can't be kept in {}: {error}", name, folder.display());
        }
    }
}

/// Temporary files are for their owner alone.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    let path = folder.join(name);
    match fs::symlink_metadata(&path) {
        // A link or a folder in its place would be followed.
        Ok(there) if !there.is_file() => Err(io::Error::other("something that is no file stands in its place")),
        _ => file.persist(path).map(drop).map_err(|error| error.error),
    }
}

fn name(digest: Digest, more: &str) -> String {
    format!("sha256-{}{more}", digest.hex())
}
