//! The webhook: its secret, and where GitHub sends it.

use std::sync::Arc;

use fleetfoot_github::{HookChange, HooksApi};
use fleetfoot_model::config::Target;
use fleetfoot_model::ports::Tickets as _;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::SystemTickets;

use super::Setup;
use super::report::Outcome;
use super::vault::Kept;
use crate::failure::{Failure, OrFail};

impl Setup<'_> {
    /// Sees to it that there is a secret. A new one takes the place of the old if that is asked for, and the old one is
    /// kept beside it: what GitHub has signed with it is still on its way.
    pub(super) async fn webhook_secret(&self) -> Result<Outcome, Failure> {
        let reference = self.vault.reference(Kept::Webhook);
        let is_kept = self.vault.holds(Kept::Webhook).await?;
        if is_kept && !self.args.github.rotate {
            return Ok(Outcome::was_done(format!("of the webhook: {reference} is there")));
        }
        if is_kept {
            let old = self.vault.read(Kept::Webhook).await?;
            self.vault.put(Kept::PreviousWebhook, &old, true).await?;
        }
        // 256 random bits in hexadecimal, like a runner's ticket.
        let secret = Secret::new(SystemTickets.draw().expose());
        self.vault.put(Kept::Webhook, &secret, is_kept).await?;
        let how = if is_kept { "a new one was kept" } else { "kept" };
        Ok(Outcome::done(format!("of the webhook: {how} as {reference}")))
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
        let secret = self.vault.read(Kept::Webhook).await?;
        match app {
            Some(id) => self.hook_of_app(id, address, &secret).await,
            None => self.hooks_of_target(address, &secret).await,
        }
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
            Outcome::was_done(format!("{count} send to {address}"))
        } else {
            Outcome::done(format!("{created} of {count} are new and send to {address}"))
        })
    }
}
