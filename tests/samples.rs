//! The samples under `events/`.

use std::path::{Path, PathBuf};

use fleetfoot_local::template::BusName;
use fleetfoot_model::envelope::Envelope;

/// A sample event and the bus that it travels on.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its file below `events/`, without the ending: `job-queued`, `foreign/ecs/task-running`.
    pub name: String,
    /// Where it is published.
    pub bus: BusName,
    /// The event.
    pub event: Envelope,
}

/// Every sample of an event, the fleet's own and others'.
pub fn events() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (folder, bus) in [
        ("", BusName::Fleet),
        ("foreign", BusName::Default),
        ("foreign/ecs", BusName::Default),
        ("foreign/codebuild", BusName::Default),
    ] {
        let of_folder = texts(folder).into_iter().map(|(name, text)| Sample {
            event: serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")),
            name,
            bus,
        });
        samples.extend(of_folder);
    }
    samples
}

/// The name and the text of every JSON file in a folder below `events/`, in order.
pub fn texts(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let entries = std::fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a sample can be read");
    let name = |path: &PathBuf| {
        let below = path.strip_prefix(&root).expect("it is below").with_extension("");
        below.to_str().expect("a name is text").to_owned()
    };
    paths.iter().map(|path| (name(path), read(path))).collect()
}
