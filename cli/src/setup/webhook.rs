//! The webhook: its secret, and where GitHub sends it.

use std::future::pending;
use std::sync::Arc;

use fleetfoot_github::{HookChange, HooksApi};
use fleetfoot_model::config::Target;
use fleetfoot_model::ports::Tickets as _;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::SystemTickets;
use tokio::time::timeout;

use super::report::Outcome;
use super::vault::Kept;
use super::{Setup, call};
use crate::failure::{Failure, OrFail};
use crate::text::counted;

/// 256 random bits in hexadecimal, like a runner's ticket.
pub(super) fn draw() -> Secret {
    Secret::new(SystemTickets.draw().expose())
}

impl Setup<'_> {
    /// Sees to it that there is a secret. If it is to be renewed, it is kept as the previous one first: what GitHub has
    /// signed with it is still on its way.
    pub(super) async fn webhook_secret(&self) -> Result<Outcome, Failure> {
        let reference = self.vault.reference(Kept::Webhook);
        if !self.vault.holds(Kept::Webhook).await? {
            self.vault.put(Kept::Webhook, &draw(), false).await?;
            return Ok(Outcome::done(format!("of the webhook: kept as {reference}")));
        }
        if !self.args.github.rotate {
            return Ok(Outcome::was_done(format!("of the webhook: {reference} is there")));
        }
        if !self.notebook.read()?.rotating {
            let old = self.vault.read(Kept::Webhook).await?;
            self.vault.put(Kept::PreviousWebhook, &old, true).await?;
            self.notebook.change(|memory| memory.rotating = true)?;
        }
        let previous = self.vault.reference(Kept::PreviousWebhook);
        let about =
            format!("of the webhook: {reference} is renewed when GitHub is told, {previous} is good, too");
        Ok(Outcome::done(about))
    }

    /// The secret that GitHub is to sign with. A new one comes into being no earlier than here: the fleet's configuration
    /// names the previous one by now.
    async fn secret_for_github(&self) -> Result<Secret, Failure> {
        if !self.args.github.rotate {
            return self.vault.read(Kept::Webhook).await;
        }
        self.wait_for_functions("of the webhook's previous secret").await;
        let secret = draw();
        self.vault.put(Kept::Webhook, &secret, true).await?;
        self.wait_for_functions("of its new one").await;
        Ok(secret)
    }

    /// Functions use what they have read for a minute. Who signs otherwise meanwhile is refused.
    async fn wait_for_functions(&self, of_what: &str) {
        if self.sdk().is_none() {
            return;
        }
        call(self.people, &format!("a minute, in which the functions learn {of_what}"));
        // Nothing tells when they have.
        let _ = timeout(self.patience.fresh, pending::<()>()).await;
    }

    /// Tells GitHub where to send. Nobody can see which secret GitHub has, so it is told each time.
    pub(super) async fn webhook(&self, address: Option<&str>, app: Option<u64>) -> Result<Outcome, Failure> {
        let Some(address) = address else {
            if self.answers.stack().is_some() {
                return Ok(Outcome::left("GitHub is told its address once the stack is deployed"));
            }
            return Ok(Outcome::left(
                "GitHub has to reach /webhook of this fleet: let a proxy or a tunnel with TLS lead there \
                 (docs/one-machine.md), then run this again with --webhook-url https://HOST/webhook",
            ));
        };
        let secret = self.secret_for_github().await?;
        let outcome = match app {
            Some(id) => self.hook_of_app(id, address, &secret).await?,
            None => self.hooks_of_target(address, &secret).await?,
        };
        self.notebook.change(|memory| memory.rotating = false)?;
        Ok(outcome)
    }

    async fn hook_of_app(&self, id: u64, address: &str, secret: &Secret) -> Result<Outcome, Failure> {
        let api = self.as_app(id);
        let what = "the App's webhook cannot be set";
        let before = api.hook_url().await.or_fail(what)?;
        api.set_hook(address, secret).await.or_fail(what)?;
        Ok(if before.as_deref() == Some(address) {
            Outcome::was_done(format!("the App sends to {address}"))
        } else {
            Outcome::done(format!("the App now sends to {address}"))
        })
    }

    async fn hooks_of_target(&self, address: &str, secret: &Secret) -> Result<Outcome, Failure> {
        let scopes: Vec<Scope> = match &self.answers.target {
            Target::Organization(owner) => vec![Scope::Organization(owner.clone())],
            Target::Repositories(all) => all.iter().cloned().map(Scope::Repository).collect(),
        };
        let token = self.vault.reference(Kept::Token);
        let (secrets, clock) = (self.vault.secrets(), Arc::clone(&self.clock));
        let api = HooksApi::new(&self.answers.github, token, secrets, clock);
        let mut created = 0;
        for scope in &scopes {
            let what = format!("the webhook of {scope} cannot be set");
            let change = api.ensure(scope, address, secret).await.map_err(|error| {
                Failure::new(what)
                    .because(&error)
                    .hint("the token needs the right to write webhooks there: docs/one-machine.md")
            })?;
            created += usize::from(change == HookChange::Created);
        }
        let count = scopes.len();
        Ok(if created == 0 {
            Outcome::was_done(format!("{} to {address}", counted(count, "webhook")))
        } else {
            Outcome::done(format!("{} to {address}, {created} new", counted(count, "webhook")))
        })
    }
}
