//! The guide is true to the code.

use std::path::Path;

use fleetfoot_model::config;
use fleetfoot_simulation::{files, invariants};

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/simulation.md");
    std::fs::read_to_string(path).expect("the guide is there")
}

#[test]
fn every_invariant_is_in_the_guide() {
    let guide = guide();
    for (name, says) in invariants::ALL {
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/simulation.md lacks {name}"));
        // The first words are enough to see that both speak of the same.
        let words: String = says.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        assert!(row.contains(words.trim_end_matches(',')), "{row} does not say {says}");
    }
}

#[test]
fn the_examples_of_files_can_be_read() {
    let guide = guide();
    let examples: Vec<&str> =
        guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [faults, config, limits] = examples[..] else { panic!("{} examples", examples.len()) };
    files::faults(faults).unwrap_or_else(|error| panic!("{error}"));
    config::load("fleet.toml", config).unwrap_or_else(|error| panic!("{error}"));
    let limits = files::limits(limits).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(limits, fleetfoot_simulation::run::Limits::default(), "the guide shows the usual limits");
}

#[test]
fn every_fault_that_can_be_set_is_in_the_guide() {
    let guide = guide();
    for section in ["github", "fargate", "images", "system"] {
        let error = files::faults(&format!("[{section}]\nunknown = 1"))
            .expect_err("there is no such fault")
            .to_string();
        let known = error.split("allowed: ").nth(1).expect("it says what is allowed");
        for name in known.split(", ") {
            // Names with a common beginning are abbreviated.
            let short = name.strip_prefix("webhook").unwrap_or(name);
            assert!(
                guide.contains(name) || guide.contains(short),
                "docs/simulation.md lacks {section}.{name}"
            );
        }
    }
}
