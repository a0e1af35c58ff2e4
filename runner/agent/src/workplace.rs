//! Where the runner works: its folder and its home, also in an image that was not made for it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::settings::Settings;

/// Refused by the runner unless this is set (`run-helper.sh`). In a task, the container is the limit and not its user.
const AS_ROOT: (&str, &str) = ("RUNNER_ALLOW_RUNASROOT", "1");
/// .NET, in which the runner is written, does not start without ICU unless told to do without (.NET documentation,
/// "Globalization invariant mode"). Base images such as `debian` and `ubuntu` have none.
const WITHOUT_ICU: (&str, &str) = ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
/// Where distributions have their libraries.
const LIBRARIES: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/lib64",
    "/usr/local/lib",
];

/// The runner takes the folder above its `bin` for its own, wherever links led to it (`HostContext.cs`), so all is copied
/// but this, which is large, and which nobody writes to.
const LINKED: &str = "externals";
/// The folder beside the runner's with programs that say why they are not there (`runner/Dockerfile`, target `inject`).
const FALLBACKS: &str = "fallback";
/// What another runner left (`Constants.cs`).
const NOT_COPIED: [&str; 5] = [".runner", ".credentials", ".credentials_rsaparams", "_diag", "_work"];

/// Whether a script is there, and what it is written for. Says what is missing.
pub(crate) fn check(script: &Path) -> Result<(), String> {
    let Ok(text) = fs::read(script) else { return Err(format!("there is no {}", script.display())) };
    let line = text.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"#!"));
    let interpreter = line.and_then(|line| str::from_utf8(line).ok()?.split_whitespace().next());
    match interpreter {
        Some(program) if !Path::new(program).exists() => {
            Err(format!("{} needs {program}, which this image does not have", script.display()))
        }
        _ => Ok(()),
    }
}

/// Where a runner can work.
#[derive(Debug)]
pub(crate) struct Workplace {
    /// The folder that holds `run.sh`, and that the runner writes to: its registration, its logs, its work.
    pub(crate) runner_dir: PathBuf,
    variables: Vec<(&'static str, OsString)>,
    _made: Made,
}

impl Workplace {
    /// Makes one of what there is.
    pub(crate) fn prepare(settings: &Settings) -> io::Result<Self> {
        let mut made = Made::default();
        let mut variables = Vec::new();
        let runner_dir = runner_dir(&settings.runner_dir, &mut made)?;
        if !settings.variable("HOME").map(Path::new).is_some_and(may_write_to) {
            // Without one, or with `/` for a user whom the image does not know, git and others fail.
            let home = made.folder("home")?;
            tracing::info!(runner.home = %home.display(), "the user has no home to write to, and gets one");
            variables.push(("HOME", home.into_os_string()));
        }
        variables.extend(
            path_with_fallbacks(&settings.runner_dir, settings.variable("PATH")).map(|path| ("PATH", path)),
        );
        let mut set = |(name, value): (&'static str, &str)| {
            if settings.variable(name).is_none() {
                variables.push((name, value.into()));
            }
        };
        if rustix::process::geteuid().is_root() {
            set(AS_ROOT);
        }
        if !has_icu(settings.variable("LD_LIBRARY_PATH")) {
            set(WITHOUT_ICU);
        }
        Ok(Self { runner_dir, variables, _made: made })
    }

    /// What the runner is told beyond its environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &OsStr)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_os_str()))
    }
}

/// The `PATH` with what stands in for programs that the image lacks at its end, if such came with the runner.
fn path_with_fallbacks(runner_dir: &Path, path: Option<&OsStr>) -> Option<OsString> {
    let fallbacks = runner_dir.parent()?.join(FALLBACKS);
    if !fallbacks.is_dir() {
        return None;
    }
    let path = path.unwrap_or_default();
    let folders = std::env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty());
    std::env::join_paths(folders.chain([fallbacks])).ok()
}

/// A folder for what is made, if any.
#[derive(Debug, Default)]
struct Made {
    parent: Option<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    fn folder(&mut self, name: &str) -> io::Result<PathBuf> {
        let parent = match &self.parent {
            Some(parent) => parent,
            None => self.parent.insert(temporary_folder()?.keep()),
        };
        let folder = parent.join(name);
        fs::create_dir(&folder)?;
        self.folders.push(folder.clone());
        Ok(folder)
    }
}

impl Drop for Made {
    /// Only what is empty is deleted. The rest goes with the task; deleting what a job left takes time that is paid for.
    fn drop(&mut self) {
        for folder in self.folders.iter().chain(&self.parent) {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A new folder where there may be one. It is deleted when it is dropped.
pub(crate) fn temporary_folder() -> io::Result<TempDir> {
    temporary_folder_in(&[std::env::temp_dir(), "/var/tmp".into()])
}

fn temporary_folder_in(parents: &[PathBuf]) -> io::Result<TempDir> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for parent in parents {
        match tempfile::Builder::new().prefix("fleetfoot-").tempdir_in(parent) {
            Ok(folder) => return Ok(folder),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The given one, or a copy of it.
fn runner_dir(given: &Path, made: &mut Made) -> io::Result<PathBuf> {
    if may_write_to(given) {
        return Ok(given.to_owned());
    }
    let copy = made.folder("runner")?;
    copy_runner(given, &copy)?;
    tracing::info!(runner.folder = %copy.display(), "the runner's folder is read-only; it works in a copy");
    Ok(copy)
}

fn may_write_to(folder: &Path) -> bool {
    tempfile::tempfile_in(folder).is_ok()
}

fn copy_runner(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_COPIED.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if name == LINKED {
            symlink(std::path::absolute(entry.path())?, to.join(name))?;
        } else {
            copy(&entry, &to.join(name))?;
        }
    }
    Ok(())
}

/// With permissions; links stay links.
fn copy(entry: &fs::DirEntry, to: &Path) -> io::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return symlink(fs::read_link(entry.path())?, to);
    }
    if kind.is_file() {
        return fs::copy(entry.path(), to).map(drop);
    }
    if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(entry.path())? {
            let entry = entry?;
            copy(&entry, &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn has_icu(library_path: Option<&OsStr>) -> bool {
    let given = library_path.into_iter().flat_map(std::env::split_paths);
    given.chain(LIBRARIES.map(PathBuf::from)).any(|folder| holds_icu(&folder))
}

fn holds_icu(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"libicuuc.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_runner_has_all_but_what_another_one_left() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        for folder in ["from/bin/deep", "from/externals/node20", "from/_diag", "to"] {
            fs::create_dir_all(place.path().join(folder)).unwrap();
        }
        for file in ["run.sh", "bin/deep/file", ".env", ".credentials", "externals/node20/node"] {
            fs::write(from.join(file), file).unwrap();
        }
        symlink("deep/file", from.join("bin/link")).unwrap();
        copy_runner(&from, &to).unwrap();

        for file in ["run.sh", "bin/deep/file", ".env", "externals/node20/node"] {
            assert_eq!(fs::read_to_string(to.join(file)).unwrap(), file);
        }
        assert_eq!(fs::read_link(to.join("externals")).unwrap(), from.join("externals"));
        assert_eq!(fs::read_link(to.join("bin/link")).unwrap(), Path::new("deep/file"));
        assert!(!to.join(".credentials").exists() && !to.join("_diag").exists());
    }

    #[test]
    fn what_stands_in_for_a_program_comes_after_every_program() {
        let place = tempfile::tempdir().unwrap();
        let runner = place.path().join("actions-runner");
        let path = |path: Option<&str>| path_with_fallbacks(&runner, path.map(OsStr::new));
        assert_eq!(path(Some("/usr/bin")), None, "the image has all that it is to have");
        fs::create_dir(place.path().join(FALLBACKS)).unwrap();
        let fallbacks = place.path().join(FALLBACKS).display().to_string();
        assert_eq!(path(Some("/usr/bin:/bin")), Some(format!("/usr/bin:/bin:{fallbacks}").into()));
        assert_eq!(path(None), Some(fallbacks.into()));
    }

    #[test]
    fn icu_is_found_by_its_library() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!holds_icu(folder.path()));
        fs::write(folder.path().join("libicuuc.so.70"), "").unwrap();
        assert!(has_icu(Some(folder.path().as_os_str())));
    }

    #[test]
    fn the_first_folder_that_can_be_used_is() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        let made = temporary_folder_in(&[nowhere.clone(), folder.path().to_owned()]).unwrap();
        assert!(made.path().starts_with(folder.path()) && made.path().is_dir());
        assert!(temporary_folder_in(&[nowhere]).is_err());
    }
}
