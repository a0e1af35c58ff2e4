//! A new GitHub App by its manifest: a browser goes to GitHub and comes back with a code, for which GitHub tells the App's key
//! once.

use fleetfoot_github::{Account, App, NewApp, convert_manifest};
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::secret::Secret;
use tokio::time::{interval, timeout};

use super::Setup;
use super::manifest::{app_name, creation_page, manifest, settings_page};
use super::memory::RememberedApp;
use super::page::{Arrival, Page, Reply};
use super::people::call;
use super::report::Outcome;
use super::vault::Kept;
use crate::failure::Failure;

/// How often a code is tried while GitHub is out of reach.
const MOST_TRIES: u32 = 5;

impl Setup<'_> {
    /// Leads a browser to GitHub and waits for it to come back.
    pub(super) async fn make(&self) -> Result<(App, Outcome), Failure> {
        let Setup { answers, people, .. } = self;
        let default = app_name(&answers.fleet, answers.owner());
        let name = self.args.github.app_name.clone().unwrap_or(default);
        // From here on a browser may make one, whatever becomes of this process.
        self.keep_in_mind(None, Some(name.clone()))?;
        let webhook = self.args.github.webhook_url.as_deref();
        let manifest = |redirect: &str| manifest(&name, &answers.target, answers.wishes, webhook, redirect);
        let mut page = Page::serve(creation_page(&self.web, self.organization()), manifest).await?;
        call(*people, &format!("make the GitHub App {name} in your browser: {}", page.address));
        people.open(&page.address);
        let waiting = self.waiting("waiting for the browser to come back");
        let made = timeout(self.patience.browser, self.made(&mut page)).await;
        drop(waiting);
        let app = made.map_err(|_| {
            let owner = answers.owner();
            Failure::new("no browser has come back with an App within an hour")
                .hint(format!("run this again when somebody can go to the page who may make Apps of {owner}"))
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
            match self.convert(&code).await {
                Ok(app) => {
                    let kept = match self.stranger(&app) {
                        Some(stranger) => Err(self.refuse(&app, stranger)),
                        None => self.keep(&app).await,
                    };
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

    /// Exchanges a code. GitHub may be out of reach for a moment, and the code is good for an hour.
    async fn convert(&self, code: &Secret) -> Result<NewApp, GitHubError> {
        let mut ticks = interval(self.patience.pause);
        let (mut tries, mut unclear) = (0, None);
        loop {
            ticks.tick().await;
            tries += 1;
            let answer = convert_manifest(&self.answers.github, code.expose(), &*self.clock).await;
            match (answer, unclear.take()) {
                (Err(error @ GitHubError::Unavailable(_)), _) if tries < MOST_TRIES => unclear = Some(error),
                // It was used up by a request whose answer was lost.
                (Err(GitHubError::NotFound(_)), Some(error)) => return Err(error),
                (answer, _) => return answer,
            }
        }
    }

    /// Whose the App is if somebody has made it elsewhere than on the page that they were led to, or slipped another's in.
    fn stranger<'a>(&self, app: &'a NewApp) -> Option<&'a Account> {
        app.owner.as_ref().filter(|it| !it.login.eq_ignore_ascii_case(self.answers.owner()))
    }

    fn refuse(&self, app: &NewApp, stranger: &Account) -> Failure {
        let (theirs, owner) = (stranger.login.as_str(), self.answers.owner());
        let organization = Some(theirs).filter(|_| stranger.kind == "Organization");
        let page = settings_page(&self.web, organization, &app.slug);
        Failure::new(format!("the App {} was made for {theirs}, and not for {owner}", app.slug)).hint(format!(
            "its key was not kept: delete it at {page}, sign in at GitHub as somebody who may make Apps of {owner}, and \
             run this again"
        ))
    }

    /// GitHub tells a key once. It goes into the vault before anything else is done; a person who can mend what is in the
    /// way may have it tried again.
    async fn keep(&self, app: &NewApp) -> Result<(), Failure> {
        let NewApp { id, slug, html_url, key, .. } = app;
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
}
