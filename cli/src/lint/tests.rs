//! Workflow files, and what is said of them.

use insta::assert_snapshot;

use crate::testing::commands::assert_documented;
use crate::testing::explain::CONFIGURATION;
use crate::testing::{HOSTILE, Said, World};
use crate::text::is_harmful;

fn world() -> World {
    let world = World::without_state();
    world.write("fleet.toml", CONFIGURATION);
    std::fs::create_dir_all(world.path().join(".github/workflows")).unwrap();
    world
}

/// Lints one file with these options.
async fn lint_with(text: impl AsRef<[u8]>, options: &str) -> Said {
    let world = world();
    let file = world.write(".github/workflows/ci.yml", text);
    world.run(&format!("lint {file} {options}")).await
}

async fn lint(text: impl AsRef<[u8]>) -> Said {
    lint_with(text, "").await
}

/// A workflow whose one job has this `runs-on`.
fn job(runs_on: &str) -> String {
    format!("on: push\njobs:\n  build:\n    runs-on: {runs_on}\n    steps: []\n")
}

#[tokio::test]
async fn jobs_that_could_never_run_are_errors() {
    let said = lint(
        "on: push
jobs:
  misspelt:
    runs-on: [self-hosted, class:mediun]
  image:
    runs-on: [self-hosted, class:small, \"image:alpine:3\"]
  contradiction:
    runs-on:
      - self-hosted
      - class:small
      - class:medium
  unaddressed:
    runs-on: [class:small, image:ubuntu:22.04]
  nothing:
    steps: []
  long:
    runs-on: [self-hosted, class:small]
    timeout-minutes: never
",
    )
    .await;
    assert!(!said.succeeded);
    assert_snapshot!(said.screen());
}

#[tokio::test]
async fn what_is_right_or_for_others_is_passed_in_silence() {
    for runs_on in [
        "[self-hosted, class:small]",
        "[self-hosted, class:medium, 'image:ubuntu:22.04', 'pin:${{ github.run_id }}-a']",
        "ubuntu-latest",
        "[ubuntu-latest]",
        "[other-fleet, gpu]",
        "{ labels: [self-hosted, class:small] }",
        "&labels [self-hosted, class:small]",
        "${{ fromJSON('[\"self-hosted\", \"class:small\"]') }}",
    ] {
        let said = lint(job(runs_on)).await;
        assert!(said.succeeded, "{runs_on}: {}", said.screen());
        assert_eq!(said.data, "", "{runs_on}");
    }
}

#[tokio::test]
async fn a_matrix_is_written_out() {
    let said = lint(
        "jobs:
  build:
    strategy:
      matrix:
        size: [small, hueg]
        image: ['ubuntu:22.04', 'debian:12']
        exclude:
          - { size: hueg, image: 'debian:12' }
        include:
          - { size: thrifty, image: 'ubuntu:24.04', labels: extra }
    runs-on: [self-hosted, 'class:${{ matrix.size }}', 'image:${{ matrix.image }}']
  machines:
    strategy:
      matrix:
        machine:
          - [self-hosted, class:small]
          - [self-hosted, class:tiny]
    runs-on: ${{ matrix.machine }}
  too-many:
    strategy:
      matrix:
        a: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]
        b: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]
    runs-on: [self-hosted, class:small]
",
    )
    .await;
    assert_snapshot!(said.screen());
}

#[tokio::test]
async fn what_is_known_only_later_is_a_note_and_called_workflows_are_passed_over() {
    let said = lint(
        "jobs:
  given:
    runs-on: ${{ inputs.machine }}
  partly:
    runs-on: [self-hosted, 'class:${{ inputs.size }}']
  computed:
    strategy:
      matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}
    runs-on: [self-hosted, 'class:${{ matrix.size }}']
  called:
    uses: ./.github/workflows/other.yml
",
    )
    .await;
    assert!(said.succeeded);
    assert_snapshot!(said.screen());
}

#[tokio::test]
async fn jobs_that_may_take_each_others_runners_are_told_of_it() {
    let world = world();
    let folder = ".github/workflows";
    let ci = "jobs:
  test:
    runs-on: [self-hosted, class:small]
  image:
    runs-on: [self-hosted, class:small, 'image:ubuntu:22.04']
  same:
    runs-on: [class:small, self-hosted]
  pinned:
    runs-on: [self-hosted, class:small, 'pin:${{ github.run_id }}']
  medium:
    runs-on: [self-hosted, class:medium]
";
    world.write(&format!("{folder}/ci.yml"), ci);
    world.write(&format!("{folder}/release.yaml"), "jobs:\n  release:\n    runs-on: self-hosted\n");
    world.write(&format!("{folder}/README.md"), "no workflow");
    let said = world.run(&format!("lint {}", world.path().display())).await;
    assert!(said.succeeded, "warnings are no errors");
    assert_snapshot!(said.screen());
    let strict = world.run(&format!("lint {} --strict", world.path().display())).await;
    assert!(!strict.succeeded);
}

#[tokio::test]
async fn foreign_labels_and_groups_are_warned_of() {
    let said = lint(
        "jobs:
  near:
    runs-on: [self-hosted, medium]
  far:
    runs-on: [self-hosted, gpu]
  hosted:
    runs-on: self-hostd
  group:
    runs-on: { group: big, labels: [self-hosted, class:small] }
  bare:
    runs-on: { group: big }
",
    )
    .await;
    assert!(said.succeeded);
    assert_snapshot!(said.screen());
}

const DOCKER: &str = "jobs:
  build:
    runs-on: [self-hosted, class:small]
    container: ruby:3.4
    services:
      database: { image: postgres }
    steps:
      - uses: actions/checkout@v5
      - uses: docker://alpine:3
      - uses: docker/build-push-action@v7
      - uses: ./actions/boxed
      - uses: ./actions/plain
      - uses: ./../../outside
      - run: |
          echo docker build
          sudo docker build -t app . && docker push app
      - run: docker --version
      - run: docker build .
        env: { DOCKER_HOST: 'tcp://builder:2376' }
      - uses: docker/setup-buildx-action@v4
        with: { driver: remote }
  elsewhere:
    runs-on: ubuntu-latest
    container: ruby:3.4
";

#[tokio::test]
async fn what_fargate_cannot_do_is_told_of_this_fleets_jobs() {
    let world = world();
    for (name, using) in [("boxed", "docker"), ("plain", "node24")] {
        std::fs::create_dir_all(world.path().join("actions").join(name)).unwrap();
        world.write(&format!("actions/{name}/action.yml"), format!("runs:\n  using: {using}\n"));
    }
    world.write(".github/workflows/ci.yml", DOCKER);
    let line = format!("lint {}", world.path().display());
    assert_snapshot!(world.run(&line).await.screen());
    assert_eq!(world.run(&format!("{line} --with-docker")).await.data, "");
}

#[tokio::test]
async fn timeouts_are_compared_with_the_fleets() {
    let world = world();
    world.write("fleet.toml", format!("{CONFIGURATION}\n[timeouts]\nrunning_seconds = 7200\n"));
    let text = "jobs:
  long: { runs-on: [self-hosted, class:small], timeout-minutes: 121 }
  unsaid: { runs-on: [self-hosted, class:small] }
  short: { runs-on: [self-hosted, class:small], timeout-minutes: 120 }
  given: { runs-on: [self-hosted, class:small], timeout-minutes: \"${{ inputs.minutes }}\" }
";
    let file = world.write(".github/workflows/ci.yml", text);
    assert_snapshot!(world.run(&format!("lint {file}")).await.screen());
}

#[tokio::test]
async fn the_policy_is_asked_for_a_repository() {
    let text = job("[self-hosted, class:small]");
    assert!(lint_with(&text, "--repository acme/app").await.succeeded);
    let public = lint_with(&text, "--repository acme/app --public").await;
    assert!(!public.succeeded && public.data.contains("is public"), "{}", public.data);
}

#[tokio::test]
async fn nasty_files_are_errors_with_a_place() {
    let levels: Vec<String> =
        (1..12).map(|n| format!("l{n}: &l{n} [{}]", vec![format!("*l{}", n - 1); 10].join(", "))).collect();
    let bomb = format!("l0: &l0 [x]\n{}\njobs: {{}}\n", levels.join("\n"));
    let deep = format!("jobs: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    let huge = format!("jobs: {{}}\n#{}", "x".repeat(2_000_000));
    let mut screens = String::new();
    for text in [
        &b""[..],
        b"jobs:\n\tbuild:\n",
        b"jobs: [\n",
        b"on: push\njobs: caf\xe9\n",
        b"just text",
        b"- a\n- b\n",
        b"name: no jobs\n",
        b"runs:\n  using: composite\n",
        b"jobs: []\n",
        b"jobs:\n  a: text\n",
        b"jobs:\n  a:\n    runs-on: x\n  a:\n    runs-on: y\n",
        b"jobs:\n  a: &a\n    runs-on: *a\n",
        b"jobs:\n  a:\n    runs-on: *missing\n",
        b"jobs:\n  a:\n    runs-on: [[self-hosted]]\n",
        b"jobs:\n  a:\n    runs-on: []\n",
        b"\xef\xbb\xbfjobs:\n  a:\n    runs-on: ~\n",
        bomb.as_bytes(),
        deep.as_bytes(),
        huge.as_bytes(),
    ] {
        let said = lint(text).await;
        screens.push_str(&said.screen());
        screens.push_str("---\n");
    }
    assert_snapshot!(screens);
}

#[tokio::test]
async fn anchors_are_followed() {
    let said = lint("x: &labels [self-hosted, class:smal]\njobs:\n  a: { runs-on: *labels }\n").await;
    assert!(said.data.contains("ci.yml:1:26: error: job a: label \"class:smal\""), "{}", said.data);
}

#[tokio::test]
async fn annotations_show_at_their_line_and_nothing_is_smuggled_in() {
    let job = "jobs:\n  \"a\\n::error::owned\":\n    runs-on: [self-hosted, \"class:50%\\u202e,x\"]\n";
    let said = lint_with(job, "--format github").await;
    assert_eq!(said.data.lines().count(), 1, "{}", said.data);
    assert_snapshot!(said.data);
}

#[tokio::test]
async fn hostile_files_are_harmless_on_a_terminal() {
    let text = format!("{HOSTILE}{}", "x".repeat(3_000)).replace('\\', "");
    let text = serde_json::to_string(&text).unwrap();
    let said = lint(format!("jobs:\n  {text}:\n    runs-on: [self-hosted, {text}, class:small]\n")).await;
    let harmful = said.screen().chars().find(|it| is_harmful(*it) && *it != '\n');
    assert_eq!(harmful, None);
    assert!(said.data.lines().all(|line| line.chars().count() < 1_500));
}

#[tokio::test]
async fn json_is_as_documented() {
    let said = lint_with(job("[self-hosted, class:mediun]"), "--json").await;
    assert!(!said.succeeded, "a script sees it by the exit code, too");
    let json = said.json();
    assert_eq!((&json["errors"], &json["findings"][0]["rule"]), (&1.into(), &"rejected".into()));
    assert_eq!(json["findings"][0]["column"], 28);
    assert_documented(&json, &["lint"]);
}

#[tokio::test]
async fn where_there_is_no_workflow_it_says_so() {
    let world = world();
    assert_snapshot!(world.run(&format!("lint {}", world.path().display())).await.screen());
    let missing = world.run(&format!("lint {}/missing.yml", world.path().display())).await;
    assert!(!missing.succeeded && missing.data.contains("cannot be read"), "{}", missing.screen());
    // The tests' own folder has none.
    let nowhere = world.run("lint").await;
    assert!(
        nowhere.rest.starts_with("error: there are no workflow files in .github/workflows\n"),
        "{}",
        nowhere.screen()
    );
}
