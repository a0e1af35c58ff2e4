//! The way back: no more jobs, runners let go, the stack, its configuration and secrets. What is at GitHub only a person
//! can remove.

use fleetfoot_aws::configuration;
use fleetfoot_model::config::{Config, Credentials};
use fleetfoot_model::dismiss::{Dismissal, Dismisser};
use fleetfoot_model::events::QueueCause;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::record::Index;
use fleetfoot_model::runner::{Runner, RunnerState};
use serde_json::json;
use tokio::time::{interval, timeout};

use super::manifest::{nowhere, settings_page};
use super::report::{Outcome, Steps};
use super::vault::{Kept, remove_parameter};
use super::{SAM_CONFIG, Setup};
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
        if !self.people.agrees(&question)? {
            return self.taken_down(&Steps::default(), "nothing was done");
        }
        let mut steps = Steps::default();
        let found = Stack::find(sdk, stack).await?;
        let parameter = found.as_ref().and_then(|it| it.optional(of_stack::CONFIGURATION).map(str::to_owned));
        let parameter = parameter.unwrap_or_else(|| configuration::parameter_of(stack));
        if found.is_some() {
            let place = self.place().await?;
            match place.config().await {
                Ok(config) => self.quiesce(&*place, &config, &parameter, &mut steps).await?,
                // An earlier run has removed it: then nothing is launched any more.
                Err(failure) => tracing::debug!(?failure, "there is no configuration"),
            }
            self.wait_for_tasks(&*place).await?;
            let words = ["sam", "delete", "--no-prompts", "--stack-name", stack, "--region", &self.region()];
            let mut words: Vec<String> = words.map(str::to_owned).into();
            if let Some(profile) = &self.args.aws.profile {
                words.extend(["--profile".to_owned(), profile.clone()]);
            }
            self.sam(&words).await?;
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
        if !self.people.agrees("Remove this fleet's secrets from this machine?")? {
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
            let secret = self.vault.read(Kept::Webhook).await?;
            let outcome = match api.set_hook(nowhere(), &secret).await {
                Ok(()) => Outcome::done("the App sends nowhere any more"),
                Err(error) => Outcome::skipped(format!("the App cannot be told: {error}")),
            };
            steps.tell(self.people, "webhook", outcome);
        }
        let ledger = place.ledger()?;
        let (fleet, github) = (place.tasks()?, place.github(config));
        let dismisser = Dismisser { ledger: &*ledger, github: &*github, fleet: &*fleet };
        let busy = self.busy(&*ledger).await?;
        if !busy.is_empty() {
            return Err(busy_failure(&busy, self.answers.stack().unwrap_or_default()));
        }
        let (mut gone, mut left) = (0, Vec::new());
        let runners = live(&*ledger).await?;
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
            return Err(busy_failure(&left, self.answers.stack().unwrap_or_default()));
        }
        steps.tell(self.people, "runners", Outcome::done(format!("{gone} were let go, none runs a job")));
        // Functions without a configuration refuse whatever wakes them, so nothing is launched meanwhile.
        if let Some(sdk) = self.sdk() {
            remove_parameter(sdk, parameter).await?;
        }
        steps.tell(self.people, "configuration", Outcome::done(format!("{parameter} was removed")));
        Ok(())
    }

    async fn busy(&self, ledger: &dyn Ledger) -> Result<Vec<String>, Failure> {
        let is_busy = |runner: &Runner| matches!(runner.state, RunnerState::Busy(_));
        Ok(live(ledger).await?.into_iter().filter(is_busy).map(|it| it.name.to_string()).collect())
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
        let mut removed = Vec::new();
        for kept in Kept::ALL {
            if self.vault.remove(kept).await? {
                removed.push(self.vault.reference(kept).to_string());
            }
        }
        let outcome = match removed.as_slice() {
            [] => Outcome::was_done("there are none"),
            removed => Outcome::done(format!("{} were removed", removed.join(", "))),
        };
        steps.tell(self.people, "secrets", outcome);
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
        let files = format!("{} and {SAM_CONFIG}", self.answers.config.display());
        steps.tell(self.people, "files", Outcome::left(format!("{files} stay; they hold no secret")));
        self.notebook.forget();
        let note = "AWS keeps a last backup of the table for 35 days; task definitions cost nothing";
        self.taken_down(&steps, note)
    }

    fn taken_down(&self, steps: &Steps, note: &str) -> Result<Answer, Failure> {
        if self.args.format.json {
            return Ok(Answer::data(output::json(&json!({ "steps": steps }))?));
        }
        Ok(Answer::default().note(note))
    }
}

fn busy_failure(runners: &[String], stack: &str) -> Failure {
    let failure = Failure::new(format!("runners have jobs, or may get one: {}", runners.join(", ")));
    failure.hint(format!(
        "webhooks are off, so no more come: run this again when their jobs have ended; `fleetfoot runners list --stack \
         {stack}` shows them"
    ))
}

async fn live(ledger: &dyn Ledger) -> Result<Vec<Runner>, Failure> {
    let mut found = Vec::new();
    for index in [Index::Unmatched, Index::Active] {
        let rows = ledger.list(index, usize::MAX).await.or_fail("the fleet's runners cannot be read")?;
        let runners = rows.into_iter().filter_map(|row| rows::runner(row.value));
        found.extend(runners.filter(Runner::is_live));
    }
    Ok(found)
}
