//! Base images: what an `image:` label names, what that is now, and which image serves it.
//!
//! A label names a *base*; on it a *runner image* is made, or, when agent and runner are injected, it runs as it is. A
//! base goes on being served by what it has while something newer is made.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::ImagesConfig;
use crate::ids::{BaseKey, ImageKey};
use crate::image::ImageReference;
use crate::image_key::Recipe;
use crate::ports::{BaseImage, TaskImage};
use crate::spec::Arch;
use crate::{SignedDuration, Timestamp};

/// A base of which nobody has asked for this long is forgotten, and its image deleted. An image that is in use is asked
/// for whenever it is due to be made anew ([`ImagesConfig::rebuild_after`]).
pub const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far a base is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum BaseState {
    /// Its registry is asked what it is. A lease: when it has run out another may ask.
    Resolving {
        /// When the lease runs out.
        until: Timestamp,
        /// How often the registry was asked in vain.
        tries: u32,
    },
    /// The image that it wants is made.
    Making,
    /// It is served by what it should be served by.
    Served,
    /// It cannot be had, or no image on it.
    Refused {
        /// Why.
        reason: String,
        /// Until when jobs that need it are rejected at once, unless something older serves.
        until: Timestamp,
    },
    /// Nobody has asked for it for long.
    Forgotten,
}

/// What a registry has said, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// What it is.
    pub base: BaseImage,
    /// The image that it wants.
    pub image: ImageKey,
    /// By which recipe that is made.
    pub recipe: Recipe,
    /// When.
    pub at: Timestamp,
}

/// What a base's runners are started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The image that was made for it.
    pub by: ImageKey,
    /// What a task is started from.
    pub image: TaskImage,
    /// When that image was made.
    pub since: Timestamp,
}

/// A base's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its key.
    pub key: BaseKey,
    /// As a label names it.
    pub image: ImageReference,
    /// On which processors.
    pub arch: Arch,
    /// How far it is.
    pub state: BaseState,
    /// What its registry said last.
    pub resolved: Option<Resolved>,
    /// What its runners are started from; something older while it is made anew.
    pub serving: Option<Serving>,
    /// When a job or a pool asked for it last; not each does, only the one that finds it due.
    pub asked_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
}

/// What a launch finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What to start.
    Ready(TaskImage),
    /// It is being made, or its registry asked.
    Wait,
    /// It is to be asked for: for the first time, or since the one who asked its registry got no answer in time.
    Ask,
    /// It cannot be had for now.
    Refused(String),
}

/// The key of a base. Two spellings of one reference (`ubuntu`, `docker.io/library/ubuntu:latest`) are one base.
///
/// # Panics
/// Never: a SHA-256 digest has 64 hexadecimal digits.
pub fn key_of(image: &ImageReference, arch: Arch) -> BaseKey {
    // Neither part can hold a line break.
    let parts = format!("{}\n{arch}\n", image.normalized());
    hex::encode(Sha256::digest(parts.as_bytes())).parse().expect("a digest has 64 hexadecimal digits")
}

impl Base {
    /// A base that nobody has asked for: a lease that is over.
    pub fn new(image: ImageReference, arch: Arch, now: Timestamp) -> Self {
        let state = BaseState::Resolving { until: now, tries: 0 };
        let key = key_of(&image, arch);
        Self { key, image, arch, state, resolved: None, serving: None, asked_at: now, changed_at: now }
    }

    /// The image that it wants.
    pub fn wanted(&self) -> Option<&ImageKey> {
        self.resolved.as_ref().map(|resolved| &resolved.image)
    }

    /// What a launch is to do.
    pub fn answer(&self, now: Timestamp) -> Answer {
        match (&self.serving, &self.state) {
            (Some(serving), _) => Answer::Ready(serving.image.clone()),
            (None, BaseState::Refused { reason, until }) if now < *until => Answer::Refused(reason.clone()),
            (None, BaseState::Making) => Answer::Wait,
            (None, BaseState::Resolving { until, .. }) if now < *until => Answer::Wait,
            (
                None,
                BaseState::Resolving { .. }
                | BaseState::Refused { .. }
                | BaseState::Served
                | BaseState::Forgotten,
            ) => Answer::Ask,
        }
    }

    /// Whether it should be resolved and made anew: it is old, or there is a new recipe or runner release. Nothing asks
    /// while somebody sees to it, or shortly after that failed.
    pub fn is_due(&self, config: &ImagesConfig, now: Timestamp) -> bool {
        match &self.state {
            BaseState::Served => self.is_old(config, now) || self.is_outdated(config),
            BaseState::Refused { until, .. } => *until <= now,
            BaseState::Forgotten => true,
            BaseState::Resolving { .. } | BaseState::Making => false,
        }
    }

    fn is_old(&self, config: &ImagesConfig, now: Timestamp) -> bool {
        self.serving.as_ref().is_none_or(|serving| serving.since + config.rebuild_after <= now)
    }

    /// Whether there is a new recipe or runner release since it was resolved.
    pub fn is_outdated(&self, config: &ImagesConfig) -> bool {
        let recipe = Recipe::current(config.mode);
        self.resolved.as_ref().is_none_or(|resolved| resolved.recipe != recipe)
    }

    /// Whether jobs have asked for it lately: whoever uses it asks as soon as it is old.
    pub fn is_in_use(&self, config: &ImagesConfig, now: Timestamp) -> bool {
        now < self.asked_at + config.rebuild_after * 2
    }

    /// Whether nobody has asked for it for long.
    pub fn is_forgotten(&self, config: &ImagesConfig, now: Timestamp) -> bool {
        self.asked_at + config.rebuild_after + FORGOTTEN_AFTER <= now
    }
}
