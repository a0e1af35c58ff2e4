//! The registries of base images, with state and faults: tags move, images are missing, hidden, altered or for another
//! architecture, and registries throttle, fail, stall and go away.

mod access;
mod content;
mod port;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::ImageDigest;
use fleetfoot_model::image::{ImageReference, Location, Selector};
use fleetfoot_model::spec::Arch;

use crate::bucket::TokenBucket;
use crate::dice::Dice;
use content::Content;

pub use access::SignIn;
pub(crate) use access::{Account, Shown, Wanted};
pub(crate) use content::Piece;
pub use content::Shape;
pub use port::InProcessRegistry;
pub use settings::{Faults, Limits, Settings};

/// How long a limit lasts that comes by chance.
const THROTTLED_SECONDS: i64 = 30;

/// All registries there are. See [`InProcessRegistry`] for their port, and `registry_http` for their protocol.
#[derive(Debug)]
pub struct StandInRegistry {
    settings: Settings,
    dice: Dice,
    requests: TokenBucket,
    /// By registry and path, such as `docker.io/library/ubuntu`.
    repositories: BTreeMap<String, Repository>,
    throttled_until: Option<Timestamp>,
    away_until: Option<Timestamp>,
    stalls: bool,
    access: access::Access,
    calls: u64,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, ImageDigest>,
    /// How often each tag was pushed.
    pushes: BTreeMap<String, u64>,
    removed: BTreeSet<String>,
    pieces: BTreeMap<ImageDigest, Piece>,
    /// Which manifest of a list, and of itself, is for which architecture.
    images: BTreeMap<ImageDigest, Vec<(Arch, ImageDigest)>>,
    private: bool,
    altered: bool,
}

/// Why a registry gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    Denied,
    Throttled(Timestamp),
    Failed,
    Stalls,
}

impl StandInRegistry {
    /// Registries in which nothing was pushed.
    pub fn new(settings: Settings) -> Self {
        let limits = &settings.limits;
        Self {
            dice: Dice::new(settings.seed),
            requests: TokenBucket::new(
                limits.request_burst,
                limits.requests_per_second,
                fleetfoot_model::SignedDuration::from_secs(1),
            ),
            repositories: BTreeMap::new(),
            throttled_until: None,
            away_until: None,
            stalls: false,
            access: access::Access::default(),
            calls: 0,
            settings,
        }
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// Pushes something new under an image's tag, which moves there. Answers the digest that the tag names now; what it
    /// named before is still there by its digest.
    ///
    /// # Panics
    /// If the image is named by a digest, which nobody can choose, or if it is for no architecture.
    pub fn push(&mut self, image: &ImageReference, shape: &Shape) -> ImageDigest {
        let Location { selector: Selector::Tag(tag), .. } = image.location() else {
            panic!("{image} is pushed by its tag");
        };
        let name = image.location().name();
        self.repositories.entry(name.clone()).or_default().push(&name, &tag, shape)
    }

    /// Removes an image's tag: it is not there until it is pushed.
    pub fn remove(&mut self, image: &ImageReference) {
        let location = image.location();
        let repository = self.repositories.entry(location.name()).or_default();
        repository.tags.remove(location.selector.as_str());
        repository.removed.insert(location.selector.as_str().to_owned());
    }

    /// Shows an image's repository to nobody, or to everybody again. Accounts ([`SignIn`]) see it.
    pub fn set_private(&mut self, image: &ImageReference, private: bool) {
        self.repositories.entry(image.location().name()).or_default().private = private;
    }

    /// Answers for an image's repository something else than the digests say, from now on.
    pub fn alter(&mut self, image: &ImageReference) {
        self.repositories.entry(image.location().name()).or_default().altered = true;
    }

    /// Refuses everything as too much, until a time.
    pub fn throttle(&mut self, until: Timestamp) {
        self.throttled_until = Some(until);
    }

    /// Answers everything with an error of the server, until a time.
    pub fn go_away(&mut self, until: Timestamp) {
        self.away_until = Some(until);
    }

    /// Answers nothing at all, or everything again.
    pub fn stall(&mut self, stalls: bool) {
        self.stalls = stalls;
    }

    /// How callers have to sign in over HTTP. Default: with a token that anybody is given.
    pub fn set_sign_in(&mut self, sign_in: SignIn) {
        self.access.sign_in = sign_in;
    }

    /// How often it was asked for anything.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Counts a request, which may go wrong.
    pub(crate) fn request(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.calls += 1;
        let failed = self.dice.happens(self.settings.faults.request_failed);
        let throttled = self.dice.happens(self.settings.faults.throttled);
        if self.stalls {
            return Err(Refusal::Stalls);
        }
        if failed || self.away_until.is_some_and(|until| until > now) {
            return Err(Refusal::Failed);
        }
        if let Some(until) = self.throttled_until.filter(|until| *until > now) {
            return Err(Refusal::Throttled(until));
        }
        if throttled {
            let wait = fleetfoot_model::SignedDuration::from_secs(THROTTLED_SECONDS);
            return Err(Refusal::Throttled(now + wait));
        }
        self.requests.take(now, 1).map_err(Refusal::Throttled)
    }

    /// What a tag or a digest names.
    pub(crate) fn manifest(&mut self, name: &str, reference: &str) -> Result<Piece, Refusal> {
        let knows_everything = self.settings.knows_everything;
        let repository = self.repositories.entry(name.to_owned()).or_default();
        let digest = if let Ok(digest) = reference.parse::<ImageDigest>() {
            digest
        } else {
            if knows_everything
                && !repository.removed.contains(reference)
                && !repository.tags.contains_key(reference)
            {
                repository.push(name, reference, &Shape::both());
            }
            repository.tags.get(reference).cloned().ok_or(Refusal::NotFound)?
        };
        self.piece(name, &digest)
    }

    /// A piece of content by its digest.
    pub(crate) fn piece(&self, name: &str, digest: &ImageDigest) -> Result<Piece, Refusal> {
        let repository = self.repositories.get(name).ok_or(Refusal::NotFound)?;
        let mut piece = repository.pieces.get(digest).cloned().ok_or(Refusal::NotFound)?;
        if repository.altered {
            // Still the same manifest to whoever reads it without counting.
            piece.bytes.push(b' ');
        }
        Ok(piece)
    }

    /// Which manifests a piece names.
    pub(crate) fn images_of(&self, name: &str, digest: &ImageDigest) -> Vec<(Arch, ImageDigest)> {
        let repository = self.repositories.get(name);
        repository.and_then(|repository| repository.images.get(digest)).cloned().unwrap_or_default()
    }

    fn is_private(&self, name: &str) -> bool {
        self.repositories.get(name).is_some_and(|repository| repository.private)
    }
}

impl Repository {
    fn push(&mut self, name: &str, tag: &str, shape: &Shape) -> ImageDigest {
        let times = self.pushes.entry(tag.to_owned()).or_default();
        *times += 1;
        let content = Content::new(&format!("{name}:{tag}, push {times}"), shape);
        let root = content.root().expect("an image is for some architecture").digest.clone();
        let images: Vec<_> =
            content.images().map(|(arch, manifest)| (arch, manifest.digest.clone())).collect();
        for (arch, digest) in &images {
            self.images.insert(digest.clone(), vec![(*arch, digest.clone())]);
        }
        self.images.insert(root.clone(), images);
        self.pieces.extend(content.pieces().map(|piece| (piece.digest.clone(), piece)));
        self.removed.remove(tag);
        self.tags.insert(tag.to_owned(), root.clone());
        root
    }
}
