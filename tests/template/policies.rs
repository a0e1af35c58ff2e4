//! What each function's role allows, against what its code calls: nothing is missing and nothing is beyond.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::FUNCTIONS;
use crate::code::Package;
use crate::deployment::{of_type, properties, shown};

const FAMILY: &str = "task-definition/${AWS::StackName}-runner-*:*";
const TASKS: &str = "task/${Cluster}/*";
const CLUSTER: &str = " if ecs:cluster is Cluster.Arn";

/// What whoever pulls an image does.
const PULLS: [&str; 3] = ["BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"];

/// Actions on anything, each with the reason. AWS knows no resource-level permission for them (Service Authorization
/// Reference).
const ANYTHING: [(&str, &str); 5] = [
    ("ecr:GetAuthorizationToken", "a token is the registry's, not a repository's"),
    ("ecs:DeregisterTaskDefinition", "none is known"),
    ("ecs:DescribeTaskDefinition", "none is known"),
    ("ecs:ListTaskDefinitionFamilies", "none is known"),
    ("ecs:ListTasks", "only container instances, which Fargate has none of; bound to the cluster instead"),
];

/// What a role allows, as lines of `action resource`.
fn allowed(role: &str) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let policies = properties(role)["Policies"].as_array().map(Vec::as_slice).unwrap_or_default();
    for policy in policies {
        for statement in policy["PolicyDocument"]["Statement"].as_array().expect("a list of statements") {
            // `!If [HasClassRoles, statement, !Ref AWS::NoValue]`
            let (statement, when) = match statement["Fn::If"].as_array().map(Vec::as_slice) {
                Some([condition, statement, _]) => (statement, format!(" where {}", shown(condition))),
                _ => (statement, String::new()),
            };
            assert_eq!(statement["Effect"], "Allow", "{role}");
            let condition = condition(&statement["Condition"]);
            for action in list(&statement["Action"]) {
                for resource in list(&statement["Resource"]) {
                    let line = format!("{} {}{condition}{when}", shown(action), shown(resource));
                    assert!(lines.insert(line.clone()), "{role} allows {line} twice");
                }
            }
        }
    }
    lines
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

fn condition(condition: &Value) -> String {
    let operators = condition.as_object().into_iter().flatten();
    let keys = operators.flat_map(|(operator, keys)| {
        assert!(["ArnEquals", "StringEquals"].contains(&operator.as_str()), "{operator}");
        keys.as_object().into_iter().flatten()
    });
    keys.map(|(key, value)| format!(" if {key} is {}", shown(value))).collect::<Vec<_>>().concat()
}

/// What a function calls, by its shell, its ports and what it does with them.
fn needed(package: &Package, name: &str) -> BTreeSet<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut need = |is_needed: bool, some: &[&str]| {
        lines.extend(some.iter().filter(|_| is_needed).map(|line| (*line).to_owned()));
    };
    need(!package.is_run_by("notifications"), &["events:PutEvents FleetBus.Arn"]);
    need(package.tells_people(), &["sns:Publish Notices"]);
    let is_waited_for = package.is_run_by("http") || package.is_run_by("queue");
    need(!is_waited_for, &["sqs:SendMessage FailedEvents.Arn"]);
    need(
        package.is_run_by("queue"),
        &[
            "sqs:ReceiveMessage LaunchQueue.Arn",
            "sqs:DeleteMessage LaunchQueue.Arn",
            "sqs:GetQueueAttributes LaunchQueue.Arn",
            "sqs:ReceiveMessage PaceQueue.Arn",
            "sqs:DeleteMessage PaceQueue.Arn",
            "sqs:GetQueueAttributes PaceQueue.Arn",
            "sqs:SendMessage UnlaunchedEvents.Arn",
        ],
    );
    need(package.has_a_ledger(), &["dynamodb:GetItem Table.Arn"]);
    let writes = package.has(&[".commit(", "ledger::put(", "update_runner("]) || package.dismisses();
    need(writes, &["dynamodb:PutItem Table.Arn"]);
    need(package.has(&["Change::Acquire", "Change::Release"]), &["dynamodb:UpdateItem Table.Arn"]);
    need(
        package.has(&["ledger::unmatched(", "ledger.list(Index::", ".list(index,"]),
        &["dynamodb:Query ${Table.Arn}/index/by-index"],
    );
    need(
        package.asks_for("images"),
        &[
            "codebuild:StartBuild ImageProject.Arn",
            "codebuild:BatchGetBuilds ImageProject.Arn",
            "ecr:BatchDeleteImage Repository.Arn",
            "ecr:DescribeImages Repository.Arn",
        ],
    );
    let looks = ["BatchGetImage", "GetDownloadUrlForLayer"].map(of_bases);
    need(package.asks_for("registry"), &["ecr:GetAuthorizationToken *", &looks[0], &looks[1]]);
    let mut lines: BTreeSet<String> = lines.into_iter().collect();
    lines.extend(on_tasks(package));
    lines.extend(secrets(package));
    lines.extend(["CreateLogStream", "PutLogEvents"].map(|it| format!("logs:{it} {name}Logs.Arn")));
    lines
}

/// What is allowed on the repositories of the user's own bases.
fn of_bases(action: &str) -> String {
    format!("ecr:{action} BaseRepositoryArns where HasBaseRepositories")
}

fn on_tasks(package: &Package) -> BTreeSet<String> {
    let mut lines = Vec::new();
    if package.has(&["fleet.launch("]) {
        assert!(package.asks_for("launching_fleet"), "launching needs more than stopping");
        let passed = "if iam:PassedToService is ecs-tasks.amazonaws.com";
        lines.extend([
            format!("ecs:RunTask {FAMILY}{CLUSTER}"),
            format!("ecs:RegisterTaskDefinition {FAMILY}"),
            "ecs:DescribeTaskDefinition *".to_owned(),
            // The tags of what RunTask makes.
            format!("ecs:TagResource {TASKS} if ecs:CreateAction is RunTask"),
            format!("iam:PassRole ExecutionRole.Arn {passed}"),
            format!("iam:PassRole TaskRole.Arn {passed}"),
            format!("iam:PassRole ClassRoleArns {passed} where HasClassRoles"),
        ]);
    }
    if package.has(&["forget_images_except("]) {
        assert!(package.asks_for("forgetting_fleet"), "forgetting needs more than stopping");
        let actions = ["DeregisterTaskDefinition", "DescribeTaskDefinition", "ListTaskDefinitionFamilies"];
        lines.extend(actions.map(|action| format!("ecs:{action} *")));
    }
    if package.has(&["fleet.stop("]) || package.dismisses() {
        lines.push(format!("ecs:StopTask {TASKS}{CLUSTER}"));
    }
    if package.has(&["fleet.list("]) {
        lines.push(format!("ecs:ListTasks *{CLUSTER}"));
        lines.push(format!("ecs:DescribeTasks {TASKS}{CLUSTER}"));
    }
    lines.into_iter().collect()
}

/// Each function reads the configuration, and the secrets of whom it speaks to.
fn secrets(package: &Package) -> BTreeSet<String> {
    let folders = [("webhook_secrets", "webhook"), ("github", "github"), ("slack", "slack")];
    let mut lines =
        BTreeSet::from(["ssm:GetParameter parameter/fleetfoot/${AWS::StackName}/config".to_owned()]);
    for (_, folder) in folders.iter().filter(|(port, _)| package.asks_for(port)) {
        lines.insert(format!("ssm:GetParameter parameter/fleetfoot/${{AWS::StackName}}/{folder}/*"));
        lines.insert(format!("secretsmanager:GetSecretValue secret:fleetfoot/${{AWS::StackName}}/{folder}*"));
    }
    lines
}

#[test]
fn each_function_may_do_what_it_does_and_no_more() {
    for (package, name) in FUNCTIONS {
        assert_eq!(shown(&properties(&format!("{name}Function"))["Role"]), format!("{name}Role.Arn"));
        let (allowed, needed) = (allowed(&format!("{name}Role")), needed(&Package::read(package), name));
        let missing: Vec<_> = needed.difference(&allowed).collect();
        let beyond: Vec<_> = allowed.difference(&needed).collect();
        assert!(
            missing.is_empty() && beyond.is_empty(),
            "{package}: missing {missing:#?}, beyond {beyond:#?}"
        );
    }
}

#[test]
fn jobs_may_do_nothing_and_ecs_may_pull_and_log() {
    assert!(allowed("TaskRole").is_empty());
    let pulls = PULLS.map(of_bases);
    let expected = [
        &pulls[0],
        &pulls[1],
        &pulls[2],
        "ecr:BatchCheckLayerAvailability Repository.Arn",
        "ecr:BatchGetImage Repository.Arn",
        "ecr:GetAuthorizationToken *",
        "ecr:GetDownloadUrlForLayer Repository.Arn",
        "logs:CreateLogStream RunnerLogs.Arn",
        "logs:PutLogEvents RunnerLogs.Arn",
    ];
    assert_eq!(allowed("ExecutionRole"), expected.map(str::to_owned).into());
}

/// lesson 14: whoever chooses a base image runs code in its build, which reaches nothing but the one repository.
#[test]
fn a_build_may_push_to_its_repository_only() {
    let recipe = of_type("AWS::Lambda::LayerVersion")[0].0;
    let [check, get, download] = PULLS.map(of_bases);
    let expected = [
        check,
        get,
        download,
        "ecr:BatchCheckLayerAvailability Repository.Arn".to_owned(),
        "ecr:CompleteLayerUpload Repository.Arn".to_owned(),
        "ecr:GetAuthorizationToken *".to_owned(),
        "ecr:InitiateLayerUpload Repository.Arn".to_owned(),
        "ecr:PutImage Repository.Arn".to_owned(),
        "ecr:UploadLayerPart Repository.Arn".to_owned(),
        format!("lambda:GetLayerVersion {recipe}"),
        "logs:CreateLogStream ImageProjectLogs.Arn".to_owned(),
        "logs:PutLogEvents ImageProjectLogs.Arn".to_owned(),
    ];
    assert_eq!(allowed("ImageProjectRole"), expected.into());
}

#[test]
fn what_is_allowed_on_anything_has_a_reason() {
    let mut found = BTreeSet::new();
    for (role, properties) in of_type("AWS::IAM::Role") {
        assert!(
            properties["ManagedPolicyArns"].is_null(),
            "{role} has policies that are not in the template"
        );
        let lines = allowed(role);
        let anything =
            lines.iter().filter_map(|line| line.split_once(' ')).filter(|(_, it)| it.starts_with('*'));
        found.extend(anything.map(|(action, _)| action.to_owned()));
        assert!(lines.iter().all(|line| !line.split(' ').next().unwrap_or_default().contains('*')), "{role}");
    }
    assert_eq!(found, ANYTHING.map(|(action, _)| action.to_owned()).into());
}

/// What policies beside the roles allow, as lines of `action resource`, and whom.
fn beside(id: &str) -> (BTreeSet<String>, Vec<String>) {
    let policy = properties(id);
    let roles = list(&policy["Roles"]).into_iter().map(shown).collect();
    let mut lines = Vec::new();
    for statement in list(&policy["PolicyDocument"]["Statement"]) {
        for action in list(&statement["Action"]) {
            lines.push(format!("{} {}", shown(action), shown(&statement["Resource"])));
        }
    }
    (roles, lines)
}

/// A key of the user's own lets every function read its secrets, traces may need a header, and commands in runners the
/// way to Session Manager; nothing else is allowed beside the roles.
#[test]
fn other_policies_are_for_a_key_for_traces_and_for_commands() {
    let names: BTreeSet<&str> = of_type("AWS::IAM::Policy").into_iter().map(|(id, _)| id).collect();
    assert_eq!(names, ["RunnerExecPolicy", "SecretsKeyPolicy", "TracesPolicy"].into());
    let all: BTreeSet<String> = FUNCTIONS.map(|(_, name)| format!("{name}Role")).into();
    assert_eq!(beside("SecretsKeyPolicy"), (all.clone(), vec!["kms:Decrypt SecretsKeyArn".to_owned()]));
    let traced = all.into_iter().filter(|role| role != "AlarmRole").collect();
    let header = [
        "ssm:GetParameter parameter/fleetfoot/${AWS::StackName}/traces/*",
        "secretsmanager:GetSecretValue secret:fleetfoot/${AWS::StackName}/traces*",
    ];
    assert_eq!(beside("TracesPolicy"), (traced, header.map(str::to_owned).into()));
    let channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"];
    let channels = channels.map(|channel| format!("ssmmessages:{channel} *"));
    assert_eq!(beside("RunnerExecPolicy"), (BTreeSet::from(["TaskRole".to_owned()]), channels.into()));
    for kind in ["AWS::IAM::ManagedPolicy", "AWS::IAM::UserPolicy", "AWS::IAM::RolePolicy"] {
        assert!(of_type(kind).is_empty(), "{kind}");
    }
}
