//! What is where, at the end.

use fleetfoot_github::App;
use serde::Serialize;

use super::Setup;
use super::files::SignIn;
use super::report::Steps;
use super::vault::Kept;
use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::table::pairs;
use crate::text::safe;

/// What is where.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    fleet: String,
    stack: Option<String>,
    region: Option<String>,
    app: Option<AppView>,
    installation: Option<u64>,
    configuration: String,
    secrets: Vec<String>,
    webhook: Option<String>,
}

#[derive(Debug, Serialize)]
struct AppView {
    id: u64,
    slug: String,
    page: String,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    summary: Summary,
    steps: Steps,
}

impl Summary {
    pub(super) fn new(
        setup: &Setup<'_>,
        app: Option<&App>,
        sign_in: &SignIn,
        webhook: Option<String>,
    ) -> Self {
        let answers = &setup.answers;
        let credential = if app.is_some() { Kept::Key } else { Kept::Token };
        let secrets = [credential, Kept::Webhook].map(|kept| setup.vault.reference(kept).to_string());
        let installation = match sign_in {
            SignIn::App { installation, .. } => Some(*installation),
            SignIn::Token(_) => None,
        };
        Self {
            fleet: answers.fleet.clone(),
            stack: answers.stack().map(str::to_owned),
            region: answers.stack().map(|_| setup.region()),
            app: app.map(|app| AppView { id: app.id, slug: app.slug.clone(), page: app.html_url.clone() }),
            installation,
            configuration: answers.config.display().to_string(),
            secrets: secrets.into(),
            webhook,
        }
    }

    pub(super) fn answer(self, steps: Steps, format: Format) -> Result<Answer, Failure> {
        let left = steps.left();
        if format.json {
            return Ok(Answer::data(output::json(&Document { summary: self, steps })?));
        }
        let place = match (&self.stack, &self.region) {
            (Some(stack), Some(region)) => format!("the stack {stack} in {region}"),
            _ => "this machine".to_owned(),
        };
        let app = self.app.as_ref().map_or("-".to_owned(), |app| app.page.clone());
        let rows = [
            ("fleet", format!("{}, {place}", self.fleet)),
            ("GitHub App", app),
            ("configuration", self.configuration.clone()),
            ("secrets", self.secrets.join(", ")),
            ("webhook", self.webhook.clone().unwrap_or_else(|| "-".to_owned())),
        ];
        let answer = Answer::data(pairs(rows.map(|(name, text)| (name, Some(safe(&text))))));
        let stack = self.stack.map(|stack| format!(" --stack {stack}")).unwrap_or_default();
        Ok(match left {
            0 => answer.note(format!(
                "`fleetfoot jobs list{stack}` shows what runs, `fleetfoot why{stack} JOB` why"
            )),
            1 => answer.note("one step is left to you; then run this again"),
            left => answer.note(format!("{left} steps are left to you; then run this again")),
        })
    }
}
