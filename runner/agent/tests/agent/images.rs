//! Images that were not made for a runner: whatever user, home and permissions they have.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rustix::process::geteuid;

use crate::world::{Answer, BEGIN, FINISH, LISTEN, Place, Register, write_run_script};

/// Writes what the real one writes, and where it is, into `place`.
const RUNNER: &str = "cp -f run-helper.sh.template run-helper.sh\n\
    echo registration > .runner\nmkdir _diag _work\ntouch \"$HOME/.gitconfig\"\n\
    { pwd; cat externals/node20/node; echo \"$HOME\"; } > \"$PLACE/facts\"\n\
    env > \"$PLACE/environment\"\n";

/// With the runner in a folder of its own, which nobody may write to.
fn image() -> Place {
    let place = Place::without_runner();
    let runner = place.path().join("runner");
    fs::create_dir_all(runner.join("externals/node20")).unwrap();
    write_run_script(&runner, &format!("{LISTEN}{BEGIN}{RUNNER}{FINISH}"));
    fs::write(runner.join("externals/node20/node"), "node\n").unwrap();
    fs::write(runner.join("run-helper.sh.template"), "").unwrap();
    fs::set_permissions(&runner, Permissions::from_mode(0o555)).unwrap();
    let path = place.path().to_str().unwrap().to_owned();
    place.set("FLEETFOOT_RUNNER_DIR", runner.to_str().unwrap()).set("PLACE", &path).set("TMPDIR", &path)
}

async fn run(place: &Place) -> Vec<String> {
    let register = Register::answering([Answer::configuration()]).await;
    let mut agent = place.start(&register.url());
    assert_eq!(agent.ends().await, 0, "{}", agent.log());
    assert_eq!(place.report().ran_job, Some(true), "{}", agent.log());
    fs::read_to_string(place.path().join("facts")).unwrap().lines().map(str::to_owned).collect()
}

fn environment(place: &Place) -> Vec<String> {
    let environment = fs::read_to_string(place.path().join("environment")).unwrap();
    environment.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_user_without_name_home_or_rights_runs_its_job() {
    for home in ["", "/nowhere", "/"] {
        let place = image().run_by_stranger().set("HOME", home);
        let facts = run(&place).await;
        let path = place.path().to_str().unwrap();
        assert!(facts[0].starts_with(path) && facts[0].ends_with("/runner"), "{facts:?}");
        assert_ne!(facts[0], format!("{path}/runner"), "that one cannot be written to");
        assert_eq!(facts[1], "node");
        assert!(facts[2].starts_with(path) && facts[2].ends_with("/home"), "{facts:?}");
        assert!(!place.path().join("runner/.runner").exists());
        if geteuid().is_root() {
            assert!(!environment(&place).iter().any(|line| line.starts_with("RUNNER_ALLOW_RUNASROOT=")));
        }
    }
}

#[tokio::test]
async fn a_home_that_can_be_written_to_stays() {
    let place = image().run_by_stranger();
    let home = place.path().join("my-home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o777)).unwrap();
    let place = place.set("HOME", home.to_str().unwrap());
    assert_eq!(run(&place).await[2], home.to_str().unwrap());
    assert!(home.join(".gitconfig").exists());
}

#[tokio::test]
async fn the_runner_runs_as_root_if_the_image_does() {
    let runner = format!("{LISTEN}{BEGIN}env > environment\n: > facts\n{FINISH}");
    let place = Place::with(&runner);
    run(&place).await;
    let is_allowed = environment(&place).contains(&"RUNNER_ALLOW_RUNASROOT=1".to_owned());
    assert_eq!(is_allowed, geteuid().is_root());

    let place = Place::with(&runner).set("RUNNER_ALLOW_RUNASROOT", "yes");
    run(&place).await;
    assert!(environment(&place).contains(&"RUNNER_ALLOW_RUNASROOT=yes".to_owned()));
}

#[tokio::test]
async fn nothing_is_left_of_a_home_that_nobody_used() {
    let place = Place::with(&format!("{LISTEN}{BEGIN}: > facts\n{FINISH}")).set("HOME", "");
    let temporary = place.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let place = place.set("TMPDIR", temporary.to_str().unwrap());
    run(&place).await;
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

#[tokio::test]
async fn an_image_without_the_runners_shell_asks_for_no_registration() {
    let register = Register::answering([Answer::configuration()]).await;
    let place = Place::with("#!/nowhere/bash\n");
    let mut agent = place.start(&register.url());
    assert_eq!(agent.ends().await, 2);
    assert!(agent.log().contains("needs /nowhere/bash, which this image does not have"), "{}", agent.log());
    assert!(register.requests().is_empty());
}
