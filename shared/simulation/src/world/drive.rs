//! How time passes.

use fleetfoot_local::bus::{Delivery, Item, Outcome, Payload};
use fleetfoot_model::events::Fact;
use fleetfoot_model::http::Request;
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::labels;
use fleetfoot_model::ports::Clock as _;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::{JobOrder, OutgoingWebhook};
use fleetfoot_stand_in::{Span, millis};

use super::World;
use super::executor::Ended;
use crate::mutation::Mutation;
use crate::watch::Happening;

/// The most deliveries that are taken from the bus at once.
const AT_ONCE: usize = 16;
/// How long an event is held back.
const HELD_BACK: Span = millis(500, 60_000);
/// Whatever is heard of a job is heard of within this time: failed deliveries are asked for again every minute.
const HEARD_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// The status of a webhook that was not answered.
const NO_ANSWER: u16 = 0;

impl World {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long this world has been.
    pub fn elapsed(&self) -> SignedDuration {
        self.now().duration_since(self.began)
    }

    /// When something happens next.
    fn next_due(&self) -> Option<Timestamp> {
        let bus = self.bus.next_due().expect("a bus in memory answers");
        let stand_ins = [self.github().next_due(), self.fargate().next_due(), self.images().next_due()];
        let inside = [bus, self.agents.next_due(), self.runners.next_due(), self.executor.next_due()];
        stand_ins.into_iter().chain(inside).flatten().min()
    }

    /// Lets the next thing happen, if it does by then. Answers whether it did.
    ///
    /// # Panics
    /// Never: a bus in memory takes everything.
    pub fn step(&mut self, until: Timestamp) -> bool {
        let Some(next) = self.next_due().filter(|next| *next <= until) else { return false };
        self.clock.set(next);
        let now = self.now();
        let webhooks = self.github().due(now);
        for webhook in webhooks {
            self.deliver(webhook, now);
        }
        self.go_on(now);
        let actions = self.fargate().due(now);
        for action in actions {
            self.obey(action, now);
        }
        self.agents_ask(now);
        self.go_on(now);
        self.runners_act(now);
        let built = self.images().due(now);
        for event in built {
            self.bus.publish_default(now, event).expect("a bus in memory takes it");
        }
        self.take_events(now);
        self.go_on(now);
        self.tell_events();
        true
    }

    fn deliver(&mut self, webhook: OutgoingWebhook, now: Timestamp) {
        let OutgoingWebhook { delivery_id: id, headers, body, .. } = webhook;
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = Request { method: "POST".to_owned(), path: "/webhook".to_owned(), headers, body };
        let (functions, bus) = (self.functions.clone(), self.bus.clone());
        self.executor.start(now, Some(Ended::Webhook(id, None)), async move {
            let response = functions.answer(&bus, "ingest", &request, now, None).await;
            Ended::Webhook(id, Some(response))
        });
    }

    fn take_events(&mut self, now: Timestamp) {
        for delivery in self.bus.take_due(now, AT_ONCE).expect("a bus in memory answers") {
            if self.is_unheard(&delivery) {
                self.bus.complete(now, &delivery, Outcome::default()).expect("a bus in memory takes it");
                continue;
            }
            let held_back = self.around.happens(|faults| faults.event_delayed);
            let begins = if held_back { now + self.around.draw(&HELD_BACK) } else { now };
            let again = self.around.happens(|faults| faults.event_doubled);
            self.invoke_with(delivery, begins, again);
        }
    }

    /// A function is invoked; `again`: with the same event twice, one after the other.
    fn invoke_with(&mut self, delivery: Delivery, begins: Timestamp, again: bool) {
        let (functions, bus, around) = (self.functions.clone(), self.bus.clone(), self.around.clone());
        self.executor.start(begins, None, async move {
            if again {
                let first = functions.invoke(&delivery, around.now(), None).await;
                // An error says that the bus is not in memory.
                let _ = bus.emit(around.now(), first.emission);
            }
            let outcome = functions.invoke(&delivery, around.now(), None).await;
            Ended::Delivery(delivery, outcome)
        });
    }

    fn is_unheard(&mut self, delivery: &Delivery) -> bool {
        if self.around.has(Mutation::NoCleanup) && delivery.function == "cleanup" {
            return true;
        }
        if self.around.has(Mutation::NoTurns)
            && delivery.items.iter().any(|item| is_of(item, "LaunchesPaused"))
        {
            return true;
        }
        if self.around.has(Mutation::StartsElsewhereUnheard)
            && delivery.items.iter().any(|item| self.tells_of_a_start_elsewhere(item))
        {
            return true;
        }
        let is_lost = self.around.happens(|faults| faults.event_lost);
        if is_lost {
            self.lost_ends.extend(delivery.items.iter().filter_map(|item| ended_job(&item.payload)));
        }
        is_lost
    }

    /// Whether a job that has a runner was started by another one.
    fn tells_of_a_start_elsewhere(&self, item: &Item) -> bool {
        let Payload::Event(event) = &item.payload else { return false };
        let Ok(Fact::JobStarted(start)) = event.fact() else { return false };
        let job = self.ledger.job(start.job.id);
        job.is_some_and(|job| job.runner().is_some_and(|own| own.as_str() != start.runner.name))
    }

    /// Lets invocations go on, and does what follows from their ends.
    fn go_on(&mut self, now: Timestamp) {
        while let Some(ended) = self.executor.next_ended(now, &self.around) {
            match ended {
                Ended::Webhook(id, response) => {
                    let status = response.map_or(NO_ANSWER, |response| response.status);
                    self.github().delivered(now, id, status);
                }
                Ended::Agent(asking, response) => self.agent_answered(asking, response.as_ref(), now),
                Ended::Delivery(delivery, outcome) => self.handled(delivery, outcome, now),
            }
        }
    }

    fn handled(&mut self, delivery: Delivery, outcome: Outcome, now: Timestamp) {
        if self.around.happens(|faults| faults.died_after_publishing) {
            self.around.tell(&Happening::Died);
            self.bus.emit(now, outcome.emission).expect("a bus in memory takes it");
            return;
        }
        self.bus.complete(now, &delivery, outcome).expect("a bus in memory takes it");
        if delivery.items.iter().any(is_scheduled) {
            self.scheduled.insert(delivery.function.clone(), delivery);
        }
    }

    fn tell_events(&mut self) {
        for event in self.bus.history(self.told, usize::MAX).expect("a bus in memory answers") {
            debug_assert_eq!(event.sequence, self.told + 1, "the history is as long as a step needs");
            self.told = event.sequence;
            self.around.tell(&Happening::Published(&event));
        }
    }

    /// Jobs that are addressed to this fleet, open at GitHub, and not given up here.
    pub(crate) fn jobs_that_may_run(&self) -> usize {
        let github = self.github();
        let open =
            github.open().filter(|(_, order)| labels::is_addressed(&order.labels, &self.config.labels));
        let lost = |id: JobId, order: &JobOrder| {
            let since = github.history(id).map_or(self.began, |history| history.ordered_at);
            self.is_out_of_reach(&order.repository, since)
        };
        open.filter(|(id, order)| !self.is_given_up(*id) && !lost(*id, order)).count()
    }

    fn is_given_up(&self, id: JobId) -> bool {
        self.ledger.job(id).is_some_and(|job| job.is_given_up())
    }

    /// Whether a job that was given up here had ended, and word of that was lost between the functions, or is a letter that
    /// a person has to see to.
    pub(crate) fn ended_unheard(&self, id: JobId) -> bool {
        let is_letter = || {
            let letters = self.bus.dead_letters(usize::MAX).expect("a bus in memory answers");
            letters.iter().any(|letter| ended_job(&letter.payload) == Some(id))
        };
        self.is_given_up(id) && (self.lost_ends.contains(&id) || is_letter())
    }

    /// Whether the ledger never knew of a job of a repository, long after one was ordered there: if word of its one job
    /// was lost without a trace, there is nowhere to look for it.
    pub(crate) fn is_out_of_reach(&self, repository: &Repository, since: Timestamp) -> bool {
        self.now() > since + HEARD_WITHIN && !self.ledger.knows(repository)
    }

    /// Whether nothing is under way, on the bus or in a function.
    pub(crate) fn is_quiet(&self) -> bool {
        self.executor.is_idle() && self.bus.pending().expect("a bus in memory answers") == 0
    }
}

fn is_of(item: &Item, detail_type: &str) -> bool {
    matches!(&item.payload, Payload::Event(event) if event.detail_type == detail_type)
}

fn ended_job(payload: &Payload) -> Option<JobId> {
    let Payload::Event(event) = payload else { return None };
    match event.fact() {
        Ok(Fact::JobCompleted(end)) => Some(end.job.id),
        _ => None,
    }
}

fn is_scheduled(item: &Item) -> bool {
    matches!(&item.payload, Payload::Event(event) if event.source == "aws.events")
}
