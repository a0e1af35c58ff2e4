//! The fleet's GitHub App: the one that is known, one that a person names, or a new one; and where it is installed.

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_github::{App, AppApi, Installation};
use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::secret::SecretReference;
use tokio::time::{interval, timeout};

use super::Setup;
use super::manifest::settings_page;
use super::memory::RememberedApp;
use super::people::call;
use super::report::Outcome;
use super::vault::{Kept, is_open_to_others, read_secret};
use crate::failure::{Failure, OrFail};

impl Setup<'_> {
    /// The App, whose key is in the vault.
    pub(super) async fn app(&self) -> Result<(App, Outcome), Failure> {
        let github = &self.args.github;
        let memory = self.notebook.read()?;
        let remembered = memory.app.as_ref().map(|app| app.id);
        // What a run has begun with comes before what `fleet.toml` says: that run did not come so far.
        let begun = remembered.filter(|_| memory.unfinished);
        let is_kept = self.vault.holds(Kept::Key).await?;
        if github.new_app {
            return self.another(begun.filter(|_| is_kept)).await;
        }
        let configured = self.answers.configured_app.map(|(id, _)| id);
        let known = github.app_id.or(begun).or(configured).or(remembered);
        match (known, is_kept) {
            (Some(id), _) if github.private_key.is_some() => self.take_key(id, is_kept).await,
            (Some(id), true) => {
                let app = self.about(id, self.vault.reference(Kept::Key)).await?;
                let outcome = Outcome::was_done(format!("{} ({id}) is there", app.slug));
                Ok((app, outcome))
            }
            (Some(id), false) => Err(self.key_is_lost(id, memory.app.as_ref())),
            (None, true) => {
                Err(Failure::new("there is the private key of an App, but it is not known which")
                    .hint("--app-id names it; --new-app makes another App, whose key takes this one's place"))
            }
            (None, false) => {
                if let Some(name) = memory.pending {
                    let words = format!(
                        "an earlier run ended while a browser was making the App {name}: if GitHub has it, \
                         delete it there, its key is known to nobody"
                    );
                    call(self.people, &words);
                }
                self.make().await
            }
        }
    }

    /// Another App than the one that is known: the one that an earlier run was begun with, as whoever repeats its line does
    /// not want a third.
    async fn another(&self, begun: Option<u64>) -> Result<(App, Outcome), Failure> {
        let Some(id) = begun else { return self.make().await };
        match self.as_app(id).about().await {
            Ok(app) => {
                let about = format!("{} ({id}) is the other one, of an earlier run", app.slug);
                Ok((app, Outcome::was_done(about)))
            }
            Err(GitHubError::Unauthorized(_) | GitHubError::NotFound(_)) => self.make().await,
            Err(error) => Err(Failure::new(format!("the App {id} cannot be looked at")).because(&error)),
        }
    }

    /// GitHub, asked as the App.
    pub(super) fn as_app(&self, id: u64) -> AppApi {
        let key = self.vault.reference(Kept::Key);
        AppApi::new(&self.answers.github, id, key, self.vault.secrets(), Arc::clone(&self.clock))
    }

    /// Where the App is installed, once it is.
    pub(super) async fn installation(&self, app: &App) -> Result<(u64, Outcome), Failure> {
        let api = self.as_app(app.id);
        let owner = self.answers.owner();
        if let Some(found) = self.find_installation(&api, owner).await? {
            let about = format!("{} has the App ({})", found.account.login, found.id);
            return Ok((found.id, Outcome::was_done(about)));
        }
        if !app.owner.login.eq_ignore_ascii_case(owner) {
            let theirs = &app.owner.login;
            let words = format!(
                "the App {} belongs to {theirs}: {owner} can only install it if it is public; --new-app makes one of {owner}'s",
                app.slug
            );
            call(self.people, &words);
        }
        let page = format!("{}/installations/new", app.html_url);
        call(
            self.people,
            &format!("install the App on {owner}, with the repositories it is to serve: {page}"),
        );
        self.people.open(&page);
        let _waiting = self.waiting("waiting for the installation");
        let mut ticks = interval(self.patience.pause);
        let waiting = async {
            loop {
                ticks.tick().await;
                if let Some(found) = self.find_installation(&api, owner).await? {
                    return Ok::<_, Failure>(found);
                }
            }
        };
        let found = timeout(self.patience.installation, waiting).await.map_err(|_| {
            Failure::new(format!("the App is not installed on {owner} yet"))
                .hint(format!("install it at {page}, then run this again: it goes on here"))
        })??;
        let about = format!("{} has the App now ({})", found.account.login, found.id);
        Ok((found.id, Outcome::done(about)))
    }

    async fn find_installation(&self, api: &AppApi, owner: &str) -> Result<Option<Installation>, Failure> {
        let found = api.installations().await.or_fail("it cannot be seen where the App is installed")?;
        let found = found.into_iter().find(|it| it.account.login.eq_ignore_ascii_case(owner));
        match found {
            Some(found) if found.suspended_at.is_some() => {
                Err(Failure::new(format!("the App's installation on {owner} is suspended"))
                    .hint(format!("let it work again at {}, then run this again", found.html_url)))
            }
            found => Ok(found),
        }
    }

    /// The App, if GitHub takes this key for its own.
    pub(super) async fn about(&self, id: u64, key: SecretReference) -> Result<App, Failure> {
        let (github, clock) = (&self.answers.github, Arc::clone(&self.clock));
        // A key that a person names lies in a file, whatever the vault is.
        let api = match &key {
            SecretReference::File(_) => {
                let secrets = Arc::new(LocalSecrets::new(self.answers.folder()));
                AppApi::new(github, id, key.clone(), secrets, clock)
            }
            _ => AppApi::new(github, id, key.clone(), self.vault.secrets(), clock),
        };
        api.about().await.map_err(|error| match error {
            GitHubError::Unauthorized(_) | GitHubError::NotFound(_) => Failure::new(format!(
                "GitHub does not take {key} for the key of the App {id}"
            ))
            .because(&error)
            .hint(
                "if the App was deleted, --new-app makes another; if its key was, make one on the App's \
                         page and run this with --app-id ID --private-key FILE --rotate",
            ),
            error => Failure::new(format!("the App {id} cannot be looked at")).because(&error),
        })
    }

    /// Takes over the key that a person has made.
    async fn take_key(&self, id: u64, is_kept: bool) -> Result<(App, Outcome), Failure> {
        let Some(file) = &self.args.github.private_key else {
            return Err(Failure::new("no key is named").hint("--private-key FILE"));
        };
        let key = read_secret(file)?;
        let path = std::path::absolute(file).or_fail(format!("there is no file {}", file.display()))?;
        let app = self.about(id, SecretReference::File(path.display().to_string())).await?;
        if is_kept && self.vault.read(Kept::Key).await? == key {
            return Ok((app, Outcome::was_done(format!("({id}) is there, with this key"))));
        }
        if is_kept && !self.args.github.rotate {
            return Err(Failure::new(format!("{} is another key", self.vault.reference(Kept::Key)))
                .hint("--rotate puts this one in its place"));
        }
        self.vault.put(Kept::Key, &key, is_kept).await?;
        self.remember(&app)?;
        if is_open_to_others(&path) {
            call(self.people, &format!("others on this machine can read {}", file.display()));
        }
        let about = format!("{} ({id}), key kept; {} is needed no more", app.slug, file.display());
        Ok((app, Outcome::done(about)))
    }

    fn remember(&self, app: &App) -> Result<(), Failure> {
        let App { id, slug, html_url, .. } = app.clone();
        self.keep_in_mind(Some(RememberedApp { id, slug, html_url }), None)
    }

    /// What becomes of an App, and which is being made, for the next run.
    pub(super) fn keep_in_mind(
        &self,
        app: Option<RememberedApp>,
        pending: Option<String>,
    ) -> Result<(), Failure> {
        self.notebook.change(|memory| {
            memory.unfinished = app.is_some();
            memory.app = app;
            memory.pending = pending;
        })
    }

    pub(super) fn key_is_lost(&self, id: u64, app: Option<&RememberedApp>) -> Failure {
        let page = match app {
            Some(app) => settings_page(&self.web, self.organization(), &app.slug),
            None => self.settings_of_apps(),
        };
        Failure::new(format!("the App {id} is there, but not its key {}", self.vault.reference(Kept::Key))).hint(
            format!(
                "make a private key at {page}, then run this with --app-id {id} --private-key FILE; or delete the App \
                 there and run this with --new-app"
            ),
        )
    }

    pub(super) fn settings_of_apps(&self) -> String {
        settings_page(&self.web, self.organization(), "")
    }
}

/// How long whoever runs it is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a browser to come back.
    pub(super) browser: Duration,
    /// For the App to be installed.
    pub(super) installation: Duration,
    /// For the test job.
    pub(super) job: Duration,
    /// Between two looks.
    pub(super) pause: Duration,
    /// For functions to read what is new.
    pub(super) fresh: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            browser: Duration::from_hours(1),
            installation: Duration::from_mins(15),
            job: Duration::from_mins(20),
            pause: Duration::from_secs(2),
            fresh: Duration::from_secs(65),
        }
    }
}
