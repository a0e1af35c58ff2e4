//! Every fact has a sample envelope under `events/` and a schema under `events/schema/`, and they fit each other.
//!
//! `FLEETFOOT_BLESS=1 cargo test -p fleetfoot-tests --test events` writes the schemas anew. Samples are written by hand and
//! never changed: old events parse for ever.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::path::{Path, PathBuf};

use fleetfoot_model::envelope::{Envelope, Meta};
use fleetfoot_model::events::{DETAIL_TYPES, Fact};
use serde_json::{Value, json};

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// `JobQueued` is `job-queued`.
fn kebab(detail_type: &str) -> String {
    let mut name = String::new();
    for (n, letter) in detail_type.char_indices() {
        if letter.is_ascii_uppercase() && n > 0 {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sample(detail_type: &str) -> Value {
    serde_json::from_str(&read(&events().join(kebab(detail_type)).with_extension("json"))).unwrap()
}

/// The schema of a fact's detail as it travels: its own fields and `meta`.
fn schema(detail_type: &str) -> Value {
    let mut schema = Fact::schema(detail_type).unwrap().to_value();
    let mut meta = schemars::schema_for!(Meta).to_value();
    meta.as_object_mut().unwrap().remove("$schema");
    schema["properties"]["meta"] = meta;
    schema["required"].as_array_mut().unwrap().push(json!("meta"));
    schema
}

#[test]
fn every_sample_decodes_and_round_trips() {
    for detail_type in DETAIL_TYPES {
        let value = sample(detail_type);
        let envelope: Envelope = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(envelope.detail_type, *detail_type);
        assert_eq!(serde_json::to_value(&envelope).unwrap(), value, "{detail_type}: the envelope");
        let fact = envelope.fact().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fact.detail_type(), *detail_type);
        let meta = envelope.meta().expect("a fact carries meta");
        assert_eq!(meta.event_id, envelope.id);
        let again = Envelope::of(&fact, &meta.causation_id, 0, envelope.time);
        assert_eq!(again.detail, value["detail"], "{detail_type}: the detail");
        assert_eq!(again.id, envelope.id, "{detail_type}: the id follows from the cause");
    }
}

#[test]
fn every_sample_matches_its_schema_and_the_schemas_are_fresh() {
    for detail_type in DETAIL_TYPES {
        let schema = schema(detail_type);
        let path = events().join("schema").join(kebab(detail_type)).with_extension("json");
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        #[expect(clippy::disallowed_methods, reason = "asks the person at the keyboard, not a configuration")]
        if std::env::var("FLEETFOOT_BLESS").is_ok() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(read(&path), text, "{detail_type}: the schema is old; see the top of this file");
        let validator = jsonschema::validator_for(&schema).unwrap();
        let detail = sample(detail_type)["detail"].clone();
        let errors: Vec<String> = validator.iter_errors(&detail).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{detail_type}: {errors:?}");
        let mut broken = detail;
        broken.as_object_mut().unwrap().remove("meta");
        assert!(!validator.is_valid(&broken), "{detail_type}: a schema that accepts anything checks nothing");
    }
}

#[test]
fn there_is_no_sample_or_schema_of_an_event_that_does_not_exist() {
    for folder in [events(), events().join("schema")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
                assert!(
                    DETAIL_TYPES.iter().any(|detail_type| kebab(detail_type) == stem),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn fields_that_are_not_known_yet_are_passed_over() {
    let mut value = sample("JobQueued");
    value["detail"]["someday"] = json!({ "new": true });
    value["detail"]["job"]["alsoNew"] = json!(1);
    let envelope: Envelope = serde_json::from_value(value).unwrap();
    assert!(envelope.fact().is_ok());
}

#[test]
fn a_malformed_detail_names_the_path() {
    let mut value = sample("JobQueued");
    value["detail"]["job"]["id"] = json!("twelve");
    let envelope: Envelope = serde_json::from_value(value).unwrap();
    let error = envelope.fact().unwrap_err().to_string();
    assert!(error.contains("JobQueued: detail.job.id:"), "{error}");
}
