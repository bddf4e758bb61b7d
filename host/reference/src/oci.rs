//! Plugins from a registry of the OCI kind: `oci://host/name@sha256:…`.
//!
//! What is pulled is one component in the layout that WebAssembly tools share. Its bytes are taken only if the digests on the way agree:
//! the manifest's with the reference, the component's with the manifest. A [`Policy`] adds signatures: minisign's, of the component's bytes,
//! attached to its manifest. What was verified is kept ([`Store`]), so a component that is named by its digest needs the network once.
//!
//! It pulls and never pushes; of authorization it knows passwords and tokens, and of manifests only those of one component.
//!
//! Written over the client that is there. The crate `oci-client` does more and would bring 28 crates and a second client, with other proxies,
//! certificates and names.

mod challenge;
mod credentials;
mod manifest;
mod policy;
mod reference;
mod registry;
mod store;

use bytes::Bytes;
use destination_engine::HttpClient;

pub use manifest::{ManifestError, SIGNATURE};
pub use policy::{KeyId, Policy, PolicyError, SignatureError};
pub use reference::{Reference, ReferenceError, SCHEME};
pub use registry::RegistryError;
pub use store::{CacheRefused, Store};

use self::manifest::Content;
use self::policy::{Key, Needed};
use self::reference::Version;
use self::registry::Registry;
use crate::digest::Digest;

/// Bytes of a component. One that brings an interpreter has some tens of millions.
pub const MOST_COMPONENT_BYTES: u64 = 256 << 20;

/// Bytes of a signature: four short lines, of which two are comments.
const MOST_SIGNATURE_BYTES: u64 = 16 << 10;

/// Signatures that are looked at.
const MOST_SIGNATURES: usize = 16;

/// A component that is what its reference and the policy ask for.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The component.
    pub bytes: Bytes,
    /// The manifest's digest: what to pin.
    pub manifest: Digest,
    /// Who signed it, where a policy asked.
    pub signed_by: Option<KeyId>,
}

/// Why a component is not taken.
#[derive(Debug, thiserror::Error)]
#[error("{reference}: {reason}")]
pub struct PullError {
    reference: Reference,
    reason: Reason,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The registry does not give it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It is not one component.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Bytes that are not the ones that were asked for.
    #[error("the registry sent other bytes for {what}: expected {expected}, and they are {found}")]
    OtherBytes {
        /// Which part.
        what: &'static str,
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// It is larger than any plugin.
    #[error("its {what} has {bytes} bytes, and {most} are the most")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// By its manifest.
        bytes: u64,
        /// Allowed.
        most: u64,
    },
    /// The policy does not know the name.
    #[error("no rule of the signature policy {policy} names {name}")]
    NotInPolicy {
        /// The policy's file.
        policy: String,
        /// The component's name.
        name: String,
    },
    /// No signature counts.
    #[error("{error}; the signature policy {policy} asks for a signature by {}", listed(.keys))]
    Signature {
        /// The nearest to one that counts.
        error: SignatureError,
        /// The policy's file.
        policy: String,
        /// The keys that it names.
        keys: Vec<KeyId>,
    },
}

fn listed(keys: &[KeyId]) -> String {
    let keys: Vec<_> = keys.iter().map(KeyId::to_string).collect();
    format!("{}{}", if keys.len() == 1 { "the key " } else { "one of the keys " }, keys.join(", "))
}

impl PullError {
    /// Whether what was asked for is wrong, and not what came.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match &self.reason {
            Reason::Manifest(_) | Reason::TooLarge { .. } | Reason::NotInPolicy { .. } => true,
            Reason::Registry(error) => matches!(error, RegistryError::Absent(_)),
            Reason::OtherBytes { .. } | Reason::Signature { .. } => false,
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.reason {
            Reason::NotInPolicy { name, .. } => {
                Some(format!("add [[component]] name = \"{name}\" with the keys that you trust for it"))
            }
            Reason::Signature { .. } => {
                Some(format!("a signature is an artifact of the type {SIGNATURE} that refers to the component"))
            }
            Reason::OtherBytes { .. } => {
                Some("don't use it: something on the way altered it, or the registry is damaged".to_owned())
            }
            Reason::Registry(_) | Reason::Manifest(_) | Reason::TooLarge { .. } => None,
        }
    }
}

/// Fetches a component, or takes it from the store, and verifies it.
///
/// # Errors
/// Where the registry does not give it, or it is not what the reference and the policy ask for.
pub async fn pull(
    client: &HttpClient,
    reference: &Reference,
    policy: Option<&Policy>,
    store: &Store,
) -> Result<Pulled, PullError> {
    pull_parts(client, reference, policy, store)
        .await
        .map_err(|reason| PullError { reference: reference.clone(), reason })
}

async fn pull_parts(
    client: &HttpClient,
    reference: &Reference,
    policy: Option<&Policy>,
    store: &Store,
) -> Result<Pulled, Reason> {
    // Before anything is fetched: a name that is not allowed is not asked for.
    let needed = match policy {
        None => None,
        Some(policy) => {
            let name = reference.name();
            let needed =
                policy.needed(&name).ok_or_else(|| Reason::NotInPolicy { policy: policy.file.clone(), name })?;
            Some((policy, needed))
        }
    };
    let mut registry = Registry::new(client, reference);
    let (manifest, json) = match &reference.version {
        Version::Digest(digest) => (*digest, manifest_of(&mut registry, *digest, store).await?),
        Version::Tag(tag) => {
            let json = registry.manifest(tag).await?;
            (Digest::of(&json), json)
        }
    };
    let content = manifest::component(&json)?;
    at_most(content, MOST_COMPONENT_BYTES, "component")?;
    let bytes = content_of(&mut registry, content, "the component", store).await?;
    let signed_by = match needed {
        Some((policy, Needed::SignatureBy(keys))) => {
            let signed = signed_by(&mut registry, manifest, content.digest, &bytes, keys, store).await?;
            let keys = keys.iter().map(|key| key.id).collect();
            Some(signed.map_err(|error| Reason::Signature { error, policy: policy.file.clone(), keys })?)
        }
        Some((_, Needed::Nothing)) | None => None,
    };
    // Only what all of it holds for is kept.
    store.keep_content(manifest, &json);
    store.keep_content(content.digest, &bytes);
    Ok(Pulled { bytes, manifest, signed_by })
}

/// A manifest by its digest.
async fn manifest_of(registry: &mut Registry<'_>, digest: Digest, store: &Store) -> Result<Bytes, Reason> {
    if let Some(kept) = store.content(digest) {
        return Ok(kept.into());
    }
    let json = registry.manifest(&digest.to_string()).await?;
    same("the manifest", digest, &json)?;
    Ok(json)
}

/// Content by its digest.
async fn content_of(
    registry: &mut Registry<'_>,
    content: Content,
    what: &'static str,
    store: &Store,
) -> Result<Bytes, Reason> {
    if let Some(kept) = store.content(content.digest) {
        return Ok(kept.into());
    }
    let bytes = registry.blob(content).await?;
    same(what, content.digest, &bytes)?;
    Ok(bytes)
}

fn same(what: &'static str, expected: Digest, bytes: &[u8]) -> Result<(), Reason> {
    let found = Digest::of(bytes);
    if found == expected { Ok(()) } else { Err(Reason::OtherBytes { what, expected, found }) }
}

fn at_most(content: Content, most: u64, what: &'static str) -> Result<(), Reason> {
    if content.bytes > most { Err(Reason::TooLarge { what, bytes: content.bytes, most }) } else { Ok(()) }
}

/// Whose signature a component bears, of those that count. The inner error says why none does.
async fn signed_by(
    registry: &mut Registry<'_>,
    manifest: Digest,
    component: Digest,
    bytes: &[u8],
    keys: &[Key],
    store: &Store,
) -> Result<Result<KeyId, SignatureError>, Reason> {
    if let Some(id) = store.signature(component).and_then(|kept| policy::verify(keys, bytes, &kept).ok()) {
        return Ok(Ok(id));
    }
    let mut nearest = SignatureError::Missing;
    for signature in attached(registry, manifest).await?.into_iter().take(MOST_SIGNATURES) {
        let json = registry.manifest(&signature.digest.to_string()).await?;
        same("the manifest of a signature", signature.digest, &json)?;
        let content = manifest::signature(&json)?;
        at_most(content, MOST_SIGNATURE_BYTES, "signature")?;
        let text = registry.blob(content).await?;
        same("a signature", content.digest, &text)?;
        match policy::verify(keys, bytes, &text) {
            Ok(id) => {
                store.keep_signature(component, &text);
                return Ok(Ok(id));
            }
            // One that should have counted says more than a stranger's.
            Err(error) => {
                if !matches!(nearest, SignatureError::Wrong(_)) {
                    nearest = error;
                }
            }
        }
    }
    Ok(Err(nearest))
}

/// The signatures that refer to a manifest: from the registry's list, or from the tag that stands in for it where a registry keeps none.
async fn attached(registry: &mut Registry<'_>, manifest: Digest) -> Result<Vec<Content>, Reason> {
    let listed = match registry.referrers(manifest).await {
        Err(RegistryError::Absent(_)) => registry.manifest(&format!("sha256-{}", manifest.hex())).await,
        listed => listed,
    };
    match listed {
        Ok(index) => Ok(manifest::signatures(&index)?),
        Err(RegistryError::Absent(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
