//! Python packages in environments of their own. They need Python 3 with `venv`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{run, target};

/// The folder of the programs of the AWS SAM CLI, `cfn-lint` and `cargo-lambda`.
pub fn sam() -> PathBuf {
    environment("sam", include_str!("sam.txt"))
}

/// The folder of the program `ministack`. It needs another `boto3` than the SAM CLI.
pub fn ministack() -> PathBuf {
    environment("ministack", include_str!("ministack.txt"))
}

/// The folder of the programs `node` and `npm`, which come as a Python package, too.
pub fn node_programs() -> PathBuf {
    environment("node-programs", include_str!("node/python.txt"))
}

/// The folder of the programs `hadolint` and `shellcheck`.
pub fn recipe_linters() -> PathBuf {
    environment("recipe-linters", include_str!("recipe.txt"))
}

/// The folder of a `python` that knows Slack's own SDK.
pub fn slack_sdk() -> PathBuf {
    environment("slack", include_str!("slack.txt"))
}

/// The programs of the packages that are listed, installed if they are not there in these versions.
fn environment(name: &str, requirements: &str) -> PathBuf {
    let tools = target().join("tools");
    std::fs::create_dir_all(&tools).expect("target/tools can be made");
    // Several test binaries may ask at once.
    let lock = File::create(tools.join(format!("{name}.lock"))).expect("a lock file can be made");
    lock.lock().expect("a lock can be waited for");
    let folder = tools.join(name);
    let installed = folder.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|found| found == requirements) {
        return folder.join("bin");
    }
    install(&folder, requirements);
    std::fs::write(&installed, requirements).expect("what was installed can be noted");
    folder.join("bin")
}

fn install(folder: &Path, requirements: &str) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).expect("an older environment can be removed");
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let list = folder.join("requirements.txt");
    std::fs::write(&list, requirements).expect("the list of packages can be written");
    let pip = folder.join("bin").join("pip");
    run(Command::new(pip)
        .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(list));
}
