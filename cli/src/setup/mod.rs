//! `fleetfoot setup`: from nothing to a fleet that runs jobs. Each step looks first whether it is done, so that a run that
//! was cut off anywhere is gone on with by the next.

mod answers;
mod app;
mod arguments;
mod deploy;
mod doctor;
mod files;
mod manifest;
mod memory;
mod new_app;
mod page;
mod people;
mod report;
mod summary;
mod tear_down;
mod test_job;
#[cfg(test)]
mod tests;
mod vault;
mod webhook;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use aws_config::SdkConfig;
use fleetfoot_github::{App, is_organization, needed_permissions};
use fleetfoot_model::config::Target;
use fleetfoot_model::ids::Owner;
use fleetfoot_model::ports::{Clock, GitHubError};
use fleetfoot_model::secret::SecretReference;
use fleetfoot_shell::clock::SystemClock;
use url::Url;

use self::answers::{Answers, Destination};
use self::app::Patience;
use self::files::{SAM_CONFIG, SignIn};
use self::memory::Notebook;
use self::people::{People, Terminal, call};
use self::report::{Outcome, Steps};
use self::summary::Summary;
use self::vault::{Kept, Vault, read_secret};
use crate::aws;
use crate::failure::Failure;
use crate::output::Answer;
use crate::place::Remote;
use crate::progress::Progress;

pub(crate) use arguments::{Args, EXAMPLES};
pub(crate) use manifest::web_of;

/// Everything that the steps need.
struct Setup<'a> {
    args: &'a Args,
    answers: Answers,
    people: &'a dyn People,
    vault: Vault,
    notebook: Notebook,
    clock: Arc<dyn Clock>,
    patience: Patience,
    /// GitHub's pages.
    web: Url,
    /// Whether the owner is an organization, whose Apps have other pages than a person's.
    is_organization: bool,
}

pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let people = Terminal::new(args.yes, !args.github.no_browser);
    let setup = Setup::new(&args, &people, Patience::default()).await?;
    if args.tear_down { setup.tear_down().await } else { setup.set_up().await }
}

impl<'a> Setup<'a> {
    async fn new(args: &'a Args, people: &'a dyn People, patience: Patience) -> Result<Self, Failure> {
        let answers = Answers::gather(args, people)?;
        let vault = vault(args, &answers).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let is_organization = match answers.owner().parse::<Owner>() {
            Ok(owner) if !answers.token => {
                let found = is_organization(&answers.github, &owner, &*clock).await;
                if args.tear_down { found.unwrap_or(true) } else { kind_of(&answers.target, people, found)? }
            }
            _ => true,
        };
        Ok(Self {
            web: manifest::web_of(&answers.github)?,
            notebook: Notebook::new(&args.state.state),
            args,
            answers,
            people,
            vault,
            clock,
            patience,
            is_organization,
        })
    }

    /// The organization that owns the App, unless a person does.
    fn organization(&self) -> Option<&str> {
        self.is_organization.then(|| self.answers.owner())
    }

    async fn set_up(&self) -> Result<Answer, Failure> {
        let mut steps = Steps::default();
        self.move_secrets(&mut steps).await?;
        // First, for it shows whether secrets can be kept at all: GitHub tells an App's key only once.
        steps.tell(self.people, "secret", self.webhook_secret().await?);
        let (sign_in, app) = self.sign_in(&mut steps).await?;
        let text = files::fleet(&self.answers, &sign_in, &self.webhook_secrets().await?)?;
        steps.tell(self.people, "fleet.toml", files::write(self.people, &self.answers.config, &text)?);
        let address = match &self.answers.place {
            Destination::Here => self.here(&mut steps),
            Destination::Aws { .. } => self.on_aws(&mut steps).await?,
        };
        let hook = self.webhook(address.as_deref(), app.as_ref().map(|app| app.id)).await?;
        steps.tell(self.people, "webhook", hook);
        steps.tell(self.people, "doctor", self.doctor(address.as_deref()).await?);
        steps.tell(self.people, "test job", self.test_job(address.as_deref()).await?);
        self.notebook.change(|memory| memory.unfinished = false)?;
        Summary::new(self, app.as_ref(), &sign_in, address).answer(steps, self.args.format)
    }

    /// What the fleet shows GitHub.
    async fn sign_in(&self, steps: &mut Steps) -> Result<(SignIn, Option<App>), Failure> {
        if self.answers.token {
            steps.tell(self.people, "token", self.token().await?);
            return Ok((SignIn::Token(self.vault.reference(Kept::Token)), None));
        }
        let (app, outcome) = self.app().await?;
        steps.tell(self.people, "GitHub App", outcome);
        let needed = needed_permissions(&self.answers.target, self.answers.wishes);
        let missing = needed.iter().filter(|it| !it.is_in(&app.permissions));
        let missing: Vec<String> = missing.map(ToString::to_string).collect();
        if !missing.is_empty() {
            let page = manifest::settings_page(&self.web, self.organization(), &app.slug);
            call(
                self.people,
                &format!("the App lacks {}: give it at {page}/permissions", missing.join(", ")),
            );
        }
        let (installation, outcome) = self.installation(&app).await?;
        steps.tell(self.people, "installation", outcome);
        let sign_in = SignIn::App { id: app.id, installation, key: self.vault.reference(Kept::Key) };
        Ok((sign_in, Some(app)))
    }

    /// The personal access token, in the vault.
    async fn token(&self) -> Result<Outcome, Failure> {
        let is_kept = self.vault.holds(Kept::Token).await?;
        let reference = self.vault.reference(Kept::Token);
        if is_kept && !self.args.github.rotate {
            return Ok(Outcome::was_done(format!("{reference} is there")));
        }
        let token = match &self.args.github.token_file {
            Some(file) => read_secret(file)?,
            None if is_kept => return Ok(Outcome::was_done(format!("{reference} stays as it is"))),
            None => self.people.ask_secret("The personal access token (it is not shown)")?,
        };
        self.vault.put(Kept::Token, &token, is_kept).await?;
        Ok(Outcome::done(format!("kept as {reference}")))
    }

    /// What another store of the account has of this fleet comes along, so that nobody has to make a key anew. There it
    /// stays: functions use it until they have read the new configuration.
    async fn move_secrets(&self, steps: &mut Steps) -> Result<(), Failure> {
        let Some(before) = self.vault.other().filter(|it| it.store() == self.answers.store) else {
            return Ok(());
        };
        // A key that an earlier run has got from GitHub, and `fleet.toml` does not tell of yet, is nowhere else.
        let is_begun = self.notebook.read()?.unfinished;
        let (mut moved, mut removals) = (Vec::new(), Vec::new());
        for kept in Kept::ALL {
            if !before.holds(kept).await? {
                continue;
            }
            let is_there = self.vault.holds(kept).await?;
            if !(is_there && is_begun) {
                self.vault.put(kept, &before.read(kept).await?, is_there).await?;
            }
            moved.push(self.vault.reference(kept).to_string());
            removals.push(before.removal(kept));
        }
        if !moved.is_empty() {
            let about = format!("now {}", moved.join(", "));
            steps.tell(self.people, "secrets", Outcome::done(about));
            let words = "a minute after the webhook was set nothing uses the old ones any more:";
            call(self.people, &format!("{words} {}", removals.join(" && ")));
        }
        Ok(())
    }

    /// References to the webhook's secrets, the current one first.
    async fn webhook_secrets(&self) -> Result<Vec<SecretReference>, Failure> {
        let mut found = vec![self.vault.reference(Kept::Webhook)];
        if self.vault.holds(Kept::PreviousWebhook).await? {
            found.push(self.vault.reference(Kept::PreviousWebhook));
        }
        Ok(found)
    }

    fn here(&self, steps: &mut Steps) -> Option<String> {
        let outcome = if self.args.state.is_up() {
            Outcome::was_done("this machine: `fleetfoot up` runs the fleet")
        } else {
            Outcome::left(format!("this machine: `{}` runs the fleet", self.up()))
        };
        steps.tell(self.people, "deployment", outcome);
        self.args.github.webhook_url.clone()
    }

    /// How the fleet is started. What is as it is by default nobody has to type.
    fn up(&self) -> String {
        let (state, config) = (&self.args.state.state, &self.args.configuration.config);
        let runner = &self.args.nearby.runner.runner_dir;
        let mut line = "fleetfoot up".to_owned();
        for (option, value, default) in [
            ("--state", state, ".fleetfoot"),
            ("--config", config, "fleet.toml"),
            // Said in any case: it has to be unpacked first.
            ("--runner-dir", runner, ""),
        ] {
            if value != Path::new(default) {
                let _ = write!(line, " {option} {}", value.display());
            }
        }
        line
    }

    async fn on_aws(&self, steps: &mut Steps) -> Result<Option<String>, Failure> {
        let Destination::Aws { stack, parameters, .. } = &self.answers.place else { return Ok(None) };
        let file = self.answers.folder().join(SAM_CONFIG);
        let text = files::sam_config(&file, stack, &self.region(), parameters)?;
        steps.tell(self.people, "samconfig.toml", files::write(self.people, &file, &text)?);
        steps.tell(self.people, "configuration", self.put_configuration(stack).await?);
        let (outcome, address) = self.deploy(stack).await?;
        steps.tell(self.people, "deployment", outcome);
        Ok(address)
    }

    /// Shows that something is waited for.
    fn waiting(&self, what: &str) -> Progress {
        Progress::waiting(what, self.args.format)
    }

    fn sdk(&self) -> Option<&SdkConfig> {
        match &self.vault {
            Vault::Aws { sdk, .. } => Some(sdk),
            Vault::Folder(_) => None,
        }
    }

    fn region(&self) -> String {
        self.sdk().and_then(SdkConfig::region).map(ToString::to_string).unwrap_or_default()
    }
}

async fn vault(args: &Args, answers: &Answers) -> Result<Vault, Failure> {
    let Destination::Aws { stack, region, parameters } = &answers.place else {
        return Ok(Vault::Folder(answers.folder().to_owned()));
    };
    let remote =
        Remote { stack: Some(stack.clone()), region: region.clone(), profile: args.aws.profile.clone() };
    let sdk = aws::session(&remote).await?;
    let of_deployment = parameters.iter().find(|it| it.name == "SecretsKeyArn" && !it.value.is_empty());
    let key = args.aws.kms_key.clone().or_else(|| of_deployment.map(|it| it.value.clone()));
    let store = args.aws.vault.or(answers.store).unwrap_or_default();
    Ok(Vault::Aws { sdk: Box::new(sdk), stack: stack.clone(), key, store })
}

/// Whether the owner is an organization, as GitHub tells strangers. Some servers tell them nothing, or not of everybody.
fn kind_of(target: &Target, people: &dyn People, found: Result<bool, GitHubError>) -> Result<bool, Failure> {
    let owner = answers::owner(target);
    match (target, found) {
        (Target::Organization(_), Ok(false)) => {
            Err(Failure::new(format!("{owner} is a person's account, and no organization")).hint(format!(
                "--repository {owner}/NAME serves a repository of theirs, as often as there are some"
            )))
        }
        (_, Err(GitHubError::NotFound(_))) => {
            call(people, &format!("GitHub shows strangers no account {owner}: is its name right?"));
            Ok(true)
        }
        (_, Err(error @ GitHubError::Unavailable(_))) => {
            // It may be well again when somebody has come back from the browser.
            call(people, &format!("GitHub did not say who {owner} is: {error}"));
            Ok(true)
        }
        (_, found) => Ok(found.unwrap_or(true)),
    }
}
