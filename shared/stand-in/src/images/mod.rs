//! An image builder with state and faults: builds take their time, fail or hang, and tell of it in events that may be
//! lost or doubled.

mod build;
mod port;
mod settings;

use std::collections::BTreeMap;

use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::ports::{BuildRequest, BuildStatus, ImagesError};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::agenda::Agenda;
use crate::bucket::TokenBucket;
use crate::dice::Dice;
use build::{Build, Outcome, arn};

pub use port::InProcessImages;
pub use settings::{Faults, Limits, Settings, Times};

/// An image builder and the registry that it pushes to. See [`InProcessImages`] for its port.
#[derive(Debug)]
pub struct StandInImages {
    settings: Settings,
    dice: Dice,
    /// The latest time it was told.
    now: Timestamp,
    agenda: Agenda<Step>,
    /// Events that wait to be told to the world.
    outbox: Vec<Envelope>,
    builds: BTreeMap<BuildId, Build>,
    /// Where each image can be pulled.
    images: BTreeMap<ImageKey, String>,
    starts: TokenBucket,
    calls: u64,
}

/// What happens by itself when its time comes.
#[derive(Debug, Clone)]
enum Step {
    Ends(BuildId),
    Tell(Box<Envelope>),
}

impl StandInImages {
    /// A builder without images.
    pub fn new(settings: Settings) -> Self {
        let limits = &settings.limits;
        Self {
            dice: Dice::new(settings.seed),
            now: Timestamp::MIN,
            agenda: Agenda::new(),
            outbox: Vec::new(),
            builds: BTreeMap::new(),
            images: BTreeMap::new(),
            starts: TokenBucket::new(
                limits.start_burst,
                limits.starts_per_second,
                SignedDuration::from_secs(1),
            ),
            calls: 0,
            settings,
        }
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// When there is something to do next.
    pub fn next_due(&self) -> Option<Timestamp> {
        let waiting = (!self.outbox.is_empty()).then_some(self.now);
        [waiting, self.agenda.next()].into_iter().flatten().min()
    }

    /// The events for the default bus that are due.
    pub fn due(&mut self, now: Timestamp) -> Vec<Envelope> {
        self.advance(now);
        std::mem::take(&mut self.outbox)
    }

    /// Time never goes back: an earlier `now` counts as the latest.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        while let Some((at, step)) = self.agenda.pop(self.now) {
            match step {
                Step::Tell(event) => self.outbox.push(*event),
                Step::Ends(id) => self.end(at, &id),
            }
        }
        self.now
    }

    /// Where an image can be pulled, if it was built.
    ///
    /// # Errors
    /// See [`ImagesError`].
    pub fn find(&mut self, now: Timestamp, key: &ImageKey) -> Result<Option<String>, ImagesError> {
        self.request(now)?;
        Ok(self.images.get(key).cloned())
    }

    /// Deletes an image.
    ///
    /// # Errors
    /// See [`ImagesError`].
    pub fn remove(&mut self, now: Timestamp, key: &ImageKey) -> Result<(), ImagesError> {
        self.request(now)?;
        self.images.remove(key);
        Ok(())
    }

    /// Starts a build. Two requests are two builds: the caller's lease is what prevents that.
    ///
    /// # Errors
    /// See [`ImagesError`].
    pub fn build(&mut self, now: Timestamp, request: &BuildRequest) -> Result<BuildId, ImagesError> {
        let now = self.request(now)?;
        self.starts.take(now, 1).map_err(|until| ImagesError::Throttled { until })?;
        let id = arn(&self.dice.uuid());
        let takes = self.dice.between(&self.settings.times.build);
        let hangs = self.dice.happens(self.settings.faults.build_hangs);
        let fails = self.dice.happens(self.settings.faults.build_failed);
        let build = Build::new(id.clone(), request.clone(), now, fails);
        self.builds.insert(id.clone(), build);
        self.tell(now, &id);
        if !hangs {
            self.agenda.add(now + takes, Step::Ends(id.clone()));
        }
        Ok(id)
    }

    /// How a build stands.
    ///
    /// # Errors
    /// See [`ImagesError`].
    pub fn status(&mut self, now: Timestamp, build: &BuildId) -> Result<BuildStatus, ImagesError> {
        self.request(now)?;
        Ok(self.builds.get(build).map_or(BuildStatus::Unknown, Build::status))
    }

    /// How often it was asked for anything.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// How many builds were started for what a label names.
    pub fn builds_of(&self, image: &ImageReference) -> usize {
        self.builds.values().filter(|build| build.request.image == *image).count()
    }

    /// The images that can be pulled.
    pub fn built(&self) -> impl Iterator<Item = &ImageKey> {
        self.images.keys()
    }

    /// How many builds have not ended.
    pub fn running(&self) -> usize {
        self.builds.values().filter(|build| build.outcome == Outcome::Running).count()
    }

    fn request(&mut self, now: Timestamp) -> Result<Timestamp, ImagesError> {
        let now = self.advance(now);
        self.calls += 1;
        if self.dice.happens(self.settings.faults.request_failed) {
            return Err(ImagesError::Unavailable("500 InternalServerException".to_owned()));
        }
        Ok(now)
    }

    fn end(&mut self, at: Timestamp, id: &BuildId) {
        let Some(build) = self.builds.get_mut(id) else { return };
        if let Some(uri) = build.end(at) {
            self.images.insert(build.request.key.clone(), uri);
        }
        self.tell(at, id);
    }

    /// Sends word of a change, as far as the faults let it through.
    fn tell(&mut self, now: Timestamp, id: &BuildId) {
        let event_id = self.dice.uuid();
        let latency = self.dice.between(&self.settings.times.event);
        let again = self.dice.between(&self.settings.times.late_event);
        let lost = self.dice.happens(self.settings.faults.event_lost);
        let doubled = self.dice.happens(self.settings.faults.event_doubled);
        let Some(build) = self.builds.get(id) else { return };
        let event = Box::new(build.event(&event_id, now));
        if lost {
            return;
        }
        self.agenda.add(now + latency, Step::Tell(event.clone()));
        if doubled {
            self.agenda.add(now + latency + again, Step::Tell(event));
        }
    }
}
