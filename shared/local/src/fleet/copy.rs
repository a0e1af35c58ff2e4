//! A folder of its own for every runner, quickly.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Files above this size are linked instead of copied: a release of actions/runner has some 600 MB, nearly all of it in
/// programs that nobody writes to.
const LINK_ABOVE: u64 = 1024 * 1024;

/// What a runner that was used in this folder left there: registration, logs, work (actions/runner, `Constants.cs`).
const NOT_COPIED: &[&str] = &[
    ".runner",
    ".runner_migrated",
    ".credentials",
    ".credentials_migrated",
    ".credentials_rsaparams",
    "_diag",
    "_work",
];

/// Copies a runner's folder: small files and permissions are copied, large files linked, links kept. The fleet's own
/// `state` is left out, should it be within.
pub(super) fn runner(from: &Path, to: &Path, state: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let is_wanted = entry.file_name().to_str().is_none_or(|name| !NOT_COPIED.contains(&name));
        if is_wanted {
            one(&entry, to, state)?;
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

fn one(entry: &fs::DirEntry, folder: &Path, state: &Path) -> io::Result<()> {
    let (from, to) = (entry.path(), folder.join(entry.file_name()));
    let found = entry.metadata()?;
    if found.is_symlink() {
        symlink(fs::read_link(&from)?, &to)
    } else if found.is_dir() {
        if from == state { Ok(()) } else { all(&from, &to, state) }
    } else if !found.is_file() {
        // Pipes and sockets are some process's, not the runner's.
        Ok(())
    } else if found.len() > LINK_ABOVE && fs::hard_link(&from, &to).is_ok() {
        Ok(())
    } else {
        fs::copy(&from, &to).map(drop)
    }
}

fn all(from: &Path, to: &Path, state: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        one(&entry?, to, state)?;
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// Deletes a folder, also where a job has made folders read-only, as Go does with its modules.
pub(super) fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn two_copies_share_nothing_but_large_files() {
        let place = tempfile::tempdir().unwrap();
        let from = place.path().join("runner");
        let state = from.join("state");
        for folder in ["bin/deep", "_work", "_diag", "state/runners"] {
            fs::create_dir_all(from.join(folder)).unwrap();
        }
        fs::write(from.join("run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(from.join("run.sh"), Permissions::from_mode(0o755)).unwrap();
        fs::write(from.join("bin/deep/large"), vec![7; 1024 * 1024 + 1]).unwrap();
        fs::write(from.join(".credentials"), "another runner's").unwrap();
        symlink("deep/large", from.join("bin/link")).unwrap();
        fs::set_permissions(from.join("bin"), Permissions::from_mode(0o555)).unwrap();

        let (a, b) = (place.path().join("a"), place.path().join("b"));
        for to in [&a, &b] {
            runner(&from, to, &state).unwrap();
        }
        fs::write(a.join("run.sh"), "changed").unwrap();
        assert_eq!(fs::read_to_string(b.join("run.sh")).unwrap(), "#!/bin/sh\n");
        assert_eq!(fs::metadata(b.join("run.sh")).unwrap().mode() & 0o777, 0o755);
        assert_eq!(fs::metadata(b.join("bin")).unwrap().mode() & 0o777, 0o555);
        let file = |folder: &Path| fs::metadata(folder.join("bin/deep/large")).unwrap().ino();
        assert_eq!(file(&a), file(&b));
        assert_eq!(fs::read_link(a.join("bin/link")).unwrap(), Path::new("deep/large"));
        for left_out in [".credentials", "_work", "_diag", "state"] {
            assert!(!a.join(left_out).exists(), "{left_out}");
        }
        remove_all(&a).unwrap();
        assert!(!a.exists());
        remove_all(&a).unwrap();
    }
}
