//! Whoever runs `setup`: what they are told, asked, and shown in a browser.

use std::io::{ErrorKind, IsTerminal as _};
use std::process::{Command, Stdio};

use dialoguer::{Input, Password};
use fleetfoot_model::secret::Secret;

use crate::failure::{Failure, OrFail};
use crate::output::{self, WAITING, paint};
use crate::progress::{asking, interrupted};
use crate::text::safe;

const UNASKED: &str = "the question cannot be asked";

/// Whoever runs it.
pub(crate) trait People: Send + Sync {
    /// Tells a line.
    fn say(&self, line: &str);
    /// Whether questions are answered by a person; otherwise the command line has to.
    fn is_interactive(&self) -> bool;
    /// Asks for a word.
    fn ask(&self, question: &str, default: Option<&str>) -> Result<String, Failure>;
    /// Asks for what nobody may see.
    fn ask_secret(&self, question: &str) -> Result<Secret, Failure>;
    /// Asks for a yes. Without a person it is what `--yes` says.
    fn agrees(&self, question: &str) -> Result<bool, Failure>;
    /// The same before something is lost: who only presses return has not said yes.
    fn agrees_to_lose(&self, question: &str) -> Result<bool, Failure> {
        self.agrees(question)
    }
    /// Shows a page, if it can be shown.
    fn open(&self, address: &str);
}

impl dyn People + '_ {
    /// Asks until the answer can be used; whoever has mistyped is told what is wrong with it.
    pub(crate) fn ask_until<T>(
        &self,
        question: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        loop {
            match read(&self.ask(question, default)?) {
                Ok(answer) => return Ok(answer),
                Err(failure) => self.say(output::describe(&failure).trim_end()),
            }
        }
    }
}

fn is_yes(answer: &str, usual: bool) -> Option<bool> {
    match answer.trim().to_lowercase().as_str() {
        "" => Some(usual),
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

/// An answer, unless it was Ctrl-C: that ends the process, as it does wherever nothing is asked.
fn answered<T>(answer: Result<T, dialoguer::Error>) -> Result<T, Failure> {
    match answer {
        Err(dialoguer::Error::IO(error)) if error.kind() == ErrorKind::Interrupted => interrupted(),
        answer => answer.or_fail(UNASKED),
    }
}

/// Says what somebody has to do now.
pub(crate) fn call(people: &dyn People, words: &str) {
    people.say(&format!("{:<13} {}", "", paint(WAITING, &safe(words))));
}

/// A terminal, or a script that has no answers but its command line.
pub(crate) struct Terminal {
    is_interactive: bool,
    yes: bool,
    browser: bool,
}

impl Terminal {
    /// The one of this process.
    pub(crate) fn new(yes: bool, browser: bool) -> Self {
        let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        Self { is_interactive: is_terminal && !yes, yes, browser }
    }

    fn insist(&self, question: &str) -> Result<(), Failure> {
        if self.is_interactive {
            return Ok(());
        }
        Err(Failure::new(format!("nobody can be asked here: {question}"))
            .hint("run it in a terminal, or answer by the flags that `fleetfoot setup --help` tells"))
    }

    /// `usual` is what return alone means.
    fn yes_or_no(&self, question: &str, usual: bool) -> Result<bool, Failure> {
        if self.yes {
            return Ok(true);
        }
        self.insist(question).map_err(|failure| failure.hint("--yes agrees where nobody can be asked"))?;
        // dialoguer's own question hides the cursor, and Ctrl-C would leave it so.
        let question = format!("{question} {}", if usual { "[Y/n]" } else { "[y/N]" });
        loop {
            let input = Input::<String>::new().with_prompt(&question).allow_empty(true);
            if let Some(answer) = is_yes(&answered(asking(|| input.interact_text()))?, usual) {
                return Ok(answer);
            }
            self.say("y or n");
        }
    }
}

impl People for Terminal {
    fn say(&self, line: &str) {
        output::note(line);
    }

    fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    fn ask(&self, question: &str, default: Option<&str>) -> Result<String, Failure> {
        self.insist(question)?;
        let input = Input::<String>::new().with_prompt(question);
        let input = match default {
            Some(default) => input.default(default.to_owned()),
            None => input,
        };
        Ok(answered(asking(|| input.interact_text()))?.trim().to_owned())
    }

    fn ask_secret(&self, question: &str) -> Result<Secret, Failure> {
        self.insist(question)?;
        let input = Password::new().with_prompt(question);
        answered(asking(|| input.interact())).map(Secret::new)
    }

    fn agrees(&self, question: &str) -> Result<bool, Failure> {
        self.yes_or_no(question, true)
    }

    fn agrees_to_lose(&self, question: &str) -> Result<bool, Failure> {
        self.yes_or_no(question, false)
    }

    fn open(&self, address: &str) {
        if !self.browser {
            return;
        }
        // Only a convenience: the address is on the screen, too.
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let mut command = Command::new(opener);
        command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = command.spawn() {
            tracing::debug!(%error, opener, "no browser can be opened");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_yes_nor_no_is_asked_again() {
        for (answer, is) in [("", Some(true)), (" Yes ", Some(true)), ("n", Some(false)), ("NO", Some(false))]
        {
            assert_eq!(is_yes(answer, true), is, "{answer}");
        }
        for answer in ["x", "yess", "-"] {
            assert_eq!(is_yes(answer, true), None, "{answer}");
        }
        assert_eq!(is_yes("", false), Some(false), "nothing is lost by return alone");
    }
}
