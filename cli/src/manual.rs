//! `fleetfoot completions` and `fleetfoot man`: what a shell and a reader of manuals are told of every command.

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::failure::{Failure, OrFail};
use crate::output::Answer;

pub(crate) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  bash: fleetfoot completions bash > ~/.local/share/bash-completion/completions/fleetfoot
  zsh:  fleetfoot completions zsh > \"${fpath[1]}/_fleetfoot\"
  fish: fleetfoot completions fish > ~/.config/fish/completions/fleetfoot.fish";

pub(crate) const MAN_EXAMPLES: &str = "\
Examples:
  fleetfoot man | man -l -                    read this page
  fleetfoot man jobs list | man -l -          that of a command
  fleetfoot man --out ~/.local/share/man/man1 all of them, for `man fleetfoot-why`";

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The command, such as `jobs list`; none for all of them in one page
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,
    /// Write every page into this folder, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What the shell runs to complete a command line.
pub(crate) fn completions(args: &CompletionsArgs) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fleetfoot", &mut script);
    Answer::data(String::from_utf8_lossy(&script).into_owned())
}

/// Manual pages, in the format of man(7).
pub(crate) fn man(args: &ManArgs) -> Result<Answer, Failure> {
    let mut cli = Cli::command();
    cli.build();
    let Some(folder) = &args.out else {
        let page = page(named(&cli, &args.command)?)?;
        return Ok(Answer::data(String::from_utf8_lossy(&page).into_owned()));
    };
    let what = || format!("the pages cannot be written to {}", folder.display());
    std::fs::create_dir_all(folder).or_fail(what())?;
    let mut left: Vec<&Command> = vec![&cli];
    let mut written = 0;
    while let Some(command) = left.pop() {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        std::fs::write(folder.join(format!("{name}.1")), page(command)?).or_fail(what())?;
        written += 1;
        left.extend(shown(command));
    }
    Ok(Answer::default().note(format!("wrote {written} pages to {}", folder.display())))
}

/// The commands below one that people are to know of.
pub(crate) fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help")
}

fn named<'a>(cli: &'a Command, words: &[String]) -> Result<&'a Command, Failure> {
    words.iter().try_fold(cli, |at, word| {
        shown(at).find(|command| command.get_name() == word.as_str()).ok_or_else(|| {
            let known: Vec<&str> = shown(at).map(Command::get_name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::new(format!(
                "`{}` has no command `{word}`",
                at.get_display_name().unwrap_or("fleetfoot").replace('-', " ")
            ))
            .hint(format!("its commands are: {known}"))
        })
    })
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).or_fail("the page cannot be made")?;
    Ok(page)
}
