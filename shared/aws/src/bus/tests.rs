use std::sync::Mutex;
use std::time::Duration;

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::RunnerDismissed;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::wire::{Answer, Wire, error};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:notices";

fn facts(count: usize) -> Emission {
    facts_of(&vec!["there was no work".to_owned(); count])
}

fn facts_of(reasons: &[String]) -> Emission {
    let fact = |reason: &String| {
        RunnerDismissed { runner: "ff-1-1".parse().unwrap(), reason: reason.clone() }.into()
    };
    let facts: Vec<_> = reasons.iter().map(fact).collect();
    Emission::of(&facts, "cause", Timestamp::from_second(1_790_000_000).unwrap())
}

fn publisher(bus: &Wire) -> Publisher {
    Publisher::new(aws_sdk_eventbridge::Client::new(&bus.config()), "ff-bus".to_owned(), None)
}

/// An answer of `PutEvents`: for each entry nothing, or the code of its error.
fn entries(codes: &[Option<&str>]) -> Answer {
    let entry = |code: Option<&str>| match code {
        None => json!({ "EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860" }),
        Some(code) => json!({ "ErrorCode": code, "ErrorMessage": "no" }),
    };
    let failed = codes.iter().flatten().count();
    let entries: Vec<Value> = codes.iter().copied().map(entry).collect();
    (200, json!({ "FailedEntryCount": failed, "Entries": entries }).to_string())
}

fn entries_in(body: &str) -> Vec<Value> {
    let body: Value = serde_json::from_str(body).unwrap();
    body["Entries"].as_array().unwrap().clone()
}

fn taking_all() -> Wire {
    Wire::new(|body| Some(entries(&vec![None; entries_in(body).len()])))
}

/// Answers one after the other; the last one for ever.
fn in_turn(answers: Vec<Answer>) -> Wire {
    let answers = Mutex::new(answers);
    Wire::new(move |_| {
        let mut answers = answers.lock().unwrap();
        Some(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    })
}

#[tokio::test]
async fn facts_go_out_in_tens_as_they_are() {
    let bus = taking_all();
    let emission = facts(25);
    publisher(&bus).publish(&emission).await.unwrap();
    let sizes: Vec<usize> = bus.asked().iter().map(|body| entries_in(body).len()).collect();
    assert_eq!(sizes, [10, 10, 5]);
    let detail = emission.facts[0].detail.to_string();
    assert_eq!(
        entries_in(&bus.asked()[0])[0],
        json!({
            "Time": 1_790_000_000,
            "Source": "fleetfoot",
            "DetailType": "RunnerDismissed",
            "Detail": detail,
            "EventBusName": "ff-bus",
        })
    );
    assert!(detail.contains(&emission.facts[0].id), "{detail}");

    publisher(&bus).publish(&Emission::default()).await.unwrap();
    assert_eq!(bus.asked().len(), 3, "nothing to say is not said");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_not_taken_is_sent_again_and_what_cannot_be_is_not() {
    let bus = in_turn(vec![
        entries(&[None, Some("ThrottlingException"), Some("MalformedDetail"), Some("InternalFailure")]),
        entries(&[None, Some("InternalFailure")]),
        entries(&[None]),
    ]);
    let emission = facts(4);
    let unsent = publisher(&bus).publish(&emission).await.unwrap_err();
    let details: Vec<Vec<Value>> = bus
        .asked()
        .iter()
        .map(|body| entries_in(body).into_iter().map(|entry| entry["Detail"].clone()).collect())
        .collect();
    let sent = |places: &[usize]| -> Vec<Value> {
        places.iter().map(|&place| emission.facts[place].detail.to_string().into()).collect()
    };
    assert_eq!(details, [sent(&[0, 1, 2, 3]), sent(&[1, 3]), sent(&[3])]);
    let malformed = Reason::Impossible("MalformedDetail: no".to_owned());
    assert_eq!(unsent.facts, BTreeMap::from([(emission.facts[2].id.clone(), malformed)]));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_down_is_asked_three_times_and_every_fact_is_named() {
    let bus = in_turn(vec![error(500, "InternalException")]);
    let emission = facts(2);
    let began = Instant::now();
    let unsent = publisher(&bus).publish(&emission).await.unwrap_err();
    assert_eq!((bus.asked().len(), began.elapsed()), (3, Duration::from_millis(300)));
    let named: Vec<&String> = unsent.facts.keys().collect();
    let mut all: Vec<&String> = emission.facts.iter().map(|fact| &fact.id).collect();
    all.sort();
    assert_eq!(named, all);
    assert!(unsent.to_string().contains("unavailable: InternalException: no"), "{unsent}");
}

#[tokio::test]
async fn what_only_a_person_can_change_is_asked_once() {
    for code in ["AccessDeniedException", "ResourceNotFoundException"] {
        let bus = in_turn(vec![error(400, code)]);
        let unsent = publisher(&bus).publish(&facts(1)).await.unwrap_err();
        assert_eq!(bus.asked().len(), 1);
        assert_eq!(unsent.facts.values().next(), Some(&Reason::Refused(format!("{code}: no"))));
    }
    let entry = in_turn(vec![entries(&[Some("NotAuthorizedForSourceException")])]);
    let unsent = publisher(&entry).publish(&facts(1)).await.unwrap_err();
    assert!(matches!(unsent.facts.values().next(), Some(Reason::Refused(_))), "{unsent}");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_never_answers_is_given_up_after_two_seconds_whatever_is_left() {
    let bus = Wire::new(|_| None);
    let emission = facts(45);
    let began = Instant::now();
    let unsent = publisher(&bus).publish(&emission).await.unwrap_err();
    assert_eq!(unsent.facts.len(), 45);
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_too_large_is_told_and_the_rest_is_sent_in_requests_that_fit() {
    let bus = taking_all();
    let text = |size: usize| "x".repeat(size);
    let emission = facts_of(&[text(400_000), text(1_000_000), text(400_000), text(400_000)]);
    let unsent = publisher(&bus).publish(&emission).await.unwrap_err();
    assert_eq!(unsent.facts.keys().collect::<Vec<_>>(), [&emission.facts[1].id]);
    assert!(matches!(unsent.facts.values().next(), Some(Reason::Impossible(_))), "{unsent}");
    let sizes: Vec<usize> = bus.asked().iter().map(|body| entries_in(body).len()).collect();
    assert_eq!(sizes, [2, 1]);
}

fn topic_answer(body: &str, refuse: impl Fn(&str) -> Option<&'static str>) -> Answer {
    let places = (0..10).filter(|place| body.contains(&format!("member.{}.Id={place}", place + 1)));
    let result = |place: usize| {
        let message = format!("member.{}.Message=", place + 1);
        let text = body.split_once(&message).unwrap().1.split('&').next().unwrap();
        refuse(text).map_or_else(
            || (format!("<member><Id>{place}</Id><MessageId>m</MessageId></member>"), String::new()),
            |code| {
                let failed = format!(
                    "<member><Id>{place}</Id><Code>{code}</Code><SenderFault>false</SenderFault></member>"
                );
                (String::new(), failed)
            },
        )
    };
    let (taken, failed): (Vec<String>, Vec<String>) = places.map(result).unzip();
    let (taken, failed) = (taken.concat(), failed.concat());
    let text = format!(
        "<PublishBatchResponse><PublishBatchResult><Failed>{failed}</Failed><Successful>{taken}</Successful>\
         </PublishBatchResult></PublishBatchResponse>"
    );
    (200, text)
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_nobody_can_be_told_is_counted_and_no_fact_fails_for_it() {
    let bus = taking_all();
    let busy = Mutex::new(true);
    let topic = Wire::new(move |body| {
        let first = std::mem::take(&mut *busy.lock().unwrap());
        Some(topic_answer(body, |text| match text {
            "notice-3" if first => Some("InternalError"),
            "notice-7" => Some("InvalidParameter"),
            _ => None,
        }))
    });
    let publisher = Publisher::new(
        aws_sdk_eventbridge::Client::new(&bus.config()),
        "ff-bus".to_owned(),
        Some((aws_sdk_sns::Client::new(&topic.config()), TOPIC.to_owned())),
    );
    let notices = (0..12).map(|n| format!("notice-{n}")).collect();
    let emission = Emission { notices, ..facts(1) };
    publisher.publish(&emission).await.unwrap();
    let messages: Vec<usize> = topic.asked().iter().map(|body| body.matches(".Message=").count()).collect();
    assert_eq!(messages, [10, 2, 1], "in tens, and the one that was not taken again");
    assert!(topic.asked()[2].contains("Message=notice-3"), "{}", topic.asked()[2]);
    assert!(topic.asked()[0].contains("Action=PublishBatch") && !topic.asked()[0].contains("Subject"));
    assert_eq!(publisher.take_unsent_notices(), 1);
    assert_eq!(publisher.take_unsent_notices(), 0);
    assert_eq!(bus.asked().len(), 1);
}
