//! `template.yaml` as a deployment: what the linters say, what functions are told and allowed, and who hears when they
//! fail. Its wiring is looked at by `tests/routing.rs`, which wires a bus with it.

mod code;
mod deployment;
mod guide;
mod lint;
mod metrics;
mod operations;
mod policies;
mod recipe;
mod settings;

/// The nine functions: their packages, and what their resources in the template are called.
const FUNCTIONS: [(&str, &str); 9] = [
    ("alarm", "Alarm"),
    ("cleanup", "Cleanup"),
    ("image-build", "ImageBuild"),
    ("ingest", "Ingest"),
    ("job-state", "JobState"),
    ("launch", "Launch"),
    ("pool", "Pool"),
    ("register", "Register"),
    ("task-state", "TaskState"),
];
