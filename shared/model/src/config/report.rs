//! What is wrong with a configuration, said so that it can be mended at once.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `classes.small.memory`; empty where the text is no TOML.
    pub key: String,
    /// The line it is on, from 1, if it is in the file at all.
    pub line: Option<usize>,
    /// What was found.
    pub found: String,
    /// What is allowed.
    pub allowed: String,
}

/// Every mistake that was found in one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file's name.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file)?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            write!(f, "found {}; allowed: {}", problem.found, problem.allowed)?;
        }
        Ok(())
    }
}
