//! No text panics the reader of the SAM template.
#![no_main]

use std::collections::BTreeMap;

use fleetfoot_local::template::Wiring;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(error) = Wiring::read(text, &BTreeMap::new()) {
        assert!(!error.to_string().is_empty());
    }
});
