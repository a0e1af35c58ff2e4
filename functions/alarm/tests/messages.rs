//! What a person sees of alarms and notices, and that nothing hostile gets through.

use fleetfoot_alarm::Home;
use proptest::prelude::*;
use serde_json::{Value, json};

/// As the function of a deployed fleet would, whose dashboard is known.
fn render(published: &str) -> Value {
    let home = Home { region: "eu-central-1".to_owned(), stack: "ff".to_owned() };
    fleetfoot_alarm::render(published, Some(&home), Some("https://fleet.example.com/?a=1&b=2"))
}

fn sample(name: &str) -> String {
    let path = format!("{}/../../events/foreign/sns/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn each_sample_becomes_one_message() {
    for name in
        ["metric-alarm", "metric-alarm-ok", "metric-math-alarm", "anomaly-alarm", "composite-alarm", "notice"]
    {
        let message = render(&sample(name));
        check_limits(&message).unwrap();
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&message).unwrap());
    }
}

#[test]
fn a_message_that_is_neither_alarm_nor_notice_is_posted_as_it_is() {
    for text in
        ["Test message from the console", "{\"AlarmName\":5}", "[1, 2]", "{\"kind\":\"fleetfoot-notice\"}"]
    {
        let message = render(text);
        assert_eq!(message["blocks"][0]["text"]["text"], text);
    }
    assert_eq!(render("")["text"], "-", "Slack refuses an empty text");
}

#[test]
fn a_hostile_name_neither_pings_nor_links() {
    let name = "<!channel> <https://evil.example|click> & *x*";
    let mut alarm: Value = serde_json::from_str(&sample("metric-alarm")).unwrap();
    alarm["AlarmName"] = json!(name);
    alarm["AlarmArn"] = json!("arn:aws:cloudwatch:evil.example/|x>:1:alarm:x");
    alarm["NewStateReason"] = json!(name);
    alarm["Trigger"]["Dimensions"][0]["value"] = json!(name);
    let notice = json!({
        "kind": "fleetfoot-notice", "fact": name, "title": name, "text": name, "link": "https://evil.example/><!channel>",
        "job": 5,
    });
    for published in [alarm, notice, json!(name)] {
        let rendered = render(&published.to_string()).to_string();
        assert!(!rendered.contains("<!"), "{rendered}");
        assert!(!rendered.contains("<https://evil.example|"), "{rendered}");
    }
}

/// Slack's limits, and that every `<` begins a link of ours.
fn check_limits(message: &Value) -> Result<(), TestCaseError> {
    let blocks = message["blocks"].as_array().expect("blocks");
    prop_assert!((1..=50).contains(&blocks.len()));
    for block in blocks {
        let texts: Vec<(&Value, usize)> = match block["type"].as_str().expect("a type") {
            "header" => vec![(&block["text"], 150)],
            "section" if block["fields"].is_array() => {
                let fields = block["fields"].as_array().expect("a list");
                prop_assert!((1..=10).contains(&fields.len()));
                fields.iter().map(|field| (field, 2000)).collect()
            }
            "section" => vec![(&block["text"], 3000)],
            "context" => {
                block["elements"].as_array().expect("a list").iter().map(|element| (element, 2000)).collect()
            }
            other => panic!("block {other}"),
        };
        for (text, most) in texts {
            let text = text["text"].as_str().expect("a text");
            prop_assert!(!text.trim().is_empty() && text.encode_utf16().count() <= most, "{text}");
            let links = text.matches("<https://").count();
            prop_assert!(
                links <= 1 && text.matches('<').count() == links && text.matches('>').count() == links
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_message_panics_or_exceeds_a_limit(published in any::<String>()) {
        check_limits(&render(&published))?;
    }

    #[test]
    fn no_value_in_an_alarm_panics_or_exceeds_a_limit(
        field in prop::sample::select(vec![
            "AlarmName", "NewStateValue", "OldStateValue", "NewStateReason", "AlarmDescription", "AlarmArn", "Region",
            "StateChangeTime", "AlarmRule", "Trigger", "TriggeringChildren", "Unheard",
        ]),
        text in any::<String>(),
        times in 1_usize..400,
        shape in 0_u8..4,
    ) {
        let text = text.repeat(times);
        let value = match shape {
            0 => json!(text),
            1 => json!([{ "Arn": text, "State": { "Value": text } }]),
            2 => json!({ "Metrics": [{ "Id": text, "Expression": text }], "Threshold": 1e300, "ComparisonOperator": text }),
            _ => Value::Null,
        };
        let mut alarm: Value = serde_json::from_str(&sample("composite-alarm")).unwrap();
        alarm[field] = value;
        check_limits(&render(&alarm.to_string()))?;
        let notice = json!({ "kind": "fleetfoot-notice", "fact": text, "title": text, "text": text, "link": text });
        check_limits(&render(&notice.to_string()))?;
    }
}
