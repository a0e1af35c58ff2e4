//! The fleet's GitHub App: the one that is known, one that a person names, or a new one by its manifest.

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_github::{AboutApp, AppApi, AppInstallation, NewApp, convert_manifest};
use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::secret::SecretReference;
use tokio::time::{interval, timeout};

use super::Setup;
use super::manifest::{self, app_name, creation_page, settings_page};
use super::memory::RememberedApp;
use super::page::{Arrival, Page, Reply};
use super::people::call;
use super::report::Outcome;
use super::vault::{Kept, is_open_to_others, read_secret};
use crate::failure::{Failure, OrFail};

impl Setup<'_> {
    /// The App, whose key is in the vault.
    pub(super) async fn app(&self) -> Result<(AboutApp, Outcome), Failure> {
        let github = &self.args.github;
        let memory = self.notebook.read()?;
        let known = github.app_id.or(self.answers.configured_app.map(|(id, _)| id));
        let known = known.or(memory.app.as_ref().map(|app| app.id)).filter(|_| !github.new_app);
        let is_kept = self.vault.holds(Kept::Key).await?;
        match (known, is_kept) {
            (Some(id), _) if github.private_key.is_some() => self.take_key(id, is_kept).await,
            (Some(id), true) => {
                let app = self.about(id, self.vault.reference(Kept::Key)).await?;
                let outcome = Outcome::was_done(format!("{} ({id}) is there", app.slug));
                Ok((app, outcome))
            }
            (Some(id), false) => Err(self.key_is_lost(id, memory.app.as_ref())),
            (None, true) if !github.new_app => {
                Err(Failure::new("there is the private key of an App, but it is not known which")
                    .hint("--app-id names it; --new-app makes another App, whose key takes this one's place"))
            }
            (None, _) => {
                if let Some(name) = memory.pending.filter(|_| !github.new_app) {
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

    /// GitHub, asked as the App.
    pub(super) fn as_app(&self, id: u64) -> AppApi {
        let key = self.vault.reference(Kept::Key);
        AppApi::new(&self.answers.github, id, key, self.vault.secrets(), Arc::clone(&self.clock))
    }

    /// Where the App is installed, once it is.
    pub(super) async fn installation(&self, app: &AboutApp) -> Result<(u64, Outcome), Failure> {
        let api = self.as_app(app.id);
        let owner = self.answers.owner();
        if let Some(found) = self.find_installation(&api, owner).await? {
            return Ok((
                found.id,
                Outcome::was_done(format!("{} has the App ({})", found.account, found.id)),
            ));
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
        Ok((found.id, Outcome::done(format!("{} has the App now ({})", found.account, found.id))))
    }

    async fn find_installation(&self, api: &AppApi, owner: &str) -> Result<Option<AppInstallation>, Failure> {
        let found = api.installations().await.or_fail("it cannot be seen where the App is installed")?;
        let found = found.into_iter().find(|it| it.account.eq_ignore_ascii_case(owner));
        match found {
            Some(found) if found.suspended => {
                Err(Failure::new(format!("the App's installation on {owner} is suspended"))
                    .hint(format!("let it work again at {}, then run this again", found.html_url)))
            }
            found => Ok(found),
        }
    }

    /// The App, if GitHub takes this key for its own.
    async fn about(&self, id: u64, key: SecretReference) -> Result<AboutApp, Failure> {
        let (github, clock) = (&self.answers.github, Arc::clone(&self.clock));
        // A key that a person names lies in a file, whatever the vault is.
        let api = match &key {
            SecretReference::File(_) => {
                let secrets = Arc::new(LocalSecrets::new(self.answers.folder()));
                AppApi::new(github, id, key.clone(), secrets, clock)
            }
            _ => AppApi::new(github, id, key.clone(), self.vault.secrets(), clock),
        };
        let what = format!("GitHub does not take {key} for the key of the App {id}");
        api.about().await.map_err(|error| {
            let failure = Failure::new(what).because(&error);
            match error {
                GitHubError::Unauthorized(_) | GitHubError::NotFound(_) => failure.hint(
                    "if the App was deleted, --new-app makes another; if its key was, make one on the App's page \
                     and run this with --app-id ID --private-key FILE --rotate",
                ),
                _ => failure,
            }
        })
    }

    /// Takes over the key that a person has made.
    async fn take_key(&self, id: u64, is_kept: bool) -> Result<(AboutApp, Outcome), Failure> {
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

    fn remember(&self, app: &AboutApp) -> Result<(), Failure> {
        let AboutApp { id, slug, html_url, .. } = app.clone();
        self.keep_in_mind(Some(RememberedApp { id, slug, html_url }), None)
    }

    fn keep_in_mind(&self, app: Option<RememberedApp>, pending: Option<String>) -> Result<(), Failure> {
        let mut memory = self.notebook.read()?;
        memory.app = app;
        memory.pending = pending;
        self.notebook.write(&memory)
    }

    /// Leads a browser to GitHub and waits for it to come back.
    async fn make(&self) -> Result<(AboutApp, Outcome), Failure> {
        let Setup { answers, people, .. } = self;
        let default = app_name(&answers.fleet, answers.owner());
        let name = self.args.github.app_name.clone().unwrap_or(default);
        // From here on a browser may make one, whatever becomes of this process.
        self.keep_in_mind(None, Some(name.clone()))?;
        let webhook = self.args.github.webhook_url.as_deref();
        let manifest =
            |redirect: &str| manifest::manifest(&name, &answers.target, answers.wishes, webhook, redirect);
        let mut page = Page::serve(creation_page(&self.web, self.organization()), manifest).await?;
        call(*people, &format!("make the GitHub App {name} in your browser: {}", page.address));
        people.open(&page.address);
        let waiting = self.waiting("waiting for the browser to come back");
        let made = timeout(self.patience.browser, self.made(&mut page)).await;
        drop(waiting);
        let app = made.map_err(|_| {
            Failure::new("no browser has come back with an App within an hour")
                .hint("run this again when somebody can go to the page")
        })??;
        let about = format!(
            "{} ({}) was made, its key kept as {}",
            app.slug,
            app.id,
            self.vault.reference(Kept::Key)
        );
        let about_app = self.about(app.id, self.vault.reference(Kept::Key)).await?;
        Ok((about_app, Outcome::done(about)))
    }

    async fn made(&self, page: &mut Page) -> Result<NewApp, Failure> {
        loop {
            let Some(Arrival { code, reply }) = page.arrival().await else {
                return Err(Failure::new("the page for the browser is gone").hint("run this again"));
            };
            match convert_manifest(&self.answers.github, code.expose(), &*self.clock).await {
                Ok(app) => {
                    let kept = self.keep(&app).await;
                    let next = match &kept {
                        Ok(()) => Reply::Go(format!("{}/installations/new", app.html_url)),
                        Err(failure) => Reply::Failed(failure.what.clone()),
                    };
                    // A browser that has gone away needs no answer.
                    let _ = reply.send(next);
                    page.finish().await;
                    return kept.map(|()| app);
                }
                Err(error @ (GitHubError::NotFound(_) | GitHubError::Invalid(_))) => {
                    let words = "GitHub does not know this code: it is good once, and for an hour";
                    call(self.people, &format!("{words}. Begin again at {}", page.address));
                    tracing::debug!(%error, "the manifest's code was refused");
                    let _ = reply.send(Reply::Failed(words.to_owned()));
                }
                Err(error) => {
                    let failure = Failure::new("the manifest's code cannot be exchanged").because(&error);
                    let _ = reply.send(Reply::Failed(failure.what.clone()));
                    return Err(failure.hint(format!(
                        "GitHub has the App, its key was told to nobody: delete it at {}, then run this again",
                        self.settings_of_apps()
                    )));
                }
            }
        }
    }

    /// GitHub tells a key once. It goes into the vault before anything else is done; a person who can mend what is in the
    /// way may have it tried again.
    async fn keep(&self, app: &NewApp) -> Result<(), Failure> {
        let NewApp { id, slug, html_url, key } = app;
        let remembered = RememberedApp { id: *id, slug: slug.clone(), html_url: html_url.clone() };
        let noted = self.keep_in_mind(Some(remembered.clone()), None);
        loop {
            let Err(failure) = self.vault.put(Kept::Key, key, self.args.github.new_app).await else {
                return noted;
            };
            if self.people.is_interactive() {
                crate::output::report(&failure);
                if self.people.agrees("Nothing is lost yet. Try again to store the App's key?")? {
                    continue;
                }
            }
            let lost = self.key_is_lost(*id, Some(&remembered));
            let causes = std::iter::once(failure.what).chain(failure.causes).collect();
            return Err(Failure {
                what: format!("the App {slug} was made, and its key could not be stored"),
                causes,
                ..lost
            });
        }
    }

    fn key_is_lost(&self, id: u64, app: Option<&RememberedApp>) -> Failure {
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

    fn settings_of_apps(&self) -> String {
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
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            browser: Duration::from_hours(1),
            installation: Duration::from_mins(15),
            job: Duration::from_mins(20),
            pause: Duration::from_secs(2),
        }
    }
}
