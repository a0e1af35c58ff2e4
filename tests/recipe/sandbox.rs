//! A folder in which the recipe's scripts run: a root of its own, programs that only note how they were called, and of
//! the real ones no more than the scripts need.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Real programs. Each is in every base that the recipe takes, or is installed by it before it is used.
const REAL: [&str; 16] = [
    "bash",
    "cat",
    "chmod",
    "cp",
    "curl",
    "dirname",
    "env",
    "gzip",
    "mkdir",
    "mktemp",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "tar",
    "touch",
];

/// Notes its name and arguments, one a line, in one write: the ends of a pipe run at once.
const FAKE: &str = "#!/bin/sh\nprintf '%s\\n' \"> ${0##*/}\" \"$@\" >>\"$CALLS\"\n";

pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().expect("a temporary folder can be made") };
        for folder in ["bin", "root", "work"] {
            fs::create_dir(sandbox.path(folder)).expect("a folder can be made");
        }
        for name in REAL {
            symlink(which(name), sandbox.path("bin").join(name)).expect("a link can be made");
        }
        sandbox
    }

    /// A path in it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file, with all folders above it.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it is below the sandbox")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }

    /// Adds a program that notes its calls; `more` are further lines of its shell script.
    pub(crate) fn program(&self, name: &str, more: &str) -> &Self {
        self.write(&format!("bin/{name}"), format!("{FAKE}{more}\n"));
        let path = self.path("bin").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program can be made");
        self
    }

    /// What was called, as `name argument argument`, in order.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let calls = text.split("> ").skip(1);
        calls.map(|call| call.trim_end_matches('\n').split('\n').map(str::to_owned).collect()).collect()
    }

    /// The arguments of the only call of a program.
    pub(crate) fn call(&self, name: &str) -> Vec<String> {
        let mut calls: Vec<_> = self.calls().into_iter().filter(|call| call[0] == name).collect();
        assert_eq!(calls.len(), 1, "calls of {name} among {:?}", self.calls());
        calls.remove(0).split_off(1)
    }

    /// Runs a program in it, with nothing in its environment but what is given.
    pub(crate) fn run(
        &self,
        program: impl AsRef<Path>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Ran {
        let output = Command::new(program.as_ref())
            .args(arguments)
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("CALLS", self.path("calls"))
            .envs(variables.iter().copied())
            .current_dir(self.path("work"))
            .stdin(Stdio::null())
            .output();
        Ran(output.unwrap_or_else(|error| panic!("{}: {error}", program.as_ref().display())))
    }
}

/// A program that has ended.
pub(crate) struct Ran(Output);

impl Ran {
    pub(crate) fn succeeded(&self) -> bool {
        self.0.status.success()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

/// Where a real program is.
fn which(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("the tests need {name}"))
}
