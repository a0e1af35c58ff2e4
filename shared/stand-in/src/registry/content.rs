//! Manifests and configurations as registries keep them: real ones, with real digests.

use fleetfoot_model::ids::ImageDigest;
use fleetfoot_model::spec::Arch;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";

/// What is pushed under one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A list with a manifest for each architecture, and one of an attestation beside them.
    List(Vec<Arch>),
    /// One manifest.
    Single(Arch),
}

impl Shape {
    /// A list for both architectures.
    pub fn both() -> Self {
        Self::List(vec![Arch::X64, Arch::Arm64])
    }

    /// For which architectures it is.
    fn architectures(&self) -> &[Arch] {
        match self {
            Self::List(architectures) => architectures,
            Self::Single(arch) => std::slice::from_ref(arch),
        }
    }
}

/// A piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) digest: ImageDigest,
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Piece {
    fn new(kind: &'static str, content: &Value) -> Self {
        let bytes = content.to_string().into_bytes();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        let digest = digest.parse().expect("a digest of SHA-256");
        Self { digest, kind, bytes }
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.kind, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// An image for one architecture.
struct Image {
    arch: Arch,
    manifest: Piece,
    configuration: Piece,
}

/// What a push leaves in a registry.
pub(super) struct Content {
    images: Vec<Image>,
    list: Option<Piece>,
}

impl Content {
    /// What `subject` names: the same subject and shape have the same digests, and no others have them.
    pub(super) fn new(subject: &str, shape: &Shape) -> Self {
        let images: Vec<Image> =
            shape.architectures().iter().map(|arch| Image::new(subject, *arch)).collect();
        let list = matches!(shape, Shape::List(_)).then(|| list_of(&images));
        Self { images, list }
    }

    /// What the tag names.
    pub(super) fn root(&self) -> Option<&Piece> {
        self.list.as_ref().or_else(|| self.images.first().map(|image| &image.manifest))
    }

    /// The manifest for each architecture.
    pub(super) fn images(&self) -> impl Iterator<Item = (Arch, &Piece)> {
        self.images.iter().map(|image| (image.arch, &image.manifest))
    }

    pub(super) fn pieces(self) -> impl Iterator<Item = Piece> {
        self.images.into_iter().flat_map(|image| [image.manifest, image.configuration]).chain(self.list)
    }
}

impl Image {
    fn new(subject: &str, arch: Arch) -> Self {
        let made = json!({ "architecture": name_of(arch), "os": "linux", "author": subject });
        let configuration = Piece::new(CONFIGURATION, &made);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": configuration.descriptor(), "layers": [],
        });
        Self { arch, manifest: Piece::new(MANIFEST, &manifest), configuration }
    }
}

fn list_of(images: &[Image]) -> Piece {
    let entry = |image: &Image| {
        let mut entry = image.manifest.descriptor();
        entry["platform"] = json!({ "architecture": name_of(image.arch), "os": "linux" });
        entry
    };
    // As BuildKit writes them: in the list, but nothing that runs.
    let attestation = |image: &Image| {
        let mut entry = Piece::new(MANIFEST, &json!({ "attests": image.manifest.digest })).descriptor();
        entry["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
        entry
    };
    let entries: Vec<Value> = images.iter().map(entry).chain(images.first().map(attestation)).collect();
    Piece::new(INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }))
}

/// An architecture as registries name it.
pub(super) fn name_of(arch: Arch) -> &'static str {
    match arch {
        Arch::X64 => "amd64",
        Arch::Arm64 => "arm64",
    }
}
