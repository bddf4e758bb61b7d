//! What a registry says that a component consists of: the OCI image manifest, in the layout that WebAssembly tools share (one
//! layer, the component itself), and the list of what refers to it.
//!
//! Pure: JSON in, digests out.

use serde::Deserialize;

use crate::digest::Digest;

/// The media types of what is read here.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The layer that is a component; a component's config says more of it, which is not asked for here.
const COMPONENT: &str = "application/wasm";
/// The kind of a manifest whose layer is a signature of the component that is its subject, as minisign writes it.
pub const SIGNATURE: &str = "application/vnd.minisign.signature.v1";

/// A piece of content, by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
}

/// Why a manifest is not one that is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It can't be read at all.
    #[error("its manifest is not JSON of that form: {0}")]
    Json(String),
    /// It is something else, by its own word.
    #[error("it is of the media type {0}, and one component is expected ({MANIFEST})")]
    MediaType(String),
    /// It has no layer, or several.
    #[error("its manifest has {0} layers, and a component has one")]
    Layers(usize),
    /// Its layer is something else.
    #[error("its layer is of the media type {0}, and a component is {COMPONENT}")]
    Layer(String),
    /// A digest of an algorithm that is not known here, or none.
    #[error("its manifest names {0:?} as a digest, and sha256: with 64 hexadecimal digits is expected")]
    Digest(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    media_type: Option<String>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    artifact_type: Option<String>,
}

impl Descriptor {
    fn content(&self) -> Result<Content, ManifestError> {
        let digest = Digest::parse(&self.digest).ok_or_else(|| ManifestError::Digest(shortened(&self.digest)))?;
        Ok(Content { digest, bytes: self.size })
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(json).map_err(|error| ManifestError::Json(shortened(&error.to_string())))
}

/// What comes from outside, as much of it as a message needs.
fn shortened(text: &str) -> String {
    const MOST_CHARACTERS: usize = 120;
    text.chars().take(MOST_CHARACTERS).collect()
}

/// The only layer of a manifest.
fn layer(json: &[u8]) -> Result<Descriptor, ManifestError> {
    let manifest: Manifest = read(json)?;
    if let Some(other) = manifest.media_type.filter(|media_type| media_type != MANIFEST) {
        return Err(ManifestError::MediaType(shortened(&other)));
    }
    let count = manifest.layers.len();
    let mut layers = manifest.layers.into_iter();
    match (layers.next(), layers.next()) {
        (Some(layer), None) => Ok(layer),
        _ => Err(ManifestError::Layers(count)),
    }
}

/// The component that a manifest names.
pub(super) fn component(json: &[u8]) -> Result<Content, ManifestError> {
    let layer = layer(json)?;
    if layer.media_type != COMPONENT {
        return Err(ManifestError::Layer(shortened(&layer.media_type)));
    }
    layer.content()
}

/// The signature that a manifest names.
pub(super) fn signature(json: &[u8]) -> Result<Content, ManifestError> {
    layer(json)?.content()
}

/// The manifests of signatures, in a list of all that refers to a component.
pub(super) fn signatures(json: &[u8]) -> Result<Vec<Content>, ManifestError> {
    let index: Index = read(json)?;
    let of_this_kind = |descriptor: &&Descriptor| descriptor.artifact_type.as_deref() == Some(SIGNATURE);
    index.manifests.iter().filter(of_this_kind).map(Descriptor::content).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use serde_json::{Value, json};

    use super::*;

    fn layer_of(media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": Digest::of(b"abc").to_string(), "size": 3})
    }

    fn manifest(layers: &[Value]) -> Vec<u8> {
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": {}, "layers": layers}).to_string().into_bytes()
    }

    #[test]
    fn a_component_is_the_one_layer() {
        let content = component(&manifest(&[layer_of("application/wasm")])).unwrap();
        assert_eq!(content, Content { digest: Digest::of(b"abc"), bytes: 3 });
    }

    #[test]
    fn anything_else_is_refused_by_what_it_is() {
        let wasm = layer_of("application/wasm");
        assert_eq!(component(&manifest(&[])), Err(ManifestError::Layers(0)));
        assert_eq!(component(&manifest(&[wasm.clone(), wasm.clone()])), Err(ManifestError::Layers(2)));
        let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
        assert_eq!(component(&manifest(&[layer_of(tar)])), Err(ManifestError::Layer(tar.to_owned())));
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [wasm]}).to_string();
        assert_eq!(component(index.as_bytes()), Err(ManifestError::MediaType(INDEX.to_owned())));
        let mut sha512 = wasm;
        sha512["digest"] = "sha512:00".into();
        assert_eq!(component(&manifest(&[sha512])), Err(ManifestError::Digest("sha512:00".to_owned())));
        for text in ["", "[]", "<html>", "{\"layers\": 1}"] {
            assert!(matches!(component(text.as_bytes()), Err(ManifestError::Json(_))), "{text}");
        }
    }

    #[test]
    fn of_what_refers_to_a_component_signatures_count() {
        let mut signed = layer_of(MANIFEST);
        signed["artifactType"] = SIGNATURE.into();
        let index = json!({"manifests": [layer_of(MANIFEST), signed]}).to_string();
        assert_eq!(signatures(index.as_bytes()).unwrap().len(), 1);
        assert_eq!(signatures(b"{}").unwrap(), []);
    }
}
