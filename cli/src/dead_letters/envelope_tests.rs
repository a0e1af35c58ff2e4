use super::*;
use crate::testing::sample;

fn raw(body: &str) -> Raw {
    let sent_at = "2026-11-21T12:00:00Z".parse().unwrap();
    Raw {
        id: "5fea7756-0ea4-451a-a703-a558b933e274".to_owned(),
        body: body.to_owned(),
        sent_at,
        ..Raw::default()
    }
}

fn event() -> Value {
    serde_json::from_str(&sample("JobQueued")).unwrap()
}

#[test]
fn what_launch_gave_up_goes_back_into_its_queue() {
    let arn = "arn:aws:sqs:eu-west-1:123456789012:ff-LaunchQueue-1X";
    let message = Raw { source: Some(arn.to_owned()), ..raw(&event().to_string()) };
    let (letter, back) = open("UnlaunchedEvents", message.clone());
    assert_eq!(letter.content.kind(), "JobQueued");
    assert_eq!(letter.content.about().unwrap(), "job 289782451");
    assert_eq!(letter.meant_for.unwrap(), "ff-LaunchQueue-1X");
    assert_eq!(back, Back::Queue { arn: arn.to_owned(), body: message.body });
}

#[test]
fn what_a_function_could_not_handle_goes_back_to_it() {
    let record = json!({
        "version": "1.0",
        "timestamp": "2026-11-21T11:30:00Z",
        "requestContext": {
            "requestId": "e4b46cbf", "condition": "RetriesExhausted", "approximateInvokeCount": 3,
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:ff-PoolFunction-1X:$LATEST",
        },
        "requestPayload": event(),
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "responsePayload": { "errorType": "Unavailable", "errorMessage": "the ledger did not answer" },
    });
    let (letter, back) = open("FailedEvents", raw(&record.to_string()));
    assert_eq!((letter.attempts, letter.reason.as_deref()), (Some(3), Some("the ledger did not answer")));
    assert_eq!(letter.since.to_string(), "2026-11-21T11:30:00Z");
    assert_eq!(letter.content.kind(), "JobQueued");
    assert_eq!(back, Back::Function { name: "ff-PoolFunction-1X".to_owned(), payload: event() });
}

#[test]
fn what_can_never_be_read_goes_nowhere() {
    let record = json!({
        "timestamp": "2026-11-21T11:30:00Z",
        "requestContext": { "functionArn": "launch", "condition": "Malformed", "approximateInvokeCount": 1 },
        "requestPayload": "torn",
        "responsePayload": { "errorType": "Malformed", "errorMessage": "no JSON" },
    });
    let (letter, back) = open("UnlaunchedEvents", raw(&record.to_string()));
    assert_eq!((letter.content.kind(), letter.reason.as_deref()), ("unreadable", Some("no JSON")));
    assert!(matches!(back, Back::Nowhere(why) if why.contains("launch can never read it")));
}

#[test]
fn what_a_rule_could_not_hand_over_goes_to_its_target() {
    let undelivered = |target: &str| {
        let attributes = [
            ("RULE_ARN", "arn:aws:events:eu-west-1:1:rule/ff-fleet/ff-Jobs-1"),
            ("TARGET_ARN", target),
            ("ERROR_CODE", "NO_PERMISSIONS"),
            ("ERROR_MESSAGE", "denied"),
            ("RETRY_ATTEMPTS", "185"),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        open("UndeliveredEvents", Raw { attributes, ..raw(&event().to_string()) })
    };
    let queue = "arn:aws:sqs:eu-west-1:1:ff-LaunchQueue-1X";
    let (letter, back) = undelivered(queue);
    assert_eq!((letter.attempts, letter.reason.as_deref()), (Some(185), Some("NO_PERMISSIONS: denied")));
    assert_eq!(back, Back::Queue { arn: queue.to_owned(), body: event().to_string() });
    let (letter, back) = undelivered("arn:aws:lambda:eu-west-1:1:function:ff-PoolFunction-1X");
    assert_eq!(letter.meant_for.as_deref(), Some("ff-PoolFunction-1X"));
    assert_eq!(back, Back::Function { name: "ff-PoolFunction-1X".to_owned(), payload: event() });
    let bare = open("UndeliveredEvents", raw(&event().to_string())).1;
    assert_eq!(bare, Back::Bus, "all rules of the bus see it, and handling it twice changes nothing");
}

#[test]
fn a_notice_goes_to_alarm_as_the_topic_would_hand_it_over() {
    let notification =
        json!({ "Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:notices", "Message": "broken" });
    let (letter, back) = open("UndeliveredEvents", raw(&notification.to_string()));
    assert_eq!(letter.content, Content::Notice("broken".to_owned()));
    let Back::Topic { payload } = back else { panic!("{back:?}") };
    assert_eq!(payload["Records"][0]["Sns"], notification);
    // As `alarm` gets it, when it fails.
    let record = json!({ "requestContext": { "functionArn": "arn:aws:lambda:x:1:function:alarm" }, "requestPayload": payload });
    let (letter, _) = open("FailedEvents", raw(&record.to_string()));
    assert_eq!(letter.content, Content::Notice("broken".to_owned()));
}
