//! The way back: no more jobs, runners let go, the stack, its configuration and secrets. What is at GitHub only a person
//! can remove.

use aws_config::SdkConfig;
use fleetfoot_aws::configuration::{self, ConfigurationError};
use fleetfoot_model::config::{Config, Credentials};
use fleetfoot_model::dismiss::{Dismissal, Dismisser};
use fleetfoot_model::events::QueueCause;
use fleetfoot_model::job::Job;
use fleetfoot_model::runner::{Runner, RunnerState};
use serde_json::json;
use tokio::time::{interval, timeout};

use super::manifest::{nowhere, settings_page};
use super::report::{Outcome, Steps};
use super::vault::{Kept, Vault, remove_parameter};
use super::webhook::draw;
use super::{SAM_CONFIG, Setup, call};
use crate::aws::stack::{Stack, output as of_stack};
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use crate::place::Place;
use crate::progress::Progress;
use crate::rows;

const REASON: &str = "the fleet is taken down";

impl Setup<'_> {
    /// Takes the fleet down. Safe to run again.
    pub(super) async fn tear_down(&self) -> Result<Answer, Failure> {
        let Some((sdk, stack)) = self.sdk().zip(self.answers.stack()) else {
            return self.leave_machine().await;
        };
        let question =
            format!("Take down the stack {stack} in {}, with its configuration and secrets?", self.region());
        if !self.people.agrees_to_lose(&question)? {
            return self.taken_down(&Steps::default(), "nothing was done");
        }
        let mut steps = Steps::default();
        let found = Stack::find(sdk, stack).await?.filter(|it| it.status() != "REVIEW_IN_PROGRESS");
        let parameter = found.as_ref().and_then(|it| it.optional(of_stack::CONFIGURATION).map(str::to_owned));
        let parameter = parameter.unwrap_or_else(|| configuration::parameter_of(stack));
        if let Some(found) = found {
            // Nothing runs in what a creation or a deletion has left.
            if !(found.is_remains() && found.is_of_fleetfoot()) {
                let place = self.place().await?;
                if is_configured(sdk, &parameter).await? {
                    self.quiesce(&*place, &place.config().await?, &parameter, &mut steps).await?;
                }
                self.wait_for_tasks(&*place).await?;
            }
            self.sam(&self.sam_delete(stack)).await?;
            steps.tell(
                self.people,
                "stack",
                Outcome::done(format!("{stack} was deleted, with table, logs and images")),
            );
        } else {
            steps.tell(self.people, "stack", Outcome::was_done(format!("there is no stack {stack}")));
        }
        remove_parameter(sdk, &parameter).await?;
        self.forget_secrets(&mut steps).await?;
        self.remains(steps)
    }

    async fn leave_machine(&self) -> Result<Answer, Failure> {
        if !self.people.agrees_to_lose("Remove this fleet's secrets from this machine?")? {
            return self.taken_down(&Steps::default(), "nothing was done");
        }
        let mut steps = Steps::default();
        self.forget_secrets(&mut steps).await?;
        let words = format!("end `fleetfoot up`, and remove {}", self.args.state.state.display());
        steps.tell(self.people, "state", Outcome::left(words));
        self.remains(steps)
    }

    /// No more webhooks, no more launches, and every runner that has no job is let go: GitHub first, then its task.
    async fn quiesce(
        &self,
        place: &dyn Place,
        config: &Config,
        parameter: &str,
        steps: &mut Steps,
    ) -> Result<(), Failure> {
        if let Credentials::App { id, .. } = &config.github.credentials {
            let api = self.as_app(*id);
            // What it was signed with so far may be gone by now.
            let outcome = match api.set_hook(nowhere(), &draw()).await {
                Ok(()) => Outcome::done("the App sends nowhere any more"),
                Err(error) => Outcome::skipped(format!("the App cannot be told: {error}")),
            };
            steps.tell(self.people, "webhook", outcome);
        }
        let ledger = place.ledger()?;
        let (fleet, github) = (place.tasks()?, place.github(config));
        let dismisser = Dismisser { ledger: &*ledger, github: &*github, fleet: &*fleet };
        let runners = rows::live_runners(&*ledger).await.or_fail("the fleet's runners cannot be read")?;
        let is_busy = |runner: &&Runner| matches!(runner.state, RunnerState::Busy(_));
        let busy: Vec<String> = runners.iter().filter(is_busy).map(|it| it.name.to_string()).collect();
        if !busy.is_empty() {
            return Err(self.busy_failure(&busy));
        }
        let (mut gone, mut left) = (0, Vec::new());
        let progress = Progress::steps(runners.len(), "runners were let go", self.args.format);
        for runner in runners {
            progress.step();
            let now = self.clock.now();
            let settle = |job: &mut Job| {
                job.unassign(None, now, REASON);
                job.queued_again(QueueCause::RunnerStopped)
            };
            let what = || format!("runner {} cannot be let go", runner.name);
            dismisser.detach(&runner.name, settle).await.or_fail(what())?;
            match dismisser.dismiss(&runner.name, REASON, now).await.or_fail(what())? {
                Dismissal::Released => gone += 1,
                Dismissal::Busy | Dismissal::NotIdle | Dismissal::Later(_) => {
                    left.push(runner.name.to_string());
                }
            }
        }
        drop(progress);
        if !left.is_empty() {
            return Err(self.busy_failure(&left));
        }
        steps.tell(self.people, "runners", Outcome::done(format!("{gone} were let go, none runs a job")));
        // Functions without a configuration refuse whatever wakes them, so nothing is launched meanwhile.
        if let Some(sdk) = self.sdk() {
            remove_parameter(sdk, parameter).await?;
        }
        steps.tell(self.people, "configuration", Outcome::done(format!("{parameter} was removed")));
        Ok(())
    }

    fn busy_failure(&self, runners: &[String]) -> Failure {
        let stack = self.answers.stack().unwrap_or_default();
        let webhooks = if self.answers.token {
            "delete the webhooks of the repositories, so that no more come, and"
        } else {
            "webhooks are off, so no more come:"
        };
        Failure::new(format!("runners have jobs, or may get one: {}", runners.join(", "))).hint(format!(
            "{webhooks} run this again when their jobs have ended; `fleetfoot runners list --stack {stack}` shows \
             them. To keep the fleet after all, `fleetfoot setup` sets its webhook again"
        ))
    }

    /// A cluster with tasks cannot be deleted.
    async fn wait_for_tasks(&self, place: &dyn Place) -> Result<(), Failure> {
        let fleet = place.tasks()?;
        let _waiting = self.waiting("waiting for the fleet's tasks to end");
        let mut ticks = interval(self.patience.pause);
        let waiting = async {
            loop {
                ticks.tick().await;
                if fleet.list().await.or_fail("the fleet's tasks cannot be listed")?.is_empty() {
                    return Ok::<_, Failure>(());
                }
            }
        };
        timeout(self.patience.installation, waiting).await.map_err(|_| {
            Failure::new("there are tasks that do not end")
                .hint("`fleetfoot runners list` tells which; run this again when they have ended")
        })?
    }

    async fn forget_secrets(&self, steps: &mut Steps) -> Result<(), Failure> {
        self.clear(&self.vault, steps).await?;
        let Some(other) = self.vault.other() else { return Ok(()) };
        // They may have been there before. Whoever never used that store need not be allowed to.
        if let Err(failure) = self.clear(&other, steps).await {
            tracing::debug!(?failure, "the other store cannot be looked through");
            let removals: Vec<_> = [Kept::Key, Kept::Webhook].map(|kept| other.removal(kept)).into();
            let words = "if secrets were in the account's other store before:";
            call(self.people, &format!("{words} {}", removals.join(" && ")));
        }
        Ok(())
    }

    async fn clear(&self, vault: &Vault, steps: &mut Steps) -> Result<(), Failure> {
        let removed: Vec<_> = vault.clear().await?.iter().map(ToString::to_string).collect();
        let about = format!("{} were removed", removed.join(", "));
        match (removed.is_empty(), vault.remainder()) {
            (true, _) if vault.store() != self.vault.store() => {}
            (true, _) => steps.tell(self.people, "secrets", Outcome::was_done("there are none")),
            (false, None) => steps.tell(self.people, "secrets", Outcome::done(about)),
            (false, Some(rest)) => {
                steps.tell(self.people, "secrets", Outcome::done(format!("{about}; {rest}")));
            }
        }
        Ok(())
    }

    fn remains(&self, mut steps: Steps) -> Result<Answer, Failure> {
        let slug = self.notebook.read().ok().and_then(|memory| memory.app).map(|app| app.slug);
        let page = settings_page(&self.web, self.organization(), &slug.unwrap_or_default());
        let at_github = if self.answers.token {
            "delete the webhooks of the repositories, and the token".to_owned()
        } else {
            format!("delete the App at {page}")
        };
        steps.tell(self.people, "GitHub", Outcome::left(at_github));
        let config = self.answers.config.display();
        let (files, note) = if self.answers.stack().is_some() {
            (
                format!("{config} and {SAM_CONFIG} stay; they hold no secret"),
                "AWS keeps a last backup of the table for 35 days; task definitions cost nothing",
            )
        } else {
            (format!("{config} stays; it holds no secret"), "`fleetfoot setup --local` sets it up again")
        };
        steps.tell(self.people, "files", Outcome::left(files));
        self.notebook.forget();
        self.taken_down(&steps, note)
    }

    fn taken_down(&self, steps: &Steps, note: &str) -> Result<Answer, Failure> {
        if self.args.format.json {
            return Ok(Answer::data(output::json(&json!({ "steps": steps }))?));
        }
        Ok(Answer::default().note(note))
    }
}

/// Whether there is a configuration. An earlier run may have removed it: then nothing is launched any more.
async fn is_configured(sdk: &SdkConfig, parameter: &str) -> Result<bool, Failure> {
    match configuration::read(&aws_sdk_ssm::Client::new(sdk), parameter).await {
        Ok(_) => Ok(true),
        Err(ConfigurationError::Missing(_)) => Ok(false),
        Err(error) => {
            Err(Failure::new("it cannot be seen whether the fleet still launches runners").because(&error))
        }
    }
}
