//! Who may take a role on, as IAM writes it.

use serde_json::Value;
use url::form_urlencoded;

/// Whether a service may assume the role with this trust policy, which is JSON, each byte that is no letter as a percent
/// sign and digits (RFC 3986). Conditions are not looked at.
pub(super) fn trusts(document: &str, service: &str) -> bool {
    // No sign that would end a name in a form is left unwritten.
    let text = form_urlencoded::parse(document.as_bytes()).next().map(|(text, _)| text.into_owned());
    let policy: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
    let is_about = |statement: &&Value| {
        listed(&statement["Principal"]["Service"]).any(|it| it == service)
            && listed(&statement["Action"]).any(|it| matches!(it, "sts:AssumeRole" | "sts:*" | "*"))
    };
    let effects: Vec<_> = match &policy["Statement"] {
        Value::Array(all) => all.iter().filter(is_about).map(|it| &it["Effect"]).collect(),
        one => Some(one).filter(is_about).map(|it| &it["Effect"]).into_iter().collect(),
    };
    effects.iter().any(|it| *it == "Allow") && !effects.iter().any(|it| *it == "Deny")
}

/// Policies write one text as such, and several as a list.
fn listed(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().map(Vec::as_slice).unwrap_or_default();
    value.as_str().into_iter().chain(several.iter().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn encoded(policy: &Value) -> String {
        let text = policy.to_string();
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        text.bytes().map(byte).collect()
    }

    #[test]
    fn a_service_is_trusted_by_name_for_assuming_and_not_if_it_is_denied() {
        let tasks = "ecs-tasks.amazonaws.com";
        let statement = |effect: &str, service: Value, action: Value| json!({ "Effect": effect, "Principal": { "Service": service }, "Action": action });
        let allow = |service: Value| statement("Allow", service, json!("sts:AssumeRole"));
        for (statements, is_trusted) in [
            (json!([allow(json!(tasks))]), true),
            (allow(json!(tasks)), true),
            (json!([allow(json!(["ec2.amazonaws.com", tasks]))]), true),
            (json!([allow(json!("ec2.amazonaws.com"))]), false),
            (json!([allow(json!("not-ecs-tasks.amazonaws.com"))]), false),
            (json!([statement("Allow", json!(tasks), json!(["sts:TagSession"]))]), false),
            (json!([allow(json!(tasks)), statement("Deny", json!(tasks), json!("sts:*"))]), false),
            (
                json!([{ "Effect": "Allow", "Principal": { "AWS": tasks }, "Action": "sts:AssumeRole" }]),
                false,
            ),
            (json!([]), false),
        ] {
            let policy = json!({ "Version": "2012-10-17", "Statement": statements });
            assert_eq!(trusts(&encoded(&policy), tasks), is_trusted, "{policy}");
        }
        assert!(!trusts("", tasks) && !trusts("no policy", tasks));
    }
}
