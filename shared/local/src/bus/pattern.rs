//! `EventBridge` patterns, matched by `quamina`. What the two do not agree on is refused when a rule is loaded.

mod plain;

use fleetfoot_model::envelope::Envelope;
use quamina::Quamina;
use serde_json::{Map, Value};

use self::plain::Plain;
use crate::template::{BusName, Rule};

/// What an event has at its top (Amazon EventBridge user guide, "AWS service event metadata").
const ENVELOPE_FIELDS: &[&str] = &[
    "account",
    "detail",
    "detail-type",
    "id",
    "region",
    "replay-name",
    "resources",
    "source",
    "time",
    "version",
];

/// The operators that mean the same to `EventBridge` and to `quamina` 0.7.
const OPERATORS: &str = "prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists, cidr";

/// The rules of both buses, each compiled into one automaton.
pub(super) struct Rules {
    default: Automaton,
    fleet: Automaton,
}

#[derive(Default)]
struct Automaton {
    quamina: Quamina<usize>,
    plain: Vec<Plain>,
}

impl Rules {
    /// Compiles the rules, or says which one is not understood and why.
    pub(super) fn compile(rules: &[Rule]) -> Result<Self, (String, String)> {
        let mut compiled = Self { default: Automaton::default(), fleet: Automaton::default() };
        for (index, rule) in rules.iter().enumerate() {
            let automaton = match rule.bus {
                BusName::Default => &mut compiled.default,
                BusName::Fleet => &mut compiled.fleet,
            };
            check(&rule.pattern)
                .and_then(|()| automaton.add(index, &rule.pattern))
                .map_err(|message| (rule.name.clone(), message))?;
        }
        Ok(compiled)
    }

    /// The rules that match an event, by their position.
    pub(super) fn matching(&self, bus: BusName, event: &Envelope) -> Result<Vec<usize>, String> {
        match bus {
            BusName::Default => self.default.matching(event),
            BusName::Fleet => self.fleet.matching(event),
        }
    }
}

impl Automaton {
    fn add(&mut self, rule: usize, pattern: &Value) -> Result<(), String> {
        self.quamina.add_pattern(rule, &pattern.to_string()).map_err(|error| error.to_string())?;
        self.plain.push(Plain::of(rule, pattern));
        Ok(())
    }

    fn matching(&self, event: &Envelope) -> Result<Vec<usize>, String> {
        let judged = self.plain.iter().filter_map(|plain| match plain.judge(event) {
            Some(false) => None,
            judged => Some(judged.map(|_| plain.rule)),
        });
        if let Some(matching) = judged.collect() {
            return Ok(matching);
        }
        let json = serde_json::to_vec(event).map_err(|error| error.to_string())?;
        let mut matching = self.quamina.matches_for_event(&json).map_err(|error| error.to_string())?;
        matching.sort_unstable();
        Ok(matching)
    }
}

fn check(pattern: &Value) -> Result<(), String> {
    let Value::Object(fields) = pattern else { return Err("a pattern is an object".to_owned()) };
    if let Some(name) = fields.keys().find(|name| !ENVELOPE_FIELDS.contains(&name.as_str()) && *name != "$or")
    {
        return Err(format!("{name}: events have no such field; they have {}", ENVELOPE_FIELDS.join(", ")));
    }
    check_fields(fields, "")
}

fn check_fields(fields: &Map<String, Value>, path: &str) -> Result<(), String> {
    if fields.is_empty() {
        return Err(format!("{path}: an empty object matches nothing"));
    }
    for (name, value) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if name == "$or" {
            return Err(format!("{path}: quamina has no $or; write a rule for each alternative"));
        }
        // `quamina` splits paths at dots.
        if name.contains(['.', '\n']) {
            return Err(format!("{path}: a field name with a dot is not understood; write nested objects"));
        }
        match value {
            Value::Object(nested) => check_fields(nested, &path)?,
            Value::Array(choices) if choices.is_empty() => {
                return Err(format!("{path}: an empty list matches nothing"));
            }
            Value::Array(choices) => {
                choices.iter().try_for_each(check_choice).map_err(|error| format!("{path}: {error}"))?;
            }
            _ => return Err(format!("{path}: expected a list of values, or an object")),
        }
    }
    Ok(())
}

fn check_choice(choice: &Value) -> Result<(), String> {
    let operator = match choice {
        Value::Object(operator) => operator,
        Value::Array(_) => return Err("a list in a list".to_owned()),
        _ => return Ok(()),
    };
    let mut entries = operator.iter();
    let (Some((name, value)), None) = (entries.next(), entries.next()) else {
        return Err(format!("{choice}: expected exactly one of {OPERATORS}"));
    };
    let fits = match name.as_str() {
        "prefix" | "suffix" | "equals-ignore-case" | "wildcard" | "cidr" => value.is_string(),
        "exists" => value.is_boolean(),
        "numeric" => value.is_array(),
        // EventBridge also has {"anything-but": {"prefix": ..}} and the like; `quamina` has not.
        "anything-but" => match value {
            Value::Array(values) => values.iter().all(|value| value.is_string() || value.is_number()),
            other => other.is_string() || other.is_number(),
        },
        // `regexp` and `shellstyle` are quamina's own.
        _ => return Err(format!("{name} is not understood; allowed: {OPERATORS}")),
    };
    if fits { Ok(()) } else { Err(format!("{choice}: {name} of this form is not understood")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rule(pattern: Value) -> Rule {
        Rule { name: "Rule".to_owned(), bus: BusName::Fleet, pattern, targets: Vec::new() }
    }

    /// An event with these fields; what they do not say is of no matter.
    fn event(fields: &Value) -> Envelope {
        let mut all = json!({
            "version": "0", "id": "1", "detail-type": "JobQueued", "source": "fleetfoot", "account": "0",
            "time": "2026-11-02T09:00:00Z", "region": "local", "detail": {},
        });
        for (name, value) in fields.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn matches(pattern: Value, event: &Envelope) -> bool {
        let rules = Rules::compile(&[rule(pattern)]).unwrap_or_else(|(_, error)| panic!("{error}"));
        assert_eq!(rules.matching(BusName::Default, event).unwrap(), Vec::<usize>::new());
        rules.matching(BusName::Fleet, event).unwrap() == [0]
    }

    #[test]
    fn every_operator_means_what_it_means_to_eventbridge() {
        let event = event(&json!({
            "source": "fleetfoot", "detail-type": "JobQueued", "resources": ["arn:a", "arn:b"],
            "detail": {
                "startedBy": "ff-123-1", "version": 3, "nothing": null, "yes": true, "text": "a \"b\" \\ ü\n",
                "ip": "10.1.2.3", "containers": [{ "name": "a", "code": 0 }, { "name": "b", "code": 1 }],
            },
        }));
        let detail = |pattern: Value| json!({ "detail": pattern });
        for pattern in [
            json!({ "source": ["other", "fleetfoot"], "detail-type": ["JobQueued"] }),
            json!({ "source": ["other", { "prefix": "fleet" }], "detail-type": ["JobQueued"] }),
            json!({ "detail-type": [{ "anything-but": "JobStarted" }] }),
            json!({ "resources": ["arn:b"] }),
            detail(json!({ "startedBy": [{ "prefix": "ff-" }] })),
            detail(json!({ "startedBy": ["ff-123-1"], "version": [3] })),
            detail(json!({ "startedBy": [{ "suffix": "-1" }] })),
            detail(json!({ "startedBy": [{ "equals-ignore-case": "FF-123-1" }] })),
            detail(json!({ "startedBy": [{ "wildcard": "ff-*-1" }] })),
            detail(json!({ "startedBy": [{ "anything-but": ["gg-1", "gg-2"] }] })),
            detail(json!({ "version": [{ "numeric": [">", 2, "<=", 3] }] })),
            detail(json!({ "version": [{ "anything-but": 4 }] })),
            detail(json!({ "version": [3.0] })),
            detail(json!({ "nothing": [null], "yes": [true] })),
            detail(json!({ "text": ["a \"b\" \\ ü\n"] })),
            detail(json!({ "missing": [{ "exists": false }], "yes": [{ "exists": true }] })),
            detail(json!({ "ip": [{ "cidr": "10.0.0.0/8" }] })),
            detail(json!({ "containers": { "name": ["b"], "code": [1] } })),
        ] {
            assert!(matches(pattern.clone(), &event), "{pattern} does not match");
        }
        for pattern in [
            json!({ "source": ["fleetfoot"], "detail-type": ["JobStarted"] }),
            json!({ "source": ["other"], "detail-type": ["JobQueued"] }),
            json!({ "source": ["other"], "resources": ["arn:b"] }),
            json!({ "detail-type": [{ "anything-but": "JobQueued" }] }),
            detail(json!({ "startedBy": [{ "prefix": "gg-" }] })),
            detail(json!({ "startedBy": ["ff-123"], "version": [3] })),
            detail(json!({ "startedBy": [{ "anything-but": "ff-123-1" }] })),
            detail(json!({ "version": ["3"] })),
            detail(json!({ "version": [{ "numeric": ["<", 3] }] })),
            detail(json!({ "missing": [{ "anything-but": "x" }] })),
            detail(json!({ "missing": [{ "exists": true }] })),
            detail(json!({ "ip": [{ "cidr": "192.168.0.0/16" }] })),
            detail(json!({ "containers": { "name": ["a"], "code": [1] } })),
        ] {
            assert!(!matches(pattern.clone(), &event), "{pattern} matches");
        }
    }

    #[test]
    fn what_the_two_do_not_agree_on_is_refused() {
        for (pattern, expected) in [
            (json!({ "$or": [{ "source": ["a"] }, { "source": ["b"] }] }), "$or: quamina has no $or"),
            (json!({ "detail": { "$or": [{ "a": [1] }] } }), "detail.$or: quamina has no $or"),
            (
                json!({ "detailtype": ["JobQueued"] }),
                "detailtype: events have no such field; they have account,",
            ),
            (
                json!({ "detail": { "a": [{ "regexp": "x" }] } }),
                "detail.a: regexp is not understood; allowed: prefix",
            ),
            (json!({ "detail": { "a": [{ "shellstyle": "x*" }] } }), "shellstyle is not understood"),
            (
                json!({ "detail": { "a": [{ "anything-but": { "prefix": "x" } }] } }),
                "anything-but of this form",
            ),
            (
                json!({ "detail": { "a": [{ "prefix": { "equals-ignore-case": "x" } }] } }),
                "prefix of this form",
            ),
            (
                json!({ "detail": { "a": [{ "prefix": "x", "suffix": "y" }] } }),
                "expected exactly one of prefix",
            ),
            (json!({ "detail": { "a": [{}] } }), "expected exactly one of prefix"),
            (json!({ "detail": { "a": [] } }), "detail.a: an empty list matches nothing"),
            (json!({ "detail": {} }), "detail: an empty object matches nothing"),
            (json!({ "source": "fleetfoot" }), "source: expected a list of values"),
            (json!({ "source": [["fleetfoot"]] }), "a list in a list"),
            (json!({ "detail": { "a.b": ["x"] } }), "a field name with a dot"),
            (json!({ "detail": { "a": [{ "numeric": [">"] }] } }), "numeric"),
            (json!({ "detail": { "a": [{ "cidr": "x" }] } }), "CIDR"),
            (json!([]), "a pattern is an object"),
        ] {
            let Err((name, error)) = Rules::compile(&[rule(pattern.clone())]) else {
                panic!("{pattern} compiles")
            };
            assert_eq!(name, "Rule");
            assert!(error.contains(expected), "{pattern}: {error}");
        }
    }

    fn any_choices() -> impl Strategy<Value = Value> {
        let operator = prop_oneof![Just(None), Just(Some("prefix")), Just(Some("suffix"))];
        let choice = (operator, "[A-C]{1,2}").prop_map(|(operator, text)| match operator {
            Some(operator) => json!({ operator: text }),
            None => json!(text),
        });
        prop::collection::vec(choice, 1..3).prop_map(Value::from)
    }

    /// Any JSON, with the words of patterns among its names.
    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["\\PC{0,8}", "[\u{0}-\u{ff}]{0,4}", Just("startedBy".to_owned())];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            let name = prop_oneof![
                "\\PC{0,6}",
                "detail|source|prefix|suffix|exists|numeric|wildcard|anything-but|startedBy|a\\.b"
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_event_can_be_matched(detail in any_json(), detail_type in "\\PC{0,20}") {
            let rules = Rules::compile(&[
                rule(json!({ "detail": { "startedBy": [{ "prefix": "ff-" }] } })),
                rule(json!({ "detail-type": ["JobQueued", "JobStarted"], "source": ["fleetfoot"] })),
                rule(json!({ "detail": { "build-status": [{ "anything-but": "IN_PROGRESS" }] } })),
            ]);
            let event = event(&json!({ "detail-type": detail_type, "detail": detail }));
            let matching = rules.map_err(|(_, error)| error).unwrap().matching(BusName::Fleet, &event);
            prop_assert!(matching.is_ok(), "{event:?}: {matching:?}");
        }

        #[test]
        fn what_is_judged_without_the_automaton_is_what_it_says(
            (types, sources, choices) in ("[AB]{1,2}", "[ab]{0,2}", any_choices()),
            (detail_type, source) in ("[ABC]", "[abc]"),
            value in prop_oneof![any_json(), "[A-C]{0,3}".prop_map(Value::from)],
        ) {
            let words = |letters: &str| letters.chars().map(String::from).collect::<Vec<_>>();
            let mut pattern = json!({ "detail-type": words(&types), "detail": { "in": { "side": choices } } });
            if !sources.is_empty() {
                pattern["source"] = json!(words(&sources));
            }
            let rules = Rules::compile(&[rule(pattern)]).unwrap();
            let detail = json!({ "in": { "side": value } });
            let event = event(&json!({ "detail-type": detail_type, "source": source, "detail": detail }));
            let json = serde_json::to_string(&event).unwrap();
            let said = rules.fleet.quamina.matches_for_event(json.as_bytes()).unwrap();
            prop_assert_eq!(rules.matching(BusName::Fleet, &event).unwrap(), said);
        }

        #[test]
        fn no_pattern_panics(pattern in any_json()) {
            let _ = Rules::compile(&[rule(json!({ "detail": pattern.clone() })), rule(pattern)]);
        }
    }
}
