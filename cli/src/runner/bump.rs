//! `fleetfoot runner bump`

use std::path::Path;

use fleetfoot_github::{Proposal, Proposed};
use fleetfoot_model::ids::Repository;
use fleetfoot_model::runner_release::{Pin, RunnerRelease};
use jiff::tz::TimeZone;

use super::pin::{FILE, File};
use super::{GitHubArgs, refused};
use crate::failure::{Failure, OrFail};
use crate::output::Answer;
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r"Examples:
  fleetfoot runner bump
  GITHUB_TOKEN=... fleetfoot runner bump --pull-request acme/fleetfoot

The version, its day and its checksums are those that GitHub tells with the release. Nothing is
changed if the newest release is pinned, and no second pull request is opened for a release.
Images are built with the new release once the fleet has been deployed with it.

The token needs `contents: write` and `pull-requests: write`.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    github: GitHubArgs,
    /// Open a pull request in this repository instead of writing the file here
    #[arg(long, value_name = "OWNER/REPO", conflicts_with = "file")]
    pull_request: Option<Repository>,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    if args.pull_request.is_some() && !args.github.has_token() {
        return Err(Failure::new("a pull request needs a token").hint("set GITHUB_TOKEN"));
    }
    let releases = args.github.releases(times).await?;
    let newest = releases.iter().max_by_key(|release| release.version);
    let newest = newest.ok_or_else(|| Failure::new("GitHub lists no release"))?;
    match &args.pull_request {
        Some(repository) => propose(&args.github, repository, newest, times).await,
        None => write(&args.file, newest),
    }
}

/// Over the file of this checkout.
fn write(file: &File, newest: &RunnerRelease) -> Result<Answer, Failure> {
    let found = file.find()?;
    let Some(path) = &found.file else {
        let hint = "run it in a checkout of Fleetfoot, or name the file with --file";
        return Err(Failure::new(format!("there is no {FILE} here")).hint(hint));
    };
    let Some(text) = bumped(&found.text, &found.pin, newest, &path.display().to_string())? else {
        return Ok(Answer::default().note(is_newest(&found.pin)));
    };
    replace(path, &text)?;
    let (old, new) = (found.pin.version, newest.version);
    Ok(Answer::default().note(format!("{}: {old} is now {new}", path.display())))
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
) -> Result<Answer, Failure> {
    let api = github.api(times);
    let place = format!("{FILE} of {repository}");
    let text = api.file(repository, FILE).await;
    let text = text.map_err(|error| refused(&format!("{place} cannot be read"), &error, times))?;
    let pin: Pin = text.parse().or_fail(format!("{place} cannot be read"))?;
    let Some(text) = bumped(&text, &pin, newest, &place)? else {
        return Ok(Answer::default().note(is_newest(&pin)));
    };
    let (old, new) = (pin.version, newest.version);
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
    Ok(match proposed.map_err(|error| refused(&what, &error, times))? {
        Proposed::Opened(url) => {
            Answer::data(format!("{url}\n")).note(format!("a pull request was opened: {old} becomes {new}"))
        }
        Proposed::IsOpen(url) => Answer::data(format!("{url}\n")).note("its pull request is open already"),
    })
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

fn is_newest(pin: &Pin) -> String {
    format!("{} is the newest release: nothing is to be done", pin.version)
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
    text.map(Some).ok_or_else(|| Failure::new(format!("{place} has another form than this program writes")))
}
