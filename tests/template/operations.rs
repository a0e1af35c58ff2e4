//! What the adapters call of AWS, by their code. The table of what functions may do (`policies.rs`) speaks of ports; here
//! each port's adapter is held to it.

use std::collections::BTreeSet;

use serde_json::Value;

use fleetfoot_tests::tools::sam;

use crate::code::texts;

/// Each adapter: its folder, AWS's name of the service, and the actions that its calls need.
const ADAPTERS: [(&str, &str, &[&str]); 8] = [
    (
        "fleet",
        "ecs",
        &[
            "DeregisterTaskDefinition",
            "DescribeTaskDefinition",
            "DescribeTasks",
            "ListTaskDefinitionFamilies",
            "ListTasks",
            "RegisterTaskDefinition",
            "RunTask",
            "StopTask",
        ],
    ),
    ("images", "codebuild", &["BatchGetBuilds", "StartBuild"]),
    ("images", "ecr", &["BatchDeleteImage", "DescribeImages"]),
    ("registry", "ecr", &["GetAuthorizationToken"]),
    // A transaction needs what is in it: PutItem, and UpdateItem for counters. Only tests make a table.
    ("ledger", "dynamodb", &["CreateTable", "GetItem", "PutItem", "Query", "TransactWriteItems"]),
    ("bus", "events", &["PutEvents"]),
    // Allowed by sns:Publish.
    ("bus", "sns", &["PublishBatch"]),
    ("secrets", "ssm", &["GetParameter"]),
];

/// The names of a service's actions, in lower case, as the linter knows them.
fn actions(service: &str) -> BTreeSet<String> {
    let library = sam().parent().expect("a folder of programs is in an environment").join("lib");
    let python = std::fs::read_dir(&library).expect("an environment has libraries").flatten().next();
    let file =
        python.expect("a Python").path().join("site-packages/cfnlint/data/AdditionalSpecs/Policies.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let known: Value = serde_json::from_str(&text).expect("the linter's data is JSON");
    let names = known[service]["Actions"].as_object().expect("a service has actions").keys().cloned();
    // IAM knows these only by what is in them.
    let many: &[&str] = match service {
        "dynamodb" => &["transactwriteitems"],
        "sns" => &["publishbatch"],
        _ => &[],
    };
    names.chain(many.iter().map(|name| (*name).to_owned())).collect()
}

/// The methods that are called without arguments, such as `run_task` for `RunTask`, without their underscores.
fn calls(code: &str) -> BTreeSet<String> {
    let names = code.split("()").filter_map(|before| before.rsplit_once('.')).map(|(_, name)| name);
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    names.filter(is_name).map(|name| name.replace('_', "")).collect()
}

#[test]
fn adapters_call_what_the_table_says() {
    for (folder, service, expected) in ADAPTERS {
        let calls = calls(&texts(&format!("shared/aws/src/{folder}")));
        let called: BTreeSet<String> = actions(service).intersection(&calls).cloned().collect();
        let expected: BTreeSet<String> = expected.iter().map(|it| it.to_ascii_lowercase()).collect();
        assert_eq!(called, expected, "shared/aws/src/{folder} calls of {service}");
    }
}

/// What an adapter would not be allowed: a table is never scanned, and nothing of it is deleted.
#[test]
fn nothing_else_is_asked_of_the_table() {
    let code = texts("shared/aws/src/ledger");
    for call in [".scan()", ".delete_item()", ".batch_get_item()", ".batch_write_item()", ".update_item()"] {
        assert!(!code.contains(call), "{call}");
    }
}
