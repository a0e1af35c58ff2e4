//! What leaves for CodeBuild and ECR, and what their answers mean.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::image_key::{ImageMode, Recipe, key_of};
use serde_json::{Value, json};

use super::*;
use crate::script::{Script, clock, noon};

const BUILD: &str = "arn:aws:codebuild:eu-west-1:123456789012:build/ff-images:0-1";

fn images(script: &Script) -> CodeBuildImages {
    let sdk = script.sdk();
    let (codebuild, ecr) = (aws_sdk_codebuild::Client::new(&sdk), aws_sdk_ecr::Client::new(&sdk));
    CodeBuildImages::new(codebuild, ecr, "ff/runner", "ff-images", clock())
}

fn request(arch: Arch) -> BuildRequest {
    let digest = format!("sha256:{}", "7".repeat(64)).parse().unwrap();
    BuildRequest {
        key: key_of(&digest, arch, &Recipe::current(ImageMode::Build)),
        image: "ubuntu:22.04".parse().unwrap(),
        base: format!("docker.io/library/ubuntu@{digest}"),
        arch,
        mode: ImageMode::Build,
    }
}

fn error(name: &str) -> Value {
    json!({ "__type": name, "message": "why" })
}

#[tokio::test]
async fn an_image_is_found_by_its_key_and_pulled_by_its_digest() {
    let script = Script::default();
    let digest = format!("sha256:{}", "0".repeat(64));
    script
        .answer(
            "DescribeImages",
            200,
            &json!({ "imageDetails": [
        { "registryId": "123456789012", "repositoryName": "ff/runner", "imageDigest": digest },
    ] }),
        )
        .answer("DescribeImages", 400, &error("ImageNotFoundException"))
        .answer("DescribeImages", 400, &error("RepositoryNotFoundException"));
    let (images, key) = (images(&script), request(Arch::X64).key);
    let uri = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/ff/runner@{digest}");
    assert_eq!(images.find(&key).await, Ok(Some(uri)));
    assert_eq!(images.find(&key).await, Ok(None));
    let text = "RepositoryNotFoundException: why".to_owned();
    assert_eq!(images.find(&key).await, Err(ImagesError::Impossible(text)));
    let asked = json!({ "repositoryName": "ff/runner", "imageIds": [{ "imageTag": key.as_str() }] });
    assert_eq!(script.requests()[0].1, asked);
}

#[tokio::test]
async fn a_build_is_told_everything_as_data() {
    let script = Script::default();
    let started = json!({ "build": { "arn": BUILD, "id": "ff-images:0-1" } });
    script.answer("StartBuild", 200, &started).answer("StartBuild", 200, &started);
    let (images, x64) = (images(&script), request(Arch::X64));
    assert_eq!(images.build(&x64).await.unwrap().as_str(), BUILD);
    images.build(&request(Arch::Arm64)).await.unwrap();

    let requests = script.requests();
    let variable = |name: &str, value: &str| json!({ "name": name, "value": value, "type": "PLAINTEXT" });
    let expected = json!({
        "projectName": "ff-images",
        "idempotencyToken": x64.key.as_str(),
        "environmentVariablesOverride": [
            variable("IMAGE_KEY", x64.key.as_str()),
            variable("BASE_IMAGE", &x64.base),
            variable("RUNNER_VERSION", RUNNER_VERSION),
            variable("ARCH", "x64"),
            variable("TARGET", "runner"),
        ],
    });
    assert_eq!(requests[0].1, expected);
    assert_eq!(requests[1].1["environmentTypeOverride"], "ARM_CONTAINER");
    assert_eq!(requests[1].1["imageOverride"], ARM_IMAGE);
    assert_ne!(requests[1].1["idempotencyToken"], requests[0].1["idempotencyToken"]);
}

#[tokio::test]
async fn every_refusal_of_a_build_has_its_meaning() {
    let after = |wait| ImagesError::Throttled { until: noon() + wait };
    for (name, expected) in [
        ("AccountLimitExceededException", after(SignedDuration::from_mins(1))),
        ("ThrottlingException", after(SignedDuration::from_secs(1))),
        ("InvalidInputException", ImagesError::Impossible("InvalidInputException: why".to_owned())),
        ("ResourceNotFoundException", ImagesError::Impossible("ResourceNotFoundException: why".to_owned())),
        ("InternalFailure", ImagesError::Unavailable("InternalFailure: why".to_owned())),
    ] {
        let script = Script::default();
        script.answer("StartBuild", 400, &error(name));
        assert_eq!(images(&script).build(&request(Arch::X64)).await, Err(expected));
    }
}

#[tokio::test]
async fn a_build_tells_how_it_stands_and_why_it_failed() {
    let failed = json!({ "buildStatus": "FAILED", "phases": [
        { "phaseType": "PRE_BUILD", "phaseStatus": "SUCCEEDED", "contexts": [{ "statusCode": "", "message": "" }] },
        { "phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{ "message": "docker build: exit status 1" }] },
        { "phaseType": "COMPLETED" },
    ] });
    let failure = |text: &str| BuildStatus::Failed(text.to_owned());
    for (builds, expected) in [
        (json!([{ "buildStatus": "IN_PROGRESS" }]), BuildStatus::Running),
        (json!([{ "buildStatus": "SUCCEEDED" }]), BuildStatus::Succeeded),
        (json!([failed]), failure("the build ended as FAILED in BUILD: docker build: exit status 1")),
        (json!([{ "buildStatus": "TIMED_OUT" }]), failure("the build ended as TIMED_OUT")),
        (json!([{ "buildStatus": "A_NEW_ONE" }]), failure("the build ended as A_NEW_ONE")),
        (json!([]), BuildStatus::Unknown),
    ] {
        let script = Script::default();
        script.answer("BatchGetBuilds", 200, &json!({ "builds": builds }));
        assert_eq!(images(&script).status(&BUILD.parse().unwrap()).await, Ok(expected));
        assert_eq!(script.requests()[0].1, json!({ "ids": ["ff-images:0-1"] }));
    }
}
