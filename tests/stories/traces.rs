//! Traces: one job is one trace over all functions, as a collector of OTLP reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_shell::traces::{Exporter, Header, Resource, Sender, TraceId};
use fleetfoot_simulation::watch::{Happening, Watch};
use fleetfoot_tests::world::{Plan, WEBHOOK_SECRET, World};
use serde_json::{Value, json};

/// What `ExportTraceServiceRequest` is in JSON (opentelemetry-proto 1.9, `trace.proto` and `common.proto`; OTLP
/// specification, "JSON Protobuf Encoding"), without what nobody here tells.
fn schema() -> Value {
    let hexadecimal =
        |digits: usize| json!({ "type": "string", "pattern": format!("^[0-9a-f]{{{digits}}}$") });
    let closed = |required: &[&str], properties: Value| json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false });
    let text = json!({ "type": "string" });
    let number = json!({ "type": "string", "pattern": "^-?[0-9]+$" });
    let plain =
        closed(&[], json!({ "stringValue": text, "boolValue": { "type": "boolean" }, "intValue": number }));
    let values = closed(&["values"], json!({ "values": { "type": "array", "items": plain } }));
    let value = json!({ "oneOf": [
        { "allOf": [plain, { "minProperties": 1, "maxProperties": 1 }] },
        closed(&["arrayValue"], json!({ "arrayValue": values })),
    ] });
    let attribute =
        closed(&["key", "value"], json!({ "key": { "type": "string", "minLength": 1 }, "value": value }));
    let attributes = json!({ "type": "array", "items": attribute });
    let time = json!({ "type": "string", "pattern": "^[0-9]{19}$" });
    let span = closed(
        &["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"],
        json!({
            "traceId": hexadecimal(32), "spanId": hexadecimal(16), "parentSpanId": hexadecimal(16),
            "name": { "type": "string", "minLength": 1 }, "kind": { "enum": [1, 2, 3, 4, 5] },
            "startTimeUnixNano": time, "endTimeUnixNano": time, "attributes": attributes,
            "status": closed(&[], json!({ "code": { "enum": [0, 1, 2] } })),
        }),
    );
    let scope = closed(&["name"], json!({ "name": text, "version": text }));
    let spans = closed(&["spans"], json!({ "scope": scope, "spans": { "type": "array", "items": span } }));
    let resource = closed(&["attributes"], json!({ "attributes": attributes }));
    let resource_spans = closed(
        &["scopeSpans"],
        json!({ "resource": resource, "scopeSpans": { "type": "array", "items": spans } }),
    );
    closed(
        &["resourceSpans"],
        json!({ "resourceSpans": { "type": "array", "minItems": 1, "items": resource_spans } }),
    )
}

/// A collector that takes what is OTLP, and nothing else.
#[derive(Default)]
struct Collector(Mutex<Vec<Value>>);

#[async_trait]
impl Sender for Collector {
    async fn send(&self, _: Option<&Header>, document: &Value) -> Result<u16, String> {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        let errors: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {document}");
        self.0.lock().expect("nobody panicked").push(document.clone());
        Ok(200)
    }
}

/// A span and the service that told it.
#[derive(Debug)]
struct Told {
    service: String,
    span: Value,
}

impl Told {
    fn text(&self, key: &str) -> &str {
        self.span[key].as_str().unwrap_or_default()
    }
}

/// The text of an attribute.
fn attribute<'a>(attributes: &'a Value, key: &str) -> Option<&'a str> {
    let found = attributes.as_array()?.iter().find(|it| it["key"] == key)?;
    found["value"]["stringValue"].as_str()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Collector {
    fn documents(&self) -> Vec<Value> {
        self.0.lock().expect("nobody panicked").clone()
    }

    /// The spans of a job, by name.
    fn of(&self, job: JobId) -> BTreeMap<String, Told> {
        let trace = TraceId::of_job(job).to_string();
        let mut found = BTreeMap::new();
        for document in self.documents() {
            for resource in list(&document["resourceSpans"]) {
                let service = attribute(&resource["resource"]["attributes"], "service.name");
                let service = service.expect("a service has a name");
                let spans = list(&resource["scopeSpans"]).flat_map(|scope| list(&scope["spans"]));
                for span in spans.filter(|span| span["traceId"] == trace.as_str()) {
                    let told = Told { service: service.to_owned(), span: span.clone() };
                    found.insert(told.text("name").to_owned(), told);
                }
            }
        }
        found
    }
}

/// A world whose functions tell a collector, and what has them sent.
fn traced(plan: Plan) -> (World, Arc<Collector>, impl Fn(&World)) {
    let mut world = plan.world();
    let collector = Arc::new(Collector::default());
    let resource = Resource { namespace: "ff".to_owned(), region: String::new() };
    let exporter = Arc::new(Exporter::new(None, resource, world.secrets.clone(), collector.clone()));
    world.trace(&exporter);
    let send = move |world: &World| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let export = exporter.export(Duration::from_secs(10), world.now());
        runtime.expect("a runtime").block_on(export);
    };
    (world, collector, send)
}

#[test]
fn one_job_is_one_trace_over_all_functions() {
    let (mut world, collector, send) = traced(Plan::new(1));
    let job = world.push("self-hosted class:small image:ubuntu:22.04");
    world.settle();
    send(&world);
    let spans = collector.of(job);
    assert_eq!(spans.len(), spans.values().map(|it| it.text("spanId")).collect::<BTreeSet<_>>().len());
    for (name, service) in [
        ("ingest webhook", "fleetfoot-ingest"),
        ("launch JobQueued", "fleetfoot-launch"),
        ("register register", "fleetfoot-register"),
        ("task-state ECS Task State Change", "fleetfoot-task-state"),
        ("job-state JobStarted", "fleetfoot-job-state"),
        ("job-state JobCompleted", "fleetfoot-job-state"),
        ("queued", "fleetfoot-ingest"),
        ("waiting", "fleetfoot-launch"),
        ("waiting for its image", "fleetfoot-launch"),
        ("launching", "fleetfoot-launch"),
        ("starting", "fleetfoot-task-state"),
        ("running", "fleetfoot-job-state"),
        ("job", "fleetfoot-job-state"),
    ] {
        let found = spans.get(name).unwrap_or_else(|| panic!("{name}: {:?}", spans.keys()));
        assert_eq!(found.service, service, "{name}");
    }
    let root = &spans["job"];
    let attributes = &root.span["attributes"];
    assert_eq!(attribute(attributes, "cicd.pipeline.task.run.result"), Some("success"));
    assert_eq!(attribute(attributes, "vcs.repository.name"), Some("acme/app"));
    assert_eq!(root.span.get("parentSpanId"), None);
    for (name, told) in spans.iter().filter(|(name, _)| *name != "job") {
        assert_eq!(told.text("parentSpanId"), root.text("spanId"), "{name}");
        // Times have as many digits each, so texts compare as they do.
        assert!(told.text("startTimeUnixNano") <= told.text("endTimeUnixNano"), "{name}");
    }
    let end = |name: &str| spans[name].text("endTimeUnixNano");
    assert_eq!(end("waiting for its image"), end("waiting"));
    assert!(end("waiting") <= end("starting") && end("starting") <= end("running"));
    assert_eq!(end("running"), end("job"));
}

#[test]
fn a_job_that_is_refused_is_a_trace_with_an_error() {
    let (mut world, collector, send) = traced(Plan::new(2));
    let job = world.push("self-hosted class:mediun");
    world.run_for(SignedDuration::from_mins(2));
    send(&world);
    assert_eq!(collector.of(job)["job"].span["status"]["code"], 2);
}

/// Every ticket that was drawn and every configuration that a task was given.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Watch for Secrets {
    fn happened(&mut self, _: Timestamp, what: &Happening<'_>) {
        match what {
            Happening::TicketDrawn(ticket) => self.0.push(ticket.expose().to_owned()),
            Happening::ConfigurationGiven(_, given) => self.0.push(given.expose()[1000..1040].to_owned()),
            _ => {}
        }
    }
}

#[test]
fn no_secret_is_in_a_span() {
    let (mut world, collector, send) = traced(Plan::new(3));
    let secrets: Arc<Mutex<Secrets>> = Arc::default();
    world.watch(secrets.clone());
    for _ in 0..5 {
        world.push("self-hosted");
    }
    world.settle();
    send(&world);
    let text: String = collector.documents().iter().map(ToString::to_string).collect();
    let secrets = std::mem::take(&mut secrets.lock().expect("nobody panicked").0);
    assert!(secrets.len() >= 10 && text.len() > 10_000, "there is something to look for");
    for secret in secrets.iter().map(String::as_str).chain([WEBHOOK_SECRET]) {
        assert!(!text.contains(secret), "a secret is in a span");
    }
}
