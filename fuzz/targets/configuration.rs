//! No text panics the loader; what is refused is refused with reasons.
#![no_main]

use fleetfoot_model::config::load;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(error) = load("fleet.toml", text) {
        assert!(!error.problems.is_empty());
        assert!(!error.to_string().is_empty());
    }
});
