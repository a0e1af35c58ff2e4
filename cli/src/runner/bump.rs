//! `fleetfoot runner bump`

use std::path::Path;

use fleetfoot_github::{Proposal, Proposed};
use fleetfoot_model::ids::Repository;
use fleetfoot_model::runner_release::{Pin, RunnerRelease};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::pin::{FILE, File};
use super::{GitHubArgs, refused};
use crate::arguments::Format;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot runner bump
  GITHUB_TOKEN=... fleetfoot runner bump --pull-request acme/fleetfoot

The version, its day and its checksums are those that GitHub tells with the release. Nothing is
changed if the newest release is pinned, and no second pull request is opened for a release.
Images are built with the new release once the fleet has been deployed with it.

The token needs `contents: write` and `pull-requests: write`.

JSON:
  { "pinned": the release before, "newest", "state": newest if there was nothing to do | written |
    opened | open if the pull request was there already, "file": that was written or null,
    "pullRequest": its address or null }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    github: GitHubArgs,
    /// Open a pull request in this repository instead of writing the file here
    #[arg(long, value_name = "OWNER/REPO", conflicts_with = "file")]
    pull_request: Option<Repository>,
    #[command(flatten)]
    format: Format,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    /// The newest release is pinned.
    Newest,
    /// The file has the newest one now.
    Written,
    /// There is a pull request now.
    Opened,
    /// There was one already.
    Open,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bump {
    pinned: String,
    newest: String,
    state: State,
    file: Option<String>,
    pull_request: Option<String>,
}

impl Bump {
    fn new(pin: &Pin, newest: &RunnerRelease, state: State) -> Self {
        let (pinned, newest) = (pin.version.to_string(), newest.version.to_string());
        Self { pinned, newest, state, file: None, pull_request: None }
    }

    fn answer(self, format: Format) -> Result<Answer, Failure> {
        if format.json {
            return Ok(Answer::data(output::json(&self)?));
        }
        let Self { pinned, newest, state, file, pull_request } = self;
        let note = match state {
            State::Newest => format!("{pinned} is the newest release: nothing is to be done"),
            State::Written => format!("{}: {pinned} is now {newest}", file.unwrap_or_default()),
            State::Opened => format!("a pull request was opened: {pinned} becomes {newest}"),
            State::Open => "its pull request is open already".to_owned(),
        };
        let address = pull_request.map(|address| format!("{address}\n"));
        Ok(Answer::data(address.unwrap_or_default()).note(note))
    }
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    if args.pull_request.is_some() && !args.github.has_token() {
        return Err(Failure::new("a pull request needs a token").hint("set GITHUB_TOKEN"));
    }
    let releases = args.github.releases(times).await?;
    let newest = releases.iter().max_by_key(|release| release.version);
    let newest = newest.ok_or_else(|| Failure::new("GitHub lists no release"))?;
    let bump = match &args.pull_request {
        Some(repository) => propose(&args.github, repository, newest, times).await?,
        None => write(&args.file, newest)?,
    };
    bump.answer(args.format)
}

/// Over the file of this checkout.
fn write(file: &File, newest: &RunnerRelease) -> Result<Bump, Failure> {
    let found = file.find()?;
    let Some(path) = &found.file else {
        let hint = "run it in a checkout of Fleetfoot, or name the file with --file";
        return Err(Failure::new(format!("there is no {FILE} here")).hint(hint));
    };
    let Some(text) = bumped(&found.text, &found.pin, newest, &path.display().to_string())? else {
        return Ok(Bump::new(&found.pin, newest, State::Newest));
    };
    replace(path, &text)?;
    Ok(Bump { file: Some(path.display().to_string()), ..Bump::new(&found.pin, newest, State::Written) })
}

/// All of the file or nothing.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let what = || format!("{} cannot be written", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = std::fs::metadata(path).or_fail(what())?.permissions();
    let mut file = tempfile::NamedTempFile::new_in(folder).or_fail(what())?;
    std::io::Write::write_all(&mut file, text.as_bytes()).or_fail(what())?;
    file.as_file().set_permissions(permissions).or_fail(what())?;
    file.persist(path).or_fail(what())?;
    Ok(())
}

async fn propose(
    github: &GitHubArgs,
    repository: &Repository,
    newest: &RunnerRelease,
    times: &Times,
) -> Result<Bump, Failure> {
    let api = github.api(times);
    let place = format!("{FILE} of {repository}");
    let text = api.file(repository, FILE).await;
    let text = text.map_err(|error| refused(&format!("{place} cannot be read"), &error, times))?;
    let pin: Result<Pin, Failure> = text.parse().or_fail(format!("{place} cannot be read"));
    let pin = pin.map_err(|it| it.hint("it has to be as runner/release.toml of Fleetfoot is"))?;
    let Some(text) = bumped(&text, &pin, newest, &place)? else {
        return Ok(Bump::new(&pin, newest, State::Newest));
    };
    let new = newest.version;
    let proposal = Proposal {
        repository,
        path: FILE,
        branch: &format!("fleetfoot/runner-{new}"),
        text: &text,
        title: &format!("Runner images are made with release {new} of GitHub's runner"),
        body: &body(&pin, newest),
    };
    let proposed = api.propose(&proposal).await;
    let what = format!("no pull request can be opened in {repository}");
    let (state, url) = match proposed.map_err(|error| refused(&what, &error, times))? {
        Proposed::Opened(url) => (State::Opened, url),
        Proposed::IsOpen(url) => (State::Open, url),
    };
    Ok(Bump { pull_request: Some(url), ..Bump::new(&pin, newest, state) })
}

fn body(pin: &Pin, newest: &RunnerRelease) -> String {
    let RunnerRelease { version, published_at, .. } = newest;
    let day = published_at.to_zoned(TimeZone::UTC).date();
    format!(
        "Release [{version}](https://github.com/actions/runner/releases/tag/v{version}) of GitHub's runner was \
         published on {day}. Pinned is {}, of {}.\n\nGitHub sends no jobs to a release from 30 days after the next one \
         was published. Once this is deployed, runner images are built anew; those that are there serve meanwhile.\n\n\
         The checksums are those that GitHub tells with the release. Opened by `fleetfoot runner bump`.\n",
        pin.version, pin.published
    )
}

/// The file with the newest release; none if that is pinned.
fn bumped(text: &str, pin: &Pin, newest: &RunnerRelease, place: &str) -> Result<Option<String>, Failure> {
    if newest.version <= pin.version {
        return Ok(None);
    }
    let checksums = newest.checksums.clone().ok_or_else(|| {
        Failure::new(format!("release {} tells no checksums that can be trusted", newest.version)).hint(
            "GitHub gives a digest with each archive; look at the release's page before pinning it by hand",
        )
    })?;
    let published = newest.published_at.to_zoned(TimeZone::UTC).date();
    let pin = Pin { version: newest.version, published, checksums };
    let text = pin.write_into(text);
    text.map(Some).ok_or_else(|| {
        Failure::new(format!("{place} has another form than this program writes"))
            .hint("a version, the day it was published and its checksums, as runner/release.toml of Fleetfoot has them")
    })
}
