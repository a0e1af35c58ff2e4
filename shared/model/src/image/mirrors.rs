//! Where images are asked for and pulled instead of where their names say.

use std::collections::{BTreeMap, BTreeSet};

use super::invalid::shown;
use super::location::DOCKER_HUB;
use super::parse::{check_digest, check_path, check_registry, check_scheme, is_registry};
use super::{ImageReference, InvalidImage, LONGEST_REFERENCE, Location};

/// From the beginning of names to what is asked and pulled instead, such as `docker.io` to the pull-through cache
/// `123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(BTreeMap<String, Place>);

/// A registry, with the beginning of paths in it if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    registry: String,
    path: Option<String>,
}

/// Why text is no registry with an optional path, for one end of a mirror.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMirror {
    /// It begins with something else than a registry.
    #[error("\"{0}\" does not begin with a registry")]
    NoRegistry(String),
    /// It has a tag or a digest.
    #[error("\"{0}\" has a tag or a digest")]
    Selector(String),
    /// Over [`LONGEST_REFERENCE`].
    #[error("it has {0} bytes, {LONGEST_REFERENCE} are allowed")]
    TooLong(usize),
    /// Registry or path are wrong.
    #[error(transparent)]
    Name(#[from] InvalidImage),
    /// The same beginning in another spelling is there already.
    #[error("\"{0}\" has a mirror already")]
    Twice(String),
}

impl Mirrors {
    /// Adds one: images whose names begin with `from` are asked for and pulled from `to` instead.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn add(&mut self, from: &str, to: &str) -> Result<(), InvalidMirror> {
        let from = Place::parse(from)?.to_string();
        let to = Place::parse(to)?;
        if self.0.contains_key(&from) {
            return Err(InvalidMirror::Twice(from));
        }
        self.0.insert(from, to);
        Ok(())
    }

    /// Where an image is asked for and pulled. The longest beginning that fits its name wins; mirrors of mirrors are not
    /// looked for.
    pub fn apply(&self, image: &ImageReference) -> Location {
        let location = image.location();
        let name = location.name();
        let fitting = self.0.iter().filter_map(|(from, to)| Some((from.len(), to.instead(&name, from)?)));
        match fitting.max_by_key(|(length, _)| *length) {
            Some((_, (registry, repository))) => {
                Location { registry, repository, selector: location.selector }
            }
            None => location,
        }
    }

    /// The registries that are asked instead.
    pub fn targets(&self) -> BTreeSet<&str> {
        self.0.values().map(|place| place.registry.as_str()).collect()
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self, InvalidMirror> {
        if text.len() > LONGEST_REFERENCE {
            return Err(InvalidMirror::TooLong(text.len()));
        }
        let rest = check_digest(text)?;
        check_scheme(rest)?;
        if rest.len() < text.len() {
            return Err(InvalidMirror::Selector(shown(text)));
        }
        let (registry, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
        if !is_registry(registry) {
            return Err(InvalidMirror::NoRegistry(shown(text)));
        }
        check_registry(registry)?;
        if let Some(path) = path {
            if path.contains(':') {
                return Err(InvalidMirror::Selector(shown(text)));
            }
            check_path(path)?;
        }
        let registry = registry.to_ascii_lowercase();
        let registry = if registry == "index.docker.io" { DOCKER_HUB.to_owned() } else { registry };
        Ok(Self { registry, path: path.map(str::to_owned) })
    }

    /// Registry and repository here of a name that begins with `from`, if it does.
    fn instead(&self, name: &str, from: &str) -> Option<(String, String)> {
        let rest = name.strip_prefix(from)?;
        let repository = match (&self.path, rest.strip_prefix('/')) {
            (Some(path), Some(rest)) => format!("{path}/{rest}"),
            (Some(path), None) if rest.is_empty() => path.clone(),
            (None, Some(rest)) => rest.to_owned(),
            // `from` ends within a part of the name, or leaves nothing to name.
            _ => return None,
        };
        Some((self.registry.clone(), repository))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}/{path}", self.registry),
            None => f.write_str(&self.registry),
        }
    }
}
