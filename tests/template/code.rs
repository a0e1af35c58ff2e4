//! What the functions' code says of itself: which ports it asks for, and what it calls of them.

use std::path::Path;

use fleetfoot_tests::tools::root;

/// The text of a file of the project.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text of all files of a folder but its tests, without comments.
pub(crate) fn texts(folder: &str) -> String {
    let mut found = String::new();
    collect(&root().join(folder), &mut found);
    found
}

fn collect(folder: &Path, found: &mut String) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder of the project can be read").path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file of the project is text");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            lines.for_each(|line| {
                found.push_str(line);
                found.push('\n');
            });
        }
    }
}

/// A function's package as its code shows it.
pub(crate) struct Package {
    main: String,
    all: String,
}

impl Package {
    pub(crate) fn read(package: &str) -> Self {
        let main = text(&format!("functions/{package}/src/main.rs"));
        Self { main, all: texts(&format!("functions/{package}/src")) }
    }

    /// Whether its `main.rs` asks for a port.
    pub(crate) fn asks_for(&self, port: &str) -> bool {
        self.main.contains(&format!("ports.{port}()"))
    }

    /// Whether it asks for the ledger, in whatever form.
    pub(crate) fn has_a_ledger(&self) -> bool {
        self.main.contains("ports.ledger")
    }

    /// Which shell it has: `http`, `queue`, `events` or `notifications`.
    pub(crate) fn is_run_by(&self, shell: &str) -> bool {
        self.main.contains(&format!("lambda::{shell}("))
    }

    /// Whether its code has one of these.
    pub(crate) fn has(&self, any_of: &[&str]) -> bool {
        any_of.iter().any(|it| self.all.contains(it))
    }

    /// Whether it may tell something that people should hear of (`Notice::of` in `shared/model`).
    pub(crate) fn tells_people(&self) -> bool {
        let telling = [
            "LaunchFailed {",
            "BreakerOpened {",
            "BudgetReached {",
            "CheckRunsRefused {",
            "DayReported {",
            "ImageFailed {",
            "RunnerReleaseAging {",
            ".rejected(",
            ".expired(",
            "after_failure(",
        ];
        self.has(&telling)
    }

    /// Whether it lets runners go, which stops their tasks and writes their rows.
    pub(crate) fn dismisses(&self) -> bool {
        self.has(&["Dismisser {"])
    }
}
