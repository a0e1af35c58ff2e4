//! No pattern panics the bus, and one that it takes can be asked about any event.
#![no_main]

use std::sync::Arc;

use fleetfoot_local::bus::{Bus, Pace};
use fleetfoot_local::template::{BusName, Rule, Wiring};
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;

// The pattern on the first line, the event's detail after it.
libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((pattern, detail)) = text.split_once('\n') else { return };
    let (Ok(pattern), Ok(detail)) = (serde_json::from_str(pattern), serde_json::from_str(detail)) else {
        return;
    };
    let rule = Rule { name: "rule".to_owned(), bus: BusName::Default, pattern, targets: Vec::new() };
    let wiring = Wiring { rules: vec![rule], ..Wiring::default() };
    let Ok(bus) = Bus::in_memory(Arc::new(wiring), Pace::Aws) else { return };
    let event = Envelope {
        version: "0".to_owned(),
        id: "id".to_owned(),
        detail_type: "JobQueued".to_owned(),
        source: "fleetfoot".to_owned(),
        account: "000000000000".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        region: "local".to_owned(),
        resources: Vec::new(),
        replay_name: None,
        detail,
    };
    bus.publish_default(Timestamp::UNIX_EPOCH, event).expect("a pattern that was taken can be matched");
});
