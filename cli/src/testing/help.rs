//! What every command says of itself: `--help`, manual pages and completions.

use clap::{Command, CommandFactory};
use insta::{assert_snapshot, with_settings};

use super::World;
use crate::Cli;
use crate::manual::shown;

/// The widest line: what fits into half of a wide screen.
const WIDEST: usize = 110;

fn walk(command: &mut Command, visit: &mut dyn FnMut(&mut Command)) {
    visit(command);
    let below: Vec<String> = shown(command).map(|it| it.get_name().to_owned()).collect();
    for name in below {
        walk(command.find_subcommand_mut(&name).expect("it was just listed"), visit);
    }
}

#[test]
fn every_command_has_help_with_examples() {
    let mut cli = Cli::command();
    cli.build();
    let mut too_wide = Vec::new();
    walk(&mut cli, &mut |command| {
        let name = command.get_display_name().unwrap_or("fleetfoot").to_owned();
        let help = command.render_long_help().to_string();
        assert!(help.contains("Examples:"), "{name}");
        too_wide.extend(help.lines().filter(|line| line.chars().count() > WIDEST).map(str::to_owned));
        with_settings!({ snapshot_suffix => name }, { assert_snapshot!("help", help) });
    });
    assert_eq!(too_wide, Vec::<String>::new());
}

/// What a command answers can be read by a program, but where it answers nothing or speaks to people as it goes.
#[test]
fn every_command_that_answers_has_json() {
    const TALKS: [&str; 6] = ["up", "dashboard", "top", "exec", "completions", "man"];
    let mut cli = Cli::command();
    cli.build();
    let mut without = Vec::new();
    walk(&mut cli, &mut |command| {
        let is_group = shown(command).next().is_some();
        if !is_group && !command.get_arguments().any(|it| it.get_id() == "json") {
            let name = command.get_display_name().unwrap_or("fleetfoot");
            without.push(name.trim_start_matches("fleetfoot-").to_owned());
        }
    });
    without.retain(|name| !TALKS.contains(&name.as_str()));
    assert_eq!(without, Vec::<String>::new(), "these answer nothing that a script could read");
}

#[tokio::test]
async fn there_is_a_page_of_the_manual_for_every_command() {
    let world = World::without_state();
    let said = world.run(&format!("man --out {}/pages", world.path().display())).await;
    assert!(said.succeeded, "{}", said.rest);
    let mut cli = Cli::command();
    cli.build();
    let mut pages = 0;
    walk(&mut cli, &mut |command| {
        let name = command.get_display_name().unwrap_or("fleetfoot");
        let page = std::fs::read_to_string(world.path().join("pages").join(format!("{name}.1"))).expect(name);
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
        pages += 1;
    });
    assert_eq!(said.rest, format!("wrote {pages} pages to [folder]/pages\n"));
    assert!(world.run("man jobs list").await.data.contains("fleetfoot\\-jobs\\-list"));
    assert_snapshot!(world.run("man jobs lists").await.rest);
}

#[tokio::test]
async fn each_shell_completes_every_command() {
    let world = World::without_state();
    for shell in ["bash", "zsh", "fish"] {
        let script = world.run(&format!("completions {shell}")).await.data;
        for command in shown(&Cli::command()) {
            assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
    }
}
