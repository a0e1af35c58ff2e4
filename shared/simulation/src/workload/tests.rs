use fleetfoot_model::config;
use fleetfoot_model::labels::{self, LabelRules, Reading};

use super::*;

fn origins(fleet: &str) -> (Origins, Config) {
    let text = format!("[github]\ntoken = \"env:TOKEN\"\nwebhook_secrets = [\"env:SECRET\"]\n{fleet}");
    let config = config::load("fleet.toml", &text).unwrap();
    (Origins::of(&config), config)
}

fn workload(jobs: u64) -> Workload {
    Workload { seed: 1, arrival: Arrival::Burst, jobs, oddities: Oddities::SOME, only: None }
}

const CLASSES: &str = "organization = \"acme\"\n[images]\nallow = [\"ubuntu:*\"]\n\
                       [classes.small]\ncpu = 512\nmemory = 1024\n[classes.large]\ncpu = 4096\nmemory = 8192\n\
                       [labels]\ndefault_class = \"small\"\n";

#[test]
fn every_job_is_one_that_the_configuration_serves() {
    let (origins, config) = origins(CLASSES);
    let coming: Vec<Coming> = workload(500).coming(origins).collect();
    assert_eq!(coming.len(), 500);
    let rules = LabelRules::from(&config);
    for Coming { order, .. } in &coming {
        assert!(matches!(labels::parse(&order.labels, &rules), Reading::Ours(_)), "{:?}", order.labels);
    }
    let count = |is: fn(&JobOrder) -> bool| coming.iter().filter(|it| is(&it.order)).count();
    assert!((25..=75).contains(&count(|it| it.cancel_after.is_some())));
    assert!((15..=65).contains(&count(|it| it.needs_approval)));
    assert!(count(|it| it.labels.iter().any(|label| label.as_str().starts_with("image:"))) > 0);
    let mut runs: Vec<_> = coming.iter().map(|it| it.order.run_for).collect();
    runs.sort();
    let (least, middle, most) = (runs[0], runs[250], runs[499]);
    assert!(least >= SignedDuration::from_secs(30) && most <= SignedDuration::from_mins(20));
    assert!((150..=240).contains(&middle.as_secs()), "{middle}");
}

#[test]
fn leaving_jobs_out_does_not_change_the_others() {
    let (origins, _) = origins(CLASSES);
    let all: Vec<Coming> = workload(50).coming(origins.clone()).collect();
    let only = Workload { only: Some(BTreeSet::from([3, 41])), ..workload(50) };
    let shown = |coming: &Coming| format!("{coming:?}");
    let some: Vec<String> = only.coming(origins).map(|it| shown(&it)).collect();
    assert_eq!(some, [shown(&all[3]), shown(&all[41])]);
}

#[test]
fn jobs_come_from_where_the_configuration_allows() {
    for (fleet, expected) in [
        ("repositories = [\"acme/app\", \"acme/lib\"]\n", vec!["acme/app", "acme/lib"]),
        (
            "organization = \"acme\"\n[repositories]\nallow = [\"acme/web-*\", \"acme/app\"]\n",
            vec!["acme/web-1", "acme/app"],
        ),
    ] {
        let names: Vec<String> = origins(fleet).0.repositories.iter().map(ToString::to_string).collect();
        assert_eq!(names, expected);
    }
    assert_eq!(origins("organization = \"acme\"\n").0.repositories.len(), REPOSITORIES);
}
