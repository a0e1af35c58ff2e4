//! The guides are true to the code: every key and every fact is in them, and every link leads somewhere.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fleetfoot_local::template::{BusName, Target, Wiring};
use fleetfoot_model::config;
use fleetfoot_model::events::DETAIL_TYPES;
use fleetfoot_model::labels::{self, Reading};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is under the heading that begins so, down to the next one of its level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let begin = text.find(heading).unwrap_or_else(|| panic!("there is no {heading}"));
    let rest = &text[begin + heading.len()..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

/// What the loader says is allowed where an unknown key is: every key that it knows there.
fn known_keys(configuration: &str) -> BTreeSet<String> {
    let error = config::load("", configuration).unwrap_err();
    let problem = error.problems.iter().find(|it| it.found.starts_with("an unknown key")).unwrap();
    problem.allowed.split(", ").map(str::to_owned).collect()
}

const GITHUB: &str = "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:S\"]\n";

/// Each section's heading in the guide, and a configuration with an unknown key there.
fn sections() -> BTreeMap<&'static str, (&'static str, String)> {
    let with = |text: &str| format!("{GITHUB}{text}unknown = 1\n");
    BTreeMap::from([
        ("budget", ("## `[budget]`", with("[budget]\n"))),
        ("classes", ("## `[classes.NAME]`", with("[classes.small]\ncpu = 512\nmemory = 1024\n"))),
        ("fleet", ("## `[fleet]`", with("[fleet]\n"))),
        ("github", ("## `[github]`", with(""))),
        ("images", ("## `[images]`", with("[images]\n"))),
        ("labels", ("## `[labels]`", with("[labels]\n"))),
        ("limits", ("## `[limits]`", with("[limits]\n"))),
        ("notify", ("## `[notify]`", with("[notify]\n"))),
        ("pools", ("## `[[pools]]`", with("[[pools]]\nlabels = [\"self-hosted\"]\nsize = 1\n"))),
        ("prices", ("## `[prices]`", with("[prices]\n"))),
        ("recovery", ("## `[recovery]`", with("[recovery]\n"))),
        ("repositories", ("## `[repositories]`", with("[repositories]\n"))),
        ("runner", ("## `[runner]`", with("[runner]\n"))),
        ("timeouts", ("## `[timeouts]`", with("[timeouts]\n"))),
        ("traces", ("## `[traces]`", with("[traces]\n"))),
    ])
}

#[test]
fn every_key_that_is_read_is_in_the_guide_and_in_the_example() {
    let (guide, example) = (read("docs/configuration.md"), read("fleet.toml"));
    let sections = sections();
    let names: BTreeSet<String> = sections.keys().map(ToString::to_string).collect();
    assert_eq!(known_keys(&format!("unknown = 1\n{GITHUB}")), names, "a section is new or gone");
    let app = GITHUB
        .replace("token = \"env:T\"", "app = { id = 1, installation = 2, key = \"env:K\", unknown = 1 }");
    for (name, (heading, configuration)) in sections {
        let mut keys = known_keys(&configuration);
        if name == "github" {
            keys.extend(known_keys(&app));
        }
        let told = section(&guide, heading);
        for key in keys {
            assert!(told.contains(&format!("| `{key}` |")), "docs/configuration.md: {heading} lacks {key}");
            assert!(example.contains(&format!("{key} = ")), "fleet.toml: [{name}] lacks {key}");
        }
    }
}

#[test]
fn every_key_of_the_example_is_in_the_guide() {
    let (guide, example) = (read("docs/configuration.md"), read("fleet.toml"));
    let before_equals = example.match_indices(" = ").map(|(at, _)| &example[..at]);
    let keys: BTreeSet<&str> = before_equals
        .filter_map(|text| {
            text.rsplit(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_').next()
        })
        .collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        assert!(guide.contains(&format!("| `{key}` |")), "docs/configuration.md lacks {key}");
    }
}

/// `JobQueued` is `job-queued`.
fn kebab(detail_type: &str) -> String {
    let letters = detail_type.char_indices().flat_map(|(n, letter)| {
        let dash = (letter.is_ascii_uppercase() && n > 0).then_some('-');
        dash.into_iter().chain([letter.to_ascii_lowercase()])
    });
    letters.collect()
}

/// The functions that the template wakes with a fact.
fn woken(wiring: &Wiring, detail_type: &str) -> BTreeSet<String> {
    let takes = |rule: &serde_json::Value| {
        rule["detail-type"].as_array().unwrap().iter().any(|name| name == detail_type)
    };
    let rules = wiring.rules.iter().filter(|rule| rule.bus == BusName::Fleet && takes(&rule.pattern));
    let targets = rules.flat_map(|rule| &rule.targets);
    let functions = targets.map(|target| match target {
        Target::Function(package) => package.clone(),
        Target::Queue(id) => wiring.mappings.iter().find(|it| it.queue == *id).unwrap().function.clone(),
    });
    functions.map(|package| package.trim_start_matches("fleetfoot-").to_owned()).collect()
}

#[test]
fn every_fact_is_told_of_with_its_sample_and_whom_it_wakes() {
    let guide = read("docs/events.md");
    let parameters = BTreeMap::from([("FleetName".to_owned(), "ff".to_owned())]);
    let wiring = Wiring::read(&read("template.yaml"), &parameters).unwrap();
    for detail_type in DETAIL_TYPES {
        let begin = format!("| [`{detail_type}`](../events/{}.json) |", kebab(detail_type));
        let row = guide.lines().find(|line| line.starts_with(&begin));
        let row = row.unwrap_or_else(|| panic!("docs/events.md has no row {begin}"));
        let told = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        let told: BTreeSet<String> = told.split(", ").filter(|it| *it != "-").map(str::to_owned).collect();
        assert_eq!(told, woken(&wiring, detail_type), "docs/events.md: whom {detail_type} wakes");
    }
}

#[test]
fn refusals_of_labels_are_worded_as_the_guide_says() {
    let guide = read("docs/labels.md");
    let toml =
        format!("{GITHUB}[labels]\nplain = [\"linux\", \"arm64\"]\n[images]\nallow = [\"ubuntu:*\"]\n");
    let config = config::load("", &toml).unwrap();
    for refused in [
        "class:medim",
        "disk:5",
        "arch:mips",
        "image:Ubuntu",
        "image:alpine:3",
        "class:small class:large",
        "class:small arm64",
        "class:small linus",
    ] {
        let labels = format!("self-hosted {refused}");
        let labels: Vec<_> = labels.split(' ').map(|label| label.parse().unwrap()).collect();
        let Reading::Refused(reason) = labels::parse(&labels, &(&config).into()) else {
            panic!("{refused} is not refused");
        };
        assert!(guide.contains(&format!("`{reason}`")), "docs/labels.md lacks: {reason}");
    }
}

/// The guides: Markdown at the top and under `docs`.
fn guides() -> Vec<PathBuf> {
    let folders = [root(), root().join("docs")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The text without blocks of code.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn has_anchor(text: &str, wanted: &str) -> bool {
    prose(text).lines().any(|line| {
        let heading = line.trim_start_matches('#');
        heading.len() < line.len() && anchor(heading) == wanted
    })
}

#[test]
fn every_link_leads_somewhere() {
    let mut checked = 0;
    for path in guides() {
        let text = read(&path);
        for link in prose(&text).split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let link = link.0;
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
            if !wanted.is_empty() {
                assert!(
                    has_anchor(&read(&target), wanted),
                    "{}: there is no heading of {link}",
                    path.display()
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} links were found");
}
