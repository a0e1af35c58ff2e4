//! No body panics the parser, and every fact that comes of one survives its envelope.
#![no_main]

use std::sync::LazyLock;

use fleetfoot_ingest::webhook::{Verdict, read};
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::{Config, load};
use fleetfoot_model::envelope::Envelope;

static CONFIG: LazyLock<Config> =
    LazyLock::new(|| load("fleet.toml", include_str!("../../fleet.toml")).expect("the example is valid"));

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    for event in ["workflow_job", "workflow_run", "ping", "push"] {
        let Ok(Verdict::Facts(facts)) = read(event, body, &CONFIG, Timestamp::UNIX_EPOCH) else { continue };
        for fact in facts {
            let envelope = Envelope::of(&fact, "delivery", 0, Timestamp::UNIX_EPOCH);
            assert_eq!(envelope.fact().expect("a fact"), fact);
        }
    }
});
