//! The stack: its configuration, `sam build`, `sam deploy`.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use super::Setup;
use super::report::Outcome;
use crate::aws::stack::{Stack, output};
use crate::config;
use crate::failure::{Failure, OrFail};

/// Without it the crypto library may gather entropy for up to a second when a function starts.
const NO_JITTER: (&str, &str) = ("AWS_LC_SYS_NO_JITTER_ENTROPY", "1");
const NO_SAM: &str = "docs/deploy.md names what is needed: pip install aws-sam-cli==1.170.0 cargo-lambda==1.9.2 ziglang==0.17.0";

impl Setup<'_> {
    /// Makes `fleet.toml` the configuration of the stack, which need not be there yet.
    pub(super) async fn put_configuration(&self, stack: &str) -> Result<Outcome, Failure> {
        let Some(sdk) = self.sdk() else { return Ok(Outcome::skipped("fleet.toml itself")) };
        let put = config::put(sdk, stack, &self.answers.config).await?;
        for warning in &put.warnings {
            super::call(self.people, warning);
        }
        let about = format!("{}, version {}", put.parameter, put.version);
        Ok(if put.written { Outcome::done(about) } else { Outcome::was_done(about) })
    }

    /// Builds and deploys, unless the stack is there. Answers the webhook's address.
    pub(super) async fn deploy(&self, stack: &str) -> Result<(Outcome, Option<String>), Failure> {
        let Some(sdk) = self.sdk() else { return Ok((Outcome::skipped("on this machine"), None)) };
        // A change set that nobody carried out is no stack.
        let found = Stack::find(sdk, stack).await?.filter(|it| it.status() != "REVIEW_IN_PROGRESS");
        let is_remains = found.as_ref().is_some_and(|it| it.is_remains() && it.is_of_fleetfoot());
        // Another's stack of this name is never deployed over.
        let found = if is_remains { None } else { found.map(Stack::usable).transpose()? };
        if let Some(there) = found.as_ref().filter(|_| !self.args.aws.update) {
            let address = there.output(output::WEBHOOK)?.to_owned();
            let words = format!("the stack {stack} is there; --update builds and deploys it again");
            return Ok((Outcome::was_done(words), Some(address)));
        }
        let mut commands: Vec<_> = self.sam_commands()?.into();
        if is_remains {
            commands.insert(0, self.sam_delete(stack));
        }
        if self.args.aws.no_deploy {
            let lines: Vec<_> = commands.iter().map(|words| words.join(" ")).collect();
            return Ok((Outcome::left(format!("run `{}`, then this again", lines.join(" && "))), None));
        }
        let first = if is_remains { "Delete what a failed deployment has left, build" } else { "Build" };
        let question = format!("{first} nine functions and deploy the stack {stack}? It takes minutes.");
        if !self.people.agrees(&question)? {
            return Ok((Outcome::left("not deployed: run this again when it may be"), None));
        }
        for words in &commands {
            self.sam(words).await?;
        }
        let there = Stack::deployed(sdk, stack).await?;
        let address = there.output(output::WEBHOOK)?.to_owned();
        let how = if found.is_some() { "was updated" } else { "was deployed" };
        Ok((Outcome::done(format!("the stack {stack} {how} in {}", self.region())), Some(address)))
    }

    fn sam_commands(&self) -> Result<[Vec<String>; 2], Failure> {
        let source = self.source()?;
        let folder = self.answers.folder();
        let build = folder.join(".aws-sam").join("build");
        let text = |path: &Path| path.display().to_string();
        let config = text(&folder.join(super::SAM_CONFIG));
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut building = own(&["sam", "build"]);
        building.extend(["--template-file".to_owned(), text(&source.join("template.yaml"))]);
        building.extend(["--build-dir".to_owned(), text(&build), "--config-file".to_owned(), config.clone()]);
        let mut deployed = own(&["sam", "deploy", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]);
        deployed.extend(["--template-file".to_owned(), text(&build.join("template.yaml"))]);
        deployed.extend(["--config-file".to_owned(), config]);
        if let Some(profile) = &self.args.aws.profile {
            deployed.extend(["--profile".to_owned(), profile.clone()]);
        }
        Ok([building, deployed])
    }

    /// Deletes a stack, without a question.
    pub(super) fn sam_delete(&self, stack: &str) -> Vec<String> {
        let region = self.region();
        let words = ["sam", "delete", "--no-prompts", "--stack-name", stack, "--region", &region];
        let mut words: Vec<String> = words.map(str::to_owned).into();
        if let Some(profile) = &self.args.aws.profile {
            words.extend(["--profile".to_owned(), profile.clone()]);
        }
        words
    }

    /// The folder with Fleetfoot's template and sources.
    fn source(&self) -> Result<std::path::PathBuf, Failure> {
        let source = &self.args.aws.source;
        let source =
            std::path::absolute(source).or_fail(format!("there is no folder {}", source.display()))?;
        if source.join("template.yaml").is_file() {
            return Ok(source);
        }
        Err(Failure::new(format!("there is no template.yaml in {}", source.display()))
            .hint("functions are built from Fleetfoot's sources: --source names a checkout of them"))
    }

    /// Runs a command of the SAM CLI, with its own progress.
    pub(super) async fn sam(&self, words: &[String]) -> Result<(), Failure> {
        let status = self.child(words).await.map_err(|error| {
            Failure::new(format!("`{}` cannot be started", words.join(" "))).because(&error).hint(NO_SAM)
        })?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("`{}` ended with {status}", words.join(" ")))
            .hint("its last lines above say why; when that is mended, run this again: it goes on here"))
    }

    async fn child(&self, words: &[String]) -> std::io::Result<ExitStatus> {
        // stdout is for the summary alone.
        let stderr = std::io::stderr().as_fd().try_clone_to_owned()?;
        let (program, arguments) = words.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env(NO_JITTER.0, NO_JITTER.1)
            .stdout(Stdio::from(stderr))
            .stdin(Stdio::null());
        // Paths in the build's own configuration begin at the template.
        if let Ok(source) = self.source() {
            command.current_dir(source);
        }
        command.status().await
    }
}
