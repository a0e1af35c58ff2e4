//! Task definitions: one for each image, injected or not, and none for long that nothing uses.

use fleetfoot_model::Timestamp;

use super::*;

#[test]
fn images_and_architectures_have_definitions_of_their_own() {
    let launching = launching();
    let families = [("a", Arch::X64), ("a", Arch::Arm64), ("b", Arch::X64)]
        .map(|(uri, arch)| launching.family(&image(uri), arch));
    assert_eq!(families.iter().collect::<BTreeSet<_>>().len(), 3);
    let injected = TaskImage { injector: Some("b".to_owned()), ..image("a") };
    assert!(!families.contains(&launching.family(&injected, Arch::X64)));
    let mut other = launching.clone();
    other.log_group.push('2');
    assert_ne!(other.family(&image("a"), Arch::X64), families[0]);
}

#[tokio::test]
async fn a_base_that_runs_as_it_is_waits_until_agent_and_runner_are_beside_it() {
    let script = Script::default();
    script
        .answer("DescribeTaskDefinition", 400, &unknown_family())
        .answer("RegisterTaskDefinition", 200, &described())
        .answer("RunTask", 200, &started("1"));
    let injected = TaskImage { uri: "ruby@sha256:0".to_owned(), injector: Some(IMAGE.to_owned()) };
    let request = LaunchRequest { image: Some(injected), ..request("ff-1-1") };
    fleet(&script).launch(&request).await.unwrap();

    let definition = script.requests()[1].1.clone();
    assert_eq!(definition["volumes"], json!([{ "name": "fleetfoot" }]));
    let [injector, runner] = definition["containerDefinitions"].as_array().unwrap().as_slice() else {
        panic!("two containers: {definition}");
    };
    let volume = json!([{ "sourceVolume": "fleetfoot", "containerPath": "/fleetfoot" }]);
    assert_eq!((&injector["image"], &injector["essential"]), (&json!(IMAGE), &json!(false)));
    assert_eq!((&injector["mountPoints"], &runner["mountPoints"]), (&volume, &volume));
    assert_eq!((&runner["image"], &runner["essential"]), (&json!("ruby@sha256:0"), &json!(true)));
    assert_eq!(runner["dependsOn"], json!([{ "containerName": "injector", "condition": "SUCCESS" }]));
    assert_eq!(runner["entryPoint"], json!(["/fleetfoot/fleetfoot-agent"]));
    let runner_dir = json!([{ "name": "FLEETFOOT_RUNNER_DIR", "value": "/fleetfoot/actions-runner" }]);
    assert_eq!(runner["environment"], runner_dir);
}

/// The recipe puts them where the definition looks for them.
#[test]
fn the_recipe_injects_what_the_definition_starts() {
    let recipe = std::fs::read_to_string("../../runner/Dockerfile").unwrap();
    let inject = recipe.split("AS inject").nth(1).unwrap();
    assert!(inject.contains("/opt/fleetfoot/fleetfoot-agent") && inject.contains("CMD [\"/fleetfoot/\"]"));
    assert!(
        recipe.contains("FLEETFOOT_RUNNER_DIR=/opt/fleetfoot/actions-runner"),
        "the same name below both"
    );
}

fn definition(family: &str, image: &str, registered_at: Timestamp) -> Value {
    json!({ "taskDefinition": {
        "taskDefinitionArn": format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:1"),
        "family": family,
        "status": "ACTIVE",
        "registeredAt": registered_at.as_second(),
        "containerDefinitions": [{ "name": "runner", "image": image }],
    } })
}

#[tokio::test]
async fn definitions_of_images_that_nothing_uses_are_deregistered() {
    let script = Script::default();
    let day = SignedDuration::from_hours(24);
    let old = noon() - day - day;
    script
        .answer(
            "ListTaskDefinitionFamilies",
            200,
            &json!({ "families": ["ff-runner-a", "ff-runner-b", "ff-runner-c"] }),
        )
        .answer("DescribeTaskDefinition", 200, &definition("ff-runner-a", "used", old))
        .answer("DescribeTaskDefinition", 200, &definition("ff-runner-b", "unused", old))
        .answer("DeregisterTaskDefinition", 200, &described())
        .answer("DescribeTaskDefinition", 200, &definition("ff-runner-c", "new", noon()));
    let fleet = EcsFleet::new(Client::new(&script.sdk()), "ff", None, clock()).that_forgets("ff-runner");
    let in_use = BTreeSet::from([image("used")]);
    assert_eq!(fleet.forget_images_except(&in_use, noon() - day).await, Ok(1));
    let requests = script.requests();
    assert_eq!(requests[0].1["familyPrefix"], "ff-runner-");
    let deregistered = requests.iter().find(|(operation, _)| operation.ends_with("DeregisterTaskDefinition"));
    let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/ff-runner-b:1";
    assert_eq!(deregistered.unwrap().1["taskDefinition"], arn);
}

#[tokio::test]
async fn a_fleet_that_may_not_forget_asks_nothing() {
    let script = Script::default();
    let kept = fleet(&script).forget_images_except(&BTreeSet::new(), noon()).await;
    assert_eq!((kept, script.requests().len()), (Ok(0), 0));
}

#[tokio::test]
async fn commands_may_be_run_in_tasks_where_the_deployment_says_so() {
    for exec in [false, true] {
        let script = Script::default();
        script.answer("DescribeTaskDefinition", 200, &described()).answer("RunTask", 200, &started("1"));
        fleet_with(&script, Launching { exec, ..launching() }).launch(&request("ff-10-1")).await.unwrap();
        let run = &script.requests()[1].1;
        assert_eq!(run["enableExecuteCommand"], if exec { json!(true) } else { Value::Null });
    }
}
