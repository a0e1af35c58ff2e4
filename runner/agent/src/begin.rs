//! The program begins anew, as the same process, with the environment that it should have been given.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, PipeReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use openssl_probe::ProbeResult;

use crate::settings::{FROM_INPUT, LONGEST_TICKET, TICKET};

/// Beside the agent's program: root certificates for images that have none.
const OWN_CERTIFICATES: &str = "ca-certificates.crt";
/// Where root certificates are, if set: read by OpenSSL, and by all that follows its example, such as .NET, curl, git and
/// this program (OpenSSL manual, `SSL_CTX_load_verify_locations`).
const CERTIFICATES: &str = "SSL_CERT_FILE";

/// Takes the ticket out of the environment and adds root certificates where there are none. Answers only if there is
/// nothing to change, or if that could not be done.
///
/// The kernel shows every process of the same user the environment that a program was started with (Linux manual,
/// proc(5), `/proc/pid/environ`), whatever the program has done to it since. So the program starts itself again without
/// the ticket, and finds it on its standard input.
pub(crate) fn begin_anew() -> io::Result<()> {
    let program = std::env::current_exe()?;
    let ticket = ticket_in_environment();
    let certificates = certificates_to_add(&program, &openssl_probe::probe());
    if ticket.is_none() && certificates.is_none() {
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    again.args(arguments);
    if let Some(ticket) = ticket {
        again.env(TICKET, FROM_INPUT).stdin(input_with(&ticket)?);
    }
    if let Some(file) = certificates {
        again.env(CERTIFICATES, file);
    }
    Err(again.exec())
}

fn ticket_in_environment() -> Option<OsString> {
    let (_, ticket) = std::env::vars_os().find(|(name, _)| name == TICKET)?;
    Some(ticket).filter(|ticket| !ticket.is_empty() && ticket != FROM_INPUT)
}

fn input_with(ticket: &OsStr) -> io::Result<PipeReader> {
    if ticket.len() > LONGEST_TICKET {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the ticket is too long"));
    }
    let (input, mut output) = io::pipe()?;
    output.write_all(ticket.as_bytes())?;
    Ok(input)
}

/// Base images such as `debian` and `ubuntu` have no root certificates. What an image has is left to it.
fn certificates_to_add(program: &Path, found: &ProbeResult) -> Option<PathBuf> {
    let is_filled = |folder: &PathBuf| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if found.cert_file.is_some() || found.cert_dir.iter().any(is_filled) {
        return None;
    }
    Some(program.with_file_name(OWN_CERTIFICATES)).filter(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_added_where_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("fleetfoot-agent");
        let empty = folder.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let none = || ProbeResult { cert_file: None, cert_dir: vec![empty.clone()] };
        assert_eq!(certificates_to_add(&program, &none()), None, "nothing to add");

        let own = folder.path().join(OWN_CERTIFICATES);
        fs::write(&own, "").unwrap();
        assert_eq!(certificates_to_add(&program, &none()), Some(own.clone()));
        let file = ProbeResult { cert_file: Some(own), cert_dir: Vec::new() };
        assert_eq!(certificates_to_add(&program, &file), None);
        let filled = ProbeResult { cert_file: None, cert_dir: vec![folder.path().to_owned()] };
        assert_eq!(certificates_to_add(&program, &filled), None);
    }
}
