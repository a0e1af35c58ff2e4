//! What parses is safe to show and to hand to a builder, and normalizing it changes nothing of what it means.
#![no_main]

use fleetfoot_model::image::ImageReference;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(image) = text.parse::<ImageReference>() {
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c)), "{text:?}");
        if let Ok(again) = image.normalized().parse::<ImageReference>() {
            assert_eq!(again.normalized(), image.normalized());
        }
    }
});
