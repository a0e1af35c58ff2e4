//! Asking a person before something that cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::failure::{Failure, OrFail};
use crate::output;
use crate::progress::asking;
use crate::text::safe;

/// Shows what will happen, and goes on only if a person says yes. Where nobody can be asked it is refused.
pub(crate) fn confirm(what: &str, lines: &[String]) -> Result<(), Failure> {
    let refused = || Failure { causes: lines.to_vec(), ..Failure::new(format!("not done: {what}")) };
    // A test may be run from a terminal, where nobody waits for its questions.
    if cfg!(test) || !io::stdin().is_terminal() {
        return Err(refused().hint("--yes says so where nobody can be asked"));
    }
    output::note(&format!("{what}:"));
    for line in lines {
        output::note(&format!("  {}", safe(line)));
    }
    let mut answer = String::new();
    let read = asking(|| {
        output::prompt("Go on? [y/N]");
        io::stdin().lock().read_line(&mut answer)
    });
    read.or_fail("the answer cannot be read")?;
    if is_yes(&answer) { Ok(()) } else { Err(Failure::new("not done, as you say")) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "Yes\n", " YES "] {
            assert!(is_yes(yes));
        }
        for no in ["", "\n", "n", "ja", "yess"] {
            assert!(!is_yes(no));
        }
    }
}
