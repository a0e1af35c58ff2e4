//! `fleet.toml` and `samconfig.toml`: made from nothing, or changed where they have to be. Comments and everything else
//! stay as they were, and nobody's file is changed unseen.

use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fleetfoot_model::config::{Target, load, load_for_containers};
use fleetfoot_model::ids::Repository;
use fleetfoot_model::secret::SecretReference;
use similar::TextDiff;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use super::answers::{Answers, Destination};
use super::arguments::{NewClass, Parameter};
use super::people::People;
use super::report::Outcome;
use crate::arguments::mistaken;
use crate::failure::{Failure, OrFail};
use crate::output::{BAD, DIM, GOOD, paint};
use crate::text::safe;

pub(super) const SAM_CONFIG: &str = "samconfig.toml";
/// The example, which a checkout has where a fleet of one's own would be.
pub(super) const EXAMPLE: &str = include_str!("../../../fleet.toml");
const SAM_DEFAULTS: &str = include_str!("../../../samconfig.toml");
const BEGINNING: &str = include_str!("fleet.toml");

/// How the fleet signs in.
pub(super) enum SignIn {
    App { id: u64, installation: u64, key: SecretReference },
    Token(SecretReference),
}

/// Whether it is the example that comes with Fleetfoot.
pub(super) fn is_example(text: &str) -> bool {
    text == EXAMPLE
}

/// A TOML file, if it is there.
pub(super) fn read_document(file: &Path) -> Result<Option<DocumentMut>, Failure> {
    let what = format!("{} cannot be read", file.display());
    match std::fs::read_to_string(file) {
        Ok(text) => text
            .parse::<DocumentMut>()
            .map(Some)
            .map_err(|error| Failure::new(what).because(&error).hint("mend it, or move it away")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(what).because(&error)),
    }
}

/// `fleet.toml` as it is to be. It is one that loads.
pub(super) fn fleet(
    answers: &Answers,
    sign_in: &SignIn,
    webhooks: &[SecretReference],
) -> Result<String, Failure> {
    let found = read_document(&answers.config)?.filter(|it| !is_example(&it.to_string()));
    let is_new = found.is_none();
    let mut document = match found {
        Some(document) => document,
        None => BEGINNING.parse::<DocumentMut>().or_fail("the first fleet.toml cannot be read")?,
    };
    let file = answers.config.display().to_string();
    let github = table(document.as_table_mut(), "github", &file)?;
    if answers.github != "https://api.github.com" || github.contains_key("url") {
        set(github, "url", answers.github.as_str().into());
    }
    match &answers.target {
        Target::Organization(owner) => {
            github.remove("repositories");
            set(github, "organization", owner.as_str().into());
        }
        Target::Repositories(repositories) => {
            github.remove("organization");
            set(github, "repositories", array(repositories.iter().map(Repository::as_str)));
        }
    }
    sign_in.write(github);
    set(github, "webhook_secrets", array(webhooks.iter().map(ToString::to_string)));
    if is_new {
        begin(&mut document, answers);
    }
    for class in &answers.classes {
        class.write(table(document.as_table_mut(), "classes", &file)?);
    }
    let text = document.to_string();
    let checked = match answers.place {
        Destination::Here => load(&file, &text),
        Destination::Aws { .. } => load_for_containers(&file, &text),
    };
    checked.map(|_| text).map_err(|error| mistaken(&error))
}

/// What a new fleet serves.
fn begin(document: &mut DocumentMut, answers: &Answers) {
    let mut repositories = Table::new();
    let allowed = match &answers.target {
        Target::Organization(owner) => array([format!("{owner}/*")].into_iter()),
        Target::Repositories(repositories) => array(repositories.iter().map(Repository::as_str)),
    };
    repositories.insert("allow", Item::Value(allowed));
    document.insert("repositories", Item::Table(repositories));
    if answers.place == Destination::Here {
        // Runners are processes there.
        document.remove("images");
    }
}

impl SignIn {
    fn write(&self, github: &mut Table) {
        match self {
            Self::App { id, installation, key } => {
                github.remove("token");
                let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
                let mut app = InlineTable::new();
                app.insert("id", number(*id).into());
                app.insert("installation", number(*installation).into());
                app.insert("key", key.to_string().into());
                set(github, "app", app.into());
            }
            Self::Token(token) => {
                github.remove("app");
                set(github, "token", token.to_string().into());
            }
        }
    }
}

impl NewClass {
    fn write(&self, classes: &mut Table) {
        classes.set_implicit(true);
        let class = classes.entry(self.name.as_str()).or_insert_with(|| Item::Table(Table::new()));
        if let Some(class) = class.as_table_mut() {
            set(class, "cpu", i64::from(self.cpu).into());
            set(class, "memory", i64::from(self.memory).into());
        }
    }
}

/// `samconfig.toml` as it is to be.
pub(super) fn sam_config(
    file: &Path,
    stack: &str,
    region: &str,
    parameters: &[Parameter],
) -> Result<String, Failure> {
    let mut document = match read_document(file)? {
        Some(document) => document,
        None => SAM_DEFAULTS.parse::<DocumentMut>().or_fail("the first samconfig.toml cannot be read")?,
    };
    let name = file.display().to_string();
    let default = table(document.as_table_mut(), "default", &name)?;
    default.set_implicit(true);
    let mut of = |command: &str, key: &str, it: toml_edit::Value| {
        let command = table(default, command, &name)?;
        command.set_implicit(true);
        set(table(command, "parameters", &name)?, key, it);
        Ok::<_, Failure>(())
    };
    of("global", "stack_name", stack.into())?;
    of("global", "region", region.into())?;
    if !parameters.is_empty() {
        let overrides = || array(parameters.iter().map(|it| format!("{}={}", it.name, it.value)));
        // The build reads some of them, such as the architecture.
        of("build", "parameter_overrides", overrides())?;
        of("deploy", "parameter_overrides", overrides())?;
    }
    Ok(document.to_string())
}

/// Writes a file if it is to be another than it is. A file that is there is changed only if somebody agrees who has seen
/// how.
pub(super) fn write(people: &dyn People, file: &Path, text: &str) -> Result<Outcome, Failure> {
    let name = file.display();
    let before = match std::fs::read_to_string(file) {
        Ok(before) => Some(before),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::new(format!("{name} cannot be read")).because(&error)),
    };
    if before.as_deref() == Some(text) {
        return Ok(Outcome::was_done("is as it should be"));
    }
    if let Some(before) = &before {
        let short = file.file_name().unwrap_or_default().to_string_lossy();
        people.say(&difference(&short, before, text));
        if !people.agrees(&format!("Change {short} so?"))? {
            return Err(Failure::new(format!("{name} was left as it is"))
                .hint("--config names another file; or change it by hand and run this again"));
        }
    }
    replace(file, text).or_fail(format!("{name} cannot be written"))?;
    Ok(Outcome::done(if before.is_some() { "was changed" } else { "was written" }))
}

/// A file that is there keeps its permissions, and a link to one goes on leading there.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let (file, permissions) = match file.canonicalize() {
        Ok(there) => (there.clone(), std::fs::metadata(&there)?.permissions()),
        Err(error) if error.kind() == ErrorKind::NotFound => (file.to_owned(), Permissions::from_mode(0o644)),
        Err(error) => return Err(error),
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(permissions)?;
    new.persist(&file).map(drop).map_err(|error| error.error)
}

fn difference(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let diff = diff.unified_diff().context_radius(1).header(name, name).to_string();
    let line = |line: &str| {
        let (style, mark) = match line.chars().next() {
            Some('+') => (GOOD, ""),
            Some('-') => (BAD, ""),
            // Harmless text begins with no space, and this is to stand below the others.
            Some(' ') => (DIM, " "),
            _ => (DIM, ""),
        };
        paint(style, &format!("{mark}{}", safe(line)))
    };
    diff.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn array<T: Into<toml_edit::Value>>(items: impl Iterator<Item = T>) -> toml_edit::Value {
    let mut array = Array::new();
    array.extend(items);
    array.into()
}

/// Sets a value and keeps the comments around it.
fn set(table: &mut Table, key: &str, mut new: toml_edit::Value) {
    // `insert` would drop what is written above the key.
    let Some(item) = table.get_mut(key) else {
        table.insert(key, value(new));
        return;
    };
    if let Some(old) = item.as_value() {
        *new.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(new);
}

fn table<'a>(parent: &'a mut Table, key: &str, file: &str) -> Result<&'a mut Table, Failure> {
    let item = parent.entry(key).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_mut().ok_or_else(|| {
        Failure::new(format!("{file}: {key} is no table of its own"))
            .hint(format!("write it as [{key}] on a line of its own"))
    })
}
