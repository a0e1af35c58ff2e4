//! What is to be set up: from the command line, from the files of earlier runs, and from whoever can be asked.

use std::path::{Path, PathBuf};

use fleetfoot_github::Wishes;
use fleetfoot_model::config::Target;
use fleetfoot_model::ids::{Owner, Repository};
use toml_edit::{DocumentMut, Item};

use super::arguments::{Args, NewClass, Parameter};
use super::files::{SAM_CONFIG, read_document};
use super::people::People;
use super::vault::Store;
use crate::failure::Failure;

const GITHUB: &str = "https://api.github.com";
const STACK: &str = "fleetfoot";

/// Everything that is known before anything is done.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) target: Target,
    /// GitHub's API.
    pub(super) github: String,
    /// What an App has to be allowed beside what every fleet needs.
    pub(super) wishes: Wishes,
    /// What runner names begin with.
    pub(super) fleet: String,
    /// The App that `fleet.toml` names, with its installation.
    pub(super) configured_app: Option<(u64, u64)>,
    /// Whether the fleet signs in with a token.
    pub(super) token: bool,
    pub(super) place: Destination,
    /// The store that `fleet.toml` says its secrets are in.
    pub(super) store: Option<Store>,
    /// `fleet.toml`
    pub(super) config: PathBuf,
    pub(super) classes: Vec<NewClass>,
}

/// Where the fleet is to live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Here,
    Aws { stack: String, region: Option<String>, parameters: Vec<Parameter> },
}

impl Answers {
    /// Finds everything out. What nobody has said and nobody can be asked is told at once.
    pub(super) fn gather(args: &Args, people: &dyn People) -> Result<Self, Failure> {
        let config = std::path::absolute(&args.configuration.config).map_err(|error| {
            Failure::new(format!("{} leads nowhere", args.configuration.config.display()))
                .because(&error)
                .hint("--config names the file that is to be written")
        })?;
        let known = Known::read(&config)?;
        let target = match args.target().or_else(|| known.target()) {
            Some(target) => target,
            None => ask_target(people)?,
        };
        let token = args.github.token_file.is_some()
            || (known.has(&["github", "token"]) && args.github.app_id.is_none() && !args.github.new_app);
        one_owner(&target, token)?;
        let fleet = known.text(&["fleet", "name"]).unwrap_or_else(|| "ff".to_owned());
        let place = if args.local { Destination::Here } else { place(args, &config, &fleet, people)? };
        let github = args.github.github_url.clone().or_else(|| known.text(&["github", "url"]));
        Ok(Self {
            github: github.unwrap_or_else(|| GITHUB.to_owned()),
            wishes: Wishes {
                reruns: known.is_true(&["recovery", "rerun_interrupted"]),
                check_runs: known.is_true(&["notify", "check_runs"]),
            },
            fleet,
            configured_app: known.app(),
            store: known.store(),
            classes: args.classes.clone(),
            target,
            token,
            place,
            config,
        })
    }

    /// Whose App it is, and where it is installed.
    pub(super) fn owner(&self) -> &str {
        owner(&self.target)
    }

    /// Where `fleet.toml` and `samconfig.toml` are.
    pub(super) fn folder(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("."))
    }

    /// The stack, unless the fleet is of this machine.
    pub(super) fn stack(&self) -> Option<&str> {
        match &self.place {
            Destination::Aws { stack, .. } => Some(stack),
            Destination::Here => None,
        }
    }
}

/// Whose App a fleet of this target has.
pub(super) fn owner(target: &Target) -> &str {
    match target {
        Target::Organization(owner) => owner.as_str(),
        Target::Repositories(repositories) => repositories.first().map(Repository::owner).unwrap_or_default(),
    }
}

/// An App is installed once for each owner, and a configuration names one installation.
fn one_owner(target: &Target, token: bool) -> Result<(), Failure> {
    let Target::Repositories(repositories) = target else { return Ok(()) };
    let first = owner(target);
    match repositories.iter().find(|it| !it.owner().eq_ignore_ascii_case(first)) {
        Some(other) if !token => Err(Failure::new(format!("{first} and {other} have no owner in common"))
            .hint("a fleet with an App serves the repositories of one owner; --token-file serves several")),
        _ => Ok(()),
    }
}

impl Args {
    fn target(&self) -> Option<Target> {
        let repositories = &self.github.repositories;
        match &self.github.organization {
            Some(owner) => Some(Target::Organization(owner.clone())),
            None if repositories.is_empty() => None,
            None => Some(Target::Repositories(repositories.clone())),
        }
    }
}

fn ask_target(people: &dyn People) -> Result<Target, Failure> {
    if !people.is_interactive() {
        return Err(Failure::new("it is not known whose jobs to serve, and nobody can be asked")
            .hint("--organization NAME, or --repository OWNER/NAME, as often as there are repositories"));
    }
    let question = "Whose jobs: organization (acme) or repositories (acme/app acme/lib)";
    people.ask_until(question, None, parse_target)
}

fn parse_target(answer: &str) -> Result<Target, Failure> {
    let words: Vec<&str> = answer.split([' ', ',']).filter(|it| !it.is_empty()).collect();
    let mistaken = || {
        Failure::new(format!("{answer:?} names neither an organization nor repositories"))
            .hint("acme for an organization, acme/app for a repository")
    };
    match words.as_slice() {
        [owner] if !owner.contains('/') => {
            owner.parse::<Owner>().map(Target::Organization).map_err(|_| mistaken())
        }
        [] => Err(mistaken()),
        words => words
            .iter()
            .map(|word| word.parse::<Repository>())
            .collect::<Result<Vec<_>, _>>()
            .map(Target::Repositories)
            .map_err(|_| mistaken()),
    }
}

/// A name that CloudFormation takes. It refuses others only when everything is built.
fn parse_stack(name: &str) -> Result<String, Failure> {
    let is_legal = name.len() <= 128
        && name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
    if is_legal {
        return Ok(name.to_owned());
    }
    Err(Failure::new(format!("{name:?} is no name of a stack"))
        .hint("a letter, then letters, digits and -, at most 128 in all"))
}

fn place(args: &Args, config: &Path, fleet: &str, people: &dyn People) -> Result<Destination, Failure> {
    let file = config.with_file_name(SAM_CONFIG);
    let known = Known(read_document(&file)?.unwrap_or_default());
    let written = known.text(&["default", "global", "parameters", "stack_name"]);
    let stack = match (&args.aws.stack, written) {
        (Some(stack), _) => stack.clone(),
        (None, Some(stack)) if !people.is_interactive() => stack,
        (None, written) if people.is_interactive() => {
            let usual = written.as_deref().unwrap_or(STACK);
            people.ask_until("The name of the stack on AWS", Some(usual), parse_stack)?
        }
        _ => STACK.to_owned(),
    };
    let stack = parse_stack(&stack)?;
    let region = args.aws.region.clone();
    let region = region.or_else(|| known.text(&["default", "global", "parameters", "region"]));
    let listed = known.item(&["default", "deploy", "parameters", "parameter_overrides"]);
    let listed = listed.and_then(Item::as_array).into_iter().flatten();
    let mut parameters: Vec<Parameter> = listed.filter_map(|it| it.as_str()?.parse().ok()).collect();
    // Runners are called like the fleet, and the stack's rules look for that.
    let fleet = (fleet != "ff").then(|| Parameter { name: "FleetName".to_owned(), value: fleet.to_owned() });
    for wanted in fleet.iter().chain(&args.aws.parameters) {
        parameters.retain(|it| it.name != wanted.name);
        parameters.push(wanted.clone());
    }
    Ok(Destination::Aws { stack, region, parameters })
}

/// A file that is there, or an empty one.
struct Known(DocumentMut);

impl Known {
    fn read(file: &Path) -> Result<Self, Failure> {
        let found = read_document(file)?;
        // The example that comes with Fleetfoot is nobody's fleet.
        Ok(Self(found.filter(|it| !super::files::is_example(&it.to_string())).unwrap_or_default()))
    }

    fn item(&self, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(self.0.as_item(), |item, key| item.get(key))
    }

    fn has(&self, path: &[&str]) -> bool {
        self.item(path).is_some()
    }

    fn text(&self, path: &[&str]) -> Option<String> {
        self.item(path)?.as_str().map(str::to_owned)
    }

    fn is_true(&self, path: &[&str]) -> bool {
        self.item(path).and_then(Item::as_bool).unwrap_or_default()
    }

    fn target(&self) -> Option<Target> {
        if let Some(owner) = self.text(&["github", "organization"]) {
            return owner.parse().ok().map(Target::Organization);
        }
        let listed = self.item(&["github", "repositories"])?.as_array()?;
        let repositories: Option<Vec<_>> =
            listed.iter().map(|it| it.as_str()?.parse::<Repository>().ok()).collect();
        repositories.filter(|it| !it.is_empty()).map(Target::Repositories)
    }

    fn store(&self) -> Option<Store> {
        let webhook = self.item(&["github", "webhook_secrets"]).and_then(Item::as_array);
        let webhook = webhook.and_then(|all| all.get(0)?.as_str().map(str::to_owned));
        let sign_in: [&[&str]; 2] = [&["github", "app", "key"], &["github", "token"]];
        let mut references = sign_in.into_iter().filter_map(|path| self.text(path)).chain(webhook);
        references.find_map(|it| Store::of(&it))
    }

    fn app(&self) -> Option<(u64, u64)> {
        let number = |key| u64::try_from(self.item(&["github", "app", key])?.as_integer()?).ok();
        Some((number("id")?, number("installation")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_called_as_cloudformation_allows() {
        for name in ["fleetfoot", "F", "ff-2", &"a".repeat(128)] {
            assert_eq!(parse_stack(name).as_deref(), Ok(name));
        }
        for name in ["", "2ff", "my stack", "a/b", "ff_2", "grün", &"a".repeat(129)] {
            assert!(parse_stack(name).is_err(), "{name}");
        }
    }
}
