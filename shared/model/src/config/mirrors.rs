//! `[images.mirrors]`, and which registries a configuration names itself.

use std::collections::BTreeSet;

use super::ImagesConfig;
use super::text::{Node, quoted};
use crate::image::{ImageReference, InvalidImage, InvalidMirror, Location, Mirrors};

const ALLOWED: &str = "a registry with an optional path, such as \"public.ecr.aws/docker/library\"";

/// Reads the section: from the beginning of images' names to what is asked and pulled instead.
pub(super) fn mirrors(node: Node<'_>) -> Mirrors {
    let table = node.section("a section, such as \"docker.io\" = \"registry.example/docker-hub\"");
    let mut mirrors = Mirrors::default();
    for (from, node) in table.entries() {
        let Some(to) = node.string(ALLOWED) else { continue };
        if let Err(error) = mirrors.add(from, to) {
            // What may be a password is not shown.
            let secret = error == InvalidMirror::Name(InvalidImage::Credentials);
            node.refuse(format!("{}: {error}", quoted(if secret { "..." } else { to })), ALLOWED);
        }
    }
    mirrors
}

impl ImagesConfig {
    /// The registries, without their ports, that the fleet's owner names: as mirrors, in the default image, and in patterns
    /// without wildcards in the registry. Only these may be on a private network: whoever edits a workflow chooses
    /// among whatever a pattern such as `**` allows, and must not reach into the fleet's network by it.
    pub fn named_registries(&self) -> BTreeSet<String> {
        let patterns = self.allow.iter().filter_map(|pattern| {
            let (registry, _) = pattern.text.split_once('/')?;
            // A pattern that is no glob in its registry is one of the names that it allows.
            let named = format!("{registry}/any").parse::<ImageReference>().ok()?;
            Some(named.location())
        });
        let default = self.default.as_ref().map(|image| self.mirrors.apply(image));
        let hosts = patterns.chain(default).map(|Location { registry, .. }| registry);
        let hosts = hosts.chain(self.mirrors.targets().into_iter().map(str::to_owned));
        hosts.map(|registry| registry.split(':').next().unwrap_or_default().to_owned()).collect()
    }
}
