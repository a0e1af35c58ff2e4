//! Files of this machine that only their owner can read.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fleetfoot_model::secret::Secret;

use crate::failure::{Failure, OrFail};

/// The file comes into being whole and readable by its owner only, as temporary files are (tempfile, `NamedTempFile`).
pub(super) fn write(folder: &Path, file: &Path, secret: &Secret, replace: bool) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    // The folder may be in a repository.
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(secret.expose().as_bytes())?;
    new.as_file().sync_all()?;
    let done = if replace { new.persist(file).map(drop) } else { new.persist_noclobber(file).map(drop) };
    done.map_err(|error| error.error)
}

/// Reads a file with a secret, `-` for stdin.
pub(in crate::setup) fn read_secret(file: &Path) -> Result<Secret, Failure> {
    let what = format!("{} cannot be read", file.display());
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).or_fail(what)?
    } else {
        let text = fs::read_to_string(file).or_fail(what);
        text.map_err(|failure| failure.hint("name a file with the secret in it, or - for stdin"))?
    };
    match text.trim() {
        "" => Err(Failure::new(format!("{} is empty", file.display()))
            .hint("put the secret into it and nothing else; - reads it from stdin")),
        text => Ok(Secret::new(text)),
    }
}

/// Whether others may read a file that holds a secret.
pub(in crate::setup) fn is_open_to_others(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}
