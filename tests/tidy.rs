//! What a reader relies on: rooms that do not depend on more than they say, files that fit into a head, and a test for
//! every lesson.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Table;

/// The most lines of a file in which people work.
const LONGEST_FILE: usize = 400;
/// The most lines of a handler.
const LONGEST_HANDLER: usize = 60;
/// The most lines of the map.
const LONGEST_MAP: usize = 200;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder that ends so, but for what is built.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name is text").to_owned();
            let is_built = name == "target" || (name.starts_with('.') && name != ".ci" && name != ".github");
            if path.is_dir() && !is_built {
                folders.push(path);
            } else if name.ends_with(ending) && path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn manifest(path: &Path) -> Table {
    read(path).parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The packages that each package of `Cargo.lock` is built with.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let lock = manifest(&root().join("Cargo.lock"));
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("a lock file lists packages") {
        let text = |value: &toml::Value| value.as_str().expect("a name is text").to_owned();
        // "name", or "name version" where there are several; all versions are taken together.
        let name = |value: &toml::Value| text(value).split(' ').next().unwrap_or_default().to_owned();
        let needs =
            package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten().map(name);
        locked.entry(text(&package["name"])).or_default().extend(needs);
    }
    locked
}

/// What a package of the workspace needs when it is built for use, not for tests, and through whom. `Cargo.lock` mixes
/// the two for packages of the workspace, so those are read from their manifests.
fn needs(package: &str, locked: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, String> {
    let own: BTreeMap<String, Table> = files(&root(), "Cargo.toml")
        .iter()
        .map(|path| manifest(path))
        .filter_map(|it| Some((it.get("package")?.get("name")?.as_str()?.to_owned(), it)))
        .collect();
    assert!(own.contains_key(package), "there is no package {package}");
    let mut found = BTreeMap::new();
    let mut open = vec![package.to_owned()];
    while let Some(package) = open.pop() {
        let direct: Vec<String> = match own.get(&package) {
            Some(manifest) => {
                assert!(
                    !manifest.contains_key("target"),
                    "{package}: dependencies of a platform are not read here"
                );
                let table = manifest.get("dependencies").and_then(toml::Value::as_table);
                // What is optional is for a function's binary; its library is built without.
                let is_needed =
                    |need: &toml::Value| need.get("optional").is_none_or(|it| it.as_bool() == Some(false));
                let needed = table.into_iter().flatten().filter(|(_, need)| is_needed(need));
                needed.map(|(name, _)| name.clone()).collect()
            }
            None => locked.get(&package).into_iter().flatten().cloned().collect(),
        };
        for need in direct {
            if !found.contains_key(&need) {
                found.insert(need.clone(), package.clone());
                open.push(need);
            }
        }
    }
    found
}

/// **Invariant:** no function and no part of `shared/model` depends on tokio or on an AWS SDK.
#[test]
fn functions_and_the_model_need_no_runtime_and_no_aws() {
    let functions = files(&root().join("functions"), "Cargo.toml");
    assert_eq!(functions.len(), 9);
    let locked = locked();
    let is_forbidden =
        |name: &str| name == "tokio" || name.starts_with("aws-") || name.starts_with("lambda_");
    for path in functions.iter().chain([&root().join("shared/model/Cargo.toml")]) {
        let package = manifest(path)["package"]["name"].as_str().expect("a name is text").to_owned();
        let needs = needs(&package, &locked);
        assert!(needs.contains_key("serde"), "{package}: a search that finds nothing proves nothing");
        let dependencies = manifest(path)["dependencies"].as_table().cloned().unwrap_or_default();
        let optional: Vec<_> =
            dependencies.iter().filter(|(_, need)| need.get("optional").is_some()).collect();
        assert!(
            optional.iter().all(|(name, _)| *name == "fleetfoot-aws"),
            "{package}: only the binary's shell is optional, found {optional:?}"
        );
        for (need, by) in needs {
            assert!(!is_forbidden(&need), "{package} needs {need}, through {by}");
        }
    }
    let stand_in = needs("fleetfoot-stand-in", &locked);
    assert!(stand_in.contains_key("tokio"), "the search finds tokio where it is");
}

#[test]
fn files_fit_into_a_head() {
    for folder in ["functions", "shared", "cli", "runner", "tests"] {
        for path in files(&root().join(folder), ".rs") {
            let lines = read(&path).lines().count();
            assert!(lines <= LONGEST_FILE, "{} has {lines} lines, {LONGEST_FILE} are allowed", shown(&path));
        }
    }
    let map = read(&root().join("ARCHITECTURE.md")).lines().count();
    assert!(map <= LONGEST_MAP, "ARCHITECTURE.md has {map} lines, {LONGEST_MAP} are allowed");
}

#[test]
fn handlers_fit_onto_a_page() {
    let mut handlers = 0;
    for path in files(&root().join("functions"), ".rs") {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (begin, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("async fn handle(")) {
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = lines[begin..].iter().position(|line| *line == format!("{indent}}}"));
            let length = end.unwrap_or_else(|| panic!("{}: a handler has no end", shown(&path))) + 1;
            assert!(length <= LONGEST_HANDLER, "{}: the handler has {length} lines", shown(&path));
            handlers += 1;
        }
    }
    assert_eq!(handlers, 9, "each function has one");
}

/// The numbers in `lesson 4` and `lesson 3: ...`.
fn lessons_in(text: &str) -> BTreeSet<u32> {
    let after = text.split("lesson ").skip(1);
    let digits = after.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

#[test]
fn every_lesson_has_a_test_that_names_it() {
    let lessons = read(&root().join("docs/lessons.md"));
    let numbers: BTreeSet<u32> =
        lessons.lines().filter_map(|line| line.split_once(". ")?.0.parse().ok()).collect();
    assert_eq!(numbers, (1..=20).collect(), "docs/lessons.md");
    let mut named = BTreeSet::new();
    for path in files(&root(), ".rs").into_iter().filter(|path| !path.ends_with("tests/tidy.rs")) {
        let text = read(&path);
        let is_test = path.components().any(|part| part.as_os_str() == "tests") || text.contains("#[test]");
        named.extend(lessons_in(&text).into_iter().filter(|_| is_test));
    }
    assert_eq!(named.difference(&numbers).collect::<Vec<_>>(), [&0; 0], "there are no such lessons");
    assert_eq!(numbers.difference(&named).collect::<Vec<_>>(), [&0; 0], "these lessons have no test");
}

/// The repository explains itself: no path in it leads outside.
#[test]
fn nothing_leads_outside_of_the_repository() {
    for ending in [".md", ".rs", ".toml", ".yaml", ".yml"] {
        for path in files(&root(), ending) {
            let depth = path.strip_prefix(root()).expect("it is below the root").components().count() - 1;
            let outside = "../".repeat(depth + 1);
            let text = read(&path);
            let leads = text.lines().position(|line| line.contains(&outside));
            assert_eq!(leads, None, "{}: the line after this one leads outside", shown(&path));
        }
    }
}
