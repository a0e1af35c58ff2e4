//! What AWS's own tools say of the template.

use std::path::Path;
use std::process::Command;

use fleetfoot_tests::tools::{root, run, sam, target};

use crate::deployment::translation;

/// A command of the tools, which find each other in their folder.
fn tool(name: &str) -> Command {
    let programs = sam();
    let mut command = Command::new(programs.join(name));
    let path = std::env::split_paths(env!("PATH")).collect::<Vec<_>>();
    let path = std::iter::once(programs).chain(path);
    command.env("PATH", std::env::join_paths(path).expect("no folder has a colon in its name"));
    command.env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "eu-west-1").current_dir(root());
    command
}

#[test]
fn the_linter_has_nothing_to_say_of_the_template() {
    run(tool("cfn-lint").arg("template.yaml"));
}

/// A reference to nothing within what SAM makes passes the linter before, not after.
#[test]
fn the_linter_has_nothing_to_say_of_what_sam_makes_of_it() {
    let file = target().join("tools").join("translated.json");
    std::fs::write(&file, translation().to_string()).expect("a file under target/ can be written");
    run(tool("cfn-lint").arg(&file));
}

#[test]
fn sam_calls_the_template_valid() {
    assert!(Path::new(&root().join("samconfig.toml")).is_file());
    let said = run(tool("sam").args(["validate", "--lint"]));
    assert!(said.contains("is a valid SAM Template"), "{said}");
}
