//! `runner/install.sh`, run as it is: in a root folder of its own, with package managers that only note how they were
//! called, and with a small archive that is served on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;

use fleetfoot_model::image_key::RUNNER_VERSION;
use fleetfoot_model::runner_release::PINNED;
use fleetfoot_tests::tools::root;

use crate::sandbox::{Ran, Sandbox};

const LOADER: &str = "root/lib64/ld-linux-x86-64.so.2";
const RUNNER: &str = "root/opt/fleetfoot/actions-runner";

/// A base with glibc and a package manager, and the recipe with an archive of its own pinned.
struct Base {
    sandbox: Sandbox,
    releases: String,
}

impl Base {
    fn new(manager: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write(LOADER, "");
        sandbox.write("root/etc/sudoers.d/README", "");
        sandbox.program(manager, "true");
        sandbox.program("id", "exit 1").program("getent", "exit 2");
        sandbox.program("useradd", "true").program("chown", "true");
        sandbox.program("getconf", "echo 'glibc 2.39'");
        for name in ["install.sh", "docker"] {
            let text = std::fs::read(root().join("runner").join(name)).expect("a file of the recipe");
            sandbox.write(&format!("recipe/{name}"), text);
        }
        let archive = archive(&sandbox);
        let digest = digest(&archive);
        let pin = PINNED.lines().map(|line| match line.split_once(" = ") {
            Some((arch @ ("x64" | "arm64"), _)) => format!("{arch} = \"{digest}\"\n"),
            _ => format!("{line}\n"),
        });
        sandbox.write("recipe/release.toml", pin.collect::<String>());
        Self { sandbox, releases: serve(archive) }
    }

    fn install(&self, what: &str, more: &[(&str, &str)]) -> Ran {
        let root = self.sandbox.path("root").display().to_string();
        let mut variables =
            vec![("ARCH", "x64"), ("FLEETFOOT_ROOT", &root), ("FLEETFOOT_RELEASES", &self.releases)];
        variables.extend(more);
        let script = self.sandbox.path("recipe/install.sh").display().to_string();
        self.sandbox.run(self.sandbox.path("bin/sh"), &[&script, what], &variables)
    }

    fn installed(&self, what: &str) -> Ran {
        let ran = self.install(what, &[]);
        assert!(ran.succeeded(), "{}", ran.err());
        ran
    }

    fn refused(&self, what: &str, more: &[(&str, &str)]) -> String {
        let ran = self.install(what, more);
        assert!(!ran.succeeded(), "{}", ran.out());
        assert!(!self.sandbox.path(RUNNER).join("run.sh").exists(), "nothing is unpacked");
        ran.err()
    }

    fn has(&self, path: &str) -> bool {
        self.sandbox.path(path).exists()
    }
}

/// What `actions-runner-linux-x64-<version>.tar.gz` is, but smaller.
fn archive(sandbox: &Sandbox) -> Vec<u8> {
    for (path, text) in [
        ("run.sh", "#!/bin/bash\n"),
        ("bin/Runner.Listener", "listener"),
        ("externals/node24/bin/node", "node"),
        ("externals/node24_alpine/bin/node", "node for Alpine"),
    ] {
        sandbox.write(&format!("archive/{path}"), text);
    }
    let made =
        Command::new("tar").args(["--create", "--gzip", "."]).current_dir(sandbox.path("archive")).output();
    made.expect("tar is there").stdout
}

fn digest(bytes: &[u8]) -> String {
    let sum = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut sum = sum.expect("sha256sum is there");
    sum.stdin.take().expect("a pipe").write_all(bytes).expect("it reads");
    let said = sum.wait_with_output().expect("it ends").stdout;
    String::from_utf8_lossy(&said).chars().take(64).collect()
}

/// Serves the archive under its name for x64, and nothing else, for as long as the tests run.
fn serve(archive: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let wanted = format!("GET /v{RUNNER_VERSION}/actions-runner-linux-x64-{RUNNER_VERSION}.tar.gz ");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let lines: Vec<String> = BufReader::new(&stream)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let is_there = lines.first().is_some_and(|line| line.starts_with(&wanted));
            let (status, body) =
                if is_there { ("200 OK", archive.as_slice()) } else { ("404 Not Found", &[][..]) };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // Whoever asked may have gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    address
}

#[test]
fn a_debian_base_gets_runner_user_and_tools() {
    let base = Base::new("apt-get");
    base.installed("runner");
    let calls = base.sandbox.calls();
    assert_eq!(calls[1], ["apt-get", "update"], "{calls:?}");
    for package in ["ca-certificates", "curl", "git", "jq", "sudo", "unzip", "^libicu[0-9]+(t64)?$"] {
        assert!(calls[2].iter().any(|word| word == package), "{package}: {:?}", calls[2]);
    }
    assert!(
        base.has(&format!("{RUNNER}/run.sh")) && base.has(&format!("{RUNNER}/externals/node24/bin/node"))
    );
    assert!(!base.has(&format!("{RUNNER}/externals/node24_alpine")), "for containers only");
    assert_eq!(
        base.sandbox.call("useradd"),
        ["--create-home", "--uid", "1001", "--shell", "/bin/bash", "runner"]
    );
    assert!(base.has("root/etc/sudoers.d/fleetfoot"));
    let docker = base.sandbox.path("root/usr/local/bin/docker");
    assert_eq!(std::fs::metadata(docker).expect("the shim is there").permissions().mode() & 0o777, 0o755);
}

#[test]
fn each_family_is_served_by_its_package_manager() {
    for (manager, icu) in [("dnf", "libicu"), ("microdnf", "libicu"), ("yum", "libicu60")] {
        let base = Base::new(manager);
        base.installed("runner");
        let arguments = base.sandbox.call(manager);
        assert_eq!(arguments[..2], ["install", "--assumeyes"], "{manager}");
        for package in [icu, "git-core", "jq", "shadow-utils", "sudo", "tar", "unzip"] {
            assert!(arguments.iter().any(|word| word == package), "{manager} {package}: {arguments:?}");
        }
        // There is one; `curl` would conflict with `curl-minimal`.
        assert!(!arguments.contains(&"curl".to_owned()), "{manager}: {arguments:?}");
    }
}

#[test]
fn a_base_keeps_its_own_user_and_its_own_docker() {
    let base = Base::new("apt-get");
    base.sandbox.program("id", "true").program("docker", "true");
    base.installed("runner");
    assert!(!base.sandbox.calls().iter().any(|call| call[0] == "useradd"));
    assert!(!base.has("root/etc/sudoers.d/fleetfoot") && !base.has("root/usr/local/bin/docker"));
}

#[test]
fn a_number_that_the_base_has_given_away_is_not_asked_for() {
    let base = Base::new("apt-get");
    base.sandbox.program("getent", "true");
    base.installed("runner");
    assert_eq!(base.sandbox.call("useradd"), ["--create-home", "--shell", "/bin/bash", "runner"]);
}

#[test]
fn a_base_without_glibc_is_refused_with_the_reason() {
    let base = Base::new("apk");
    std::fs::remove_file(base.sandbox.path(LOADER)).expect("it was there");
    let said = base.refused("runner", &[]);
    assert!(said.contains("no glibc") && said.contains("Alpine"), "{said}");
    assert!(base.sandbox.calls().is_empty(), "nothing was tried before");
}

#[test]
fn an_old_glibc_is_refused_or_warned_of() {
    let base = Base::new("yum");
    base.sandbox.program("getconf", "echo 'glibc 2.17'");
    assert!(base.refused("runner", &[]).contains("has glibc 2.17, GitHub's runner needs 2.23"));
    // Amazon Linux 2.
    base.sandbox.program("getconf", "echo 'glibc 2.26'");
    let said = base.installed("runner").err();
    assert!(said.contains("warning") && said.contains("actions/checkout"), "{said}");
    base.sandbox.program("getconf", "echo 'glibc 2.28'");
    assert_eq!(base.installed("runner").err(), "");
}

#[test]
fn what_cannot_be_built_is_refused_with_the_reason() {
    for (variables, reason) in [
        (&[("ARCH", "mips")][..], "ARCH is 'mips', expected x64 or arm64"),
        (&[("ARCH", "")], "ARCH is ''"),
        (&[("ARCH", "$(touch owned)")], "ARCH is '$(touch owned)'"),
        (&[("RUNNER_VERSION", "1.0.0")], "RUNNER_VERSION is '1.0.0', release.toml pins"),
        // Its loader is not the other's.
        (&[("ARCH", "arm64")], "no glibc"),
    ] {
        let base = Base::new("apt-get");
        let said = base.refused("runner", variables);
        assert!(said.contains(reason), "{variables:?}: {said}");
        assert!(!base.has("work/owned"));
    }
    let base = Base::new("zypper");
    assert!(base.refused("runner", &[]).contains("none of apt-get, dnf, microdnf and yum"));
    assert!(base.refused("", &[]).contains("install.sh takes"));
}

#[test]
fn an_archive_that_is_not_what_is_pinned_is_refused() {
    let base = Base::new("apt-get");
    let pinned = base.sandbox.path("recipe/release.toml");
    let text = std::fs::read_to_string(&pinned).expect("it is there");
    let other = |line: &str| {
        if line.starts_with("x64") { format!("x64 = \"{}\"", "0".repeat(64)) } else { line.to_owned() }
    };
    let lines: Vec<_> = text.lines().map(other).collect();
    base.sandbox.write("recipe/release.toml", lines.join("\n"));
    for what in ["runner", "release"] {
        let said = base.refused(what, &[]);
        assert!(said.contains("is not what release.toml pins"), "{said}");
    }
    // Nor is one taken that has no checksum.
    let lines: Vec<_> = text.lines().filter(|it| !it.starts_with("x64")).collect();
    base.sandbox.write("recipe/release.toml", lines.join("\n"));
    assert!(base.refused("runner", &[]).contains("is not what release.toml pins"));
}

#[test]
fn a_release_that_is_not_there_is_told() {
    let base = Base::new("apt-get");
    let said = base.refused("runner", &[("FLEETFOOT_RELEASES", &format!("{}/elsewhere", base.releases))]);
    assert!(said.contains("cannot be fetched from"), "{said}");
}

/// The image beside which it runs has a user of its own.
#[test]
fn the_release_alone_is_for_any_user_and_asks_nothing_of_the_base() {
    let base = Base::new("apt-get");
    std::fs::remove_file(base.sandbox.path(LOADER)).expect("it was there");
    base.installed("release");
    assert!(base.sandbox.calls().is_empty(), "curl, tar and gzip are there: {:?}", base.sandbox.calls());
    for folder in ["", "_diag", "_work"] {
        let folder = base.sandbox.path(RUNNER).join(folder);
        let mode = std::fs::metadata(&folder).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o777, "{}", folder.display());
    }
}

/// What `fleetfoot-model` and the script read of the one file is the same.
#[test]
fn the_release_is_pinned_in_one_place() {
    let base = Base::new("apt-get");
    base.installed("runner");
    let ran = base.install("runner", &[("RUNNER_VERSION", RUNNER_VERSION)]);
    assert!(ran.succeeded(), "{}", ran.err());
    for path in ["runner/Dockerfile", "runner/install.sh", "runner/buildspec.yml", "template.yaml"] {
        let text = std::fs::read_to_string(root().join(path)).expect("a file of the project");
        assert!(!text.contains(RUNNER_VERSION), "{path} names the release, too");
    }
}
