//! The template as it is deployed: after SAM's transform.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;

use fleetfoot_tests::tools::{root, run, sam};
use serde_json::Value;

use crate::FUNCTIONS;

/// What SAM makes of the template.
pub(crate) fn translation() -> &'static Value {
    static TRANSLATION: OnceLock<Value> = OnceLock::new();
    TRANSLATION.get_or_init(|| {
        let script = root().join("tests").join("template").join("translate.py");
        let python = sam().join("python");
        let json = run(Command::new(python).arg(script).arg(root().join("template.yaml")));
        serde_json::from_str(&json).expect("the translation is JSON")
    })
}

/// The properties of a resource.
pub(crate) fn properties(id: &str) -> &'static Value {
    let resource = &translation()["Resources"][id];
    assert!(resource.is_object(), "there is no resource {id}");
    &resource["Properties"]
}

/// The resources of a type: their names and properties.
pub(crate) fn of_type(kind: &str) -> Vec<(&'static str, &'static Value)> {
    let resources = translation()["Resources"].as_object().expect("a template has resources");
    let found = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    found.map(|(id, resource)| (id.as_str(), &resource["Properties"])).collect()
}

/// Short for what a reference refers to: `Table`, `Table.Arn`, or the text of a `!Sub` without the account.
pub(crate) fn shown(value: &Value) -> String {
    let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => match map.iter().next() {
            Some((name, Value::String(text))) if name == "Ref" => text.clone(),
            Some((name, Value::Array(path))) if name == "Fn::GetAtt" => {
                path.iter().map(part).collect::<Vec<_>>().join(".")
            }
            Some((name, Value::String(text))) if name == "Fn::Sub" => {
                text.rsplit_once("${AWS::AccountId}:").map_or(text.as_str(), |(_, rest)| rest).to_owned()
            }
            Some((name, Value::Array(parts))) if name == "Fn::Split" => shown(&parts[1]),
            _ => value.to_string(),
        },
        _ => value.to_string(),
    }
}

#[test]
fn nothing_of_a_function_is_kept_for_ever() {
    for (id, properties) in of_type("AWS::Logs::LogGroup") {
        assert!(properties["RetentionInDays"].is_object(), "{id} is kept for ever");
    }
    for (package, name) in FUNCTIONS {
        let group = shown(&properties(&format!("{name}Function"))["LoggingConfig"]["LogGroup"]);
        assert_eq!(group, format!("{name}Logs"));
        let named = shown(&properties(&group)["LogGroupName"]);
        assert_eq!(named, format!("/fleetfoot/${{AWS::StackName}}/{package}"));
    }
}

/// A function that fails, or nearly runs out of time, is heard of.
#[test]
fn every_function_has_its_alarms() {
    let alarms = of_type("AWS::CloudWatch::Alarm");
    for (id, alarm) in &alarms {
        for list in ["AlarmActions", "OKActions"] {
            assert_eq!(
                alarm[list].as_array().map(|it| it.iter().map(shown).collect()),
                Some(vec!["Notices".to_owned()]),
                "{id}"
            );
        }
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}: a quiet fleet is a good one");
    }
    for (_, name) in FUNCTIONS {
        let function = format!("{name}Function");
        let of = |metric: &str| {
            let found = alarms.iter().find(|(_, it)| {
                it["MetricName"] == metric && it["Dimensions"][0]["Value"]["Ref"] == function.as_str()
            });
            found.unwrap_or_else(|| panic!("{function} has no alarm for its {metric}")).1
        };
        assert_eq!(of("Errors")["Statistic"], "Sum");
        let timeout = properties(&function)["Timeout"].as_u64().expect("a function has a timeout");
        assert_eq!(of("Duration")["Threshold"].as_u64(), Some(timeout * 800), "80% of {timeout} s in ms");
    }
}

/// Whatever is left in a queue for dead letters is heard of, and the queue is kept for as long as SQS keeps any.
#[test]
fn every_dead_letter_is_heard_of() {
    let alarms = of_type("AWS::CloudWatch::Alarm");
    let watched: BTreeSet<String> = alarms
        .iter()
        .filter(|(_, it)| it["MetricName"] == "ApproximateNumberOfMessagesVisible")
        .map(|(_, it)| shown(&it["Dimensions"][0]["Value"]).replace(".QueueName", ""))
        .collect();
    let queues = of_type("AWS::SQS::Queue");
    let dead: BTreeSet<String> = queues
        .iter()
        .filter(|(_, it)| it["RedrivePolicy"].is_null())
        .map(|(id, _)| (*id).to_owned())
        .collect();
    assert_eq!(watched, dead);
    for (id, queue) in queues.iter().filter(|(id, _)| dead.contains(*id)) {
        assert_eq!(queue["MessageRetentionPeriod"], 1_209_600, "{id}");
    }
}

/// What waits for a function that nobody waits for is tried again, and kept when it fails for good.
#[test]
fn every_event_that_fails_is_kept() {
    let kept: BTreeSet<String> = of_type("AWS::Lambda::EventInvokeConfig")
        .iter()
        .filter(|(_, it)| shown(&it["DestinationConfig"]["OnFailure"]["Destination"]) == "FailedEvents.Arn")
        .map(|(_, it)| shown(&it["FunctionName"]))
        .collect();
    let waited_for = ["IngestFunction", "RegisterFunction", "LaunchFunction"];
    let all = FUNCTIONS.iter().map(|(_, name)| format!("{name}Function"));
    assert_eq!(kept, all.filter(|name| !waited_for.contains(&name.as_str())).collect());
    for (id, rule) in of_type("AWS::Events::Rule") {
        for target in rule["Targets"].as_array().expect("a rule has targets") {
            assert_eq!(shown(&target["DeadLetterConfig"]["Arn"]), "UndeliveredEvents.Arn", "{id}");
        }
    }
}

/// Nobody can call a runner, and nothing but a runner is in the network.
#[test]
fn the_network_lets_nobody_in() {
    let [(_, group)] = of_type("AWS::EC2::SecurityGroup")[..] else { panic!("one security group") };
    assert!(group["SecurityGroupIngress"].is_null());
    assert!(of_type("AWS::EC2::SecurityGroupIngress").is_empty());
    assert!(of_type("AWS::EC2::NatGateway").is_empty());
}
