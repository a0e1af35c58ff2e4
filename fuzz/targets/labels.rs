//! No labels panic the parser, and their order says nothing.
#![no_main]

use std::sync::LazyLock;

use fleetfoot_model::config::{Config, load};
use fleetfoot_model::labels::{LabelRules, Reading, parse};
use fleetfoot_model::spec::Label;

static CONFIG: LazyLock<Config> =
    LazyLock::new(|| load("fleet.toml", include_str!("../../fleet.toml")).expect("the example is valid"));

libfuzzer_sys::fuzz_target!(|texts: Vec<&str>| {
    let mut labels: Vec<Label> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let rules = LabelRules::from(&*CONFIG);
    for required in [false, true] {
        if required {
            labels.extend(rules.labels.required.iter().cloned());
        }
        let forwards = parse(&labels, &rules);
        labels.reverse();
        let backwards = parse(&labels, &rules);
        match (&forwards, &backwards) {
            // A refusal names the first mistake it meets.
            (Reading::Refused(_), Reading::Refused(_)) => {}
            _ => assert_eq!(forwards, backwards),
        }
    }
});
