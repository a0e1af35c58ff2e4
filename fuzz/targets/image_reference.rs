//! What parses is safe to show and to hand to a builder, spelling it out changes nothing of what it means, and every
//! refusal is one short line.
#![no_main]

use fleetfoot_model::image::{ImageReference, InvalidImage, LONGEST_REFERENCE, Mirrors};

libfuzzer_sys::fuzz_target!(|text: &str| {
    match text.parse::<ImageReference>() {
        Ok(image) => accepted(text, &image),
        Err(error) => refused(&error),
    }
    let mut mirrors = Mirrors::default();
    if mirrors.add(text, "mirror.example/of").is_ok()
        && let Ok(image) = format!("{text}/app").parse()
    {
        assert_eq!(mirrors.apply(&image).registry, "mirror.example", "{text:?}");
    }
});

fn accepted(text: &str, image: &ImageReference) {
    assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c)), "{text:?}");
    let full = image.normalized();
    assert!(full.len() <= LONGEST_REFERENCE, "{text:?}");
    let again: ImageReference = full.parse().expect("a reference that is spelled out is one");
    assert_eq!((again.normalized(), again.location()), (full, image.location()));
}

fn refused(error: &InvalidImage) {
    let said = error.to_string();
    assert!(said.len() < 300 && said.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{said:?}");
}
