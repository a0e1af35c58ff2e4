//! Image builds, and the images that come of them.

use axum::http::StatusCode;
use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::image_key::ImageMode;
use fleetfoot_model::ports::{BuildRequest, BuildStatus, ImagesError};
use fleetfoot_model::spec::Arch;
use serde_json::{Value, json};

use super::super::now;
use super::ecs::text;
use super::{Answer, Inside, unknown};

pub(super) fn answer(inside: &mut Inside, operation: &str, request: &Value) -> Answer {
    match operation {
        "StartBuild" => {
            let build = inside.images.build(now(), &build(request)?).map_err(refused)?;
            Ok(json!({ "build": { "arn": build, "id": id(&build), "buildStatus": "IN_PROGRESS" } }))
        }
        "BatchGetBuilds" => statuses(inside, request),
        "DescribeImages" => {
            let tag = text(&request["imageIds"][0]["imageTag"]);
            let key: ImageKey = tag.parse().map_err(|_| invalid("imageTag"))?;
            match inside.images.find(now(), &key).map_err(refused)? {
                // Nobody pulls, so any digest does that is another for another image.
                Some(_) => Ok(
                    json!({ "imageDetails": [{ "registryId": "123456789012", "imageDigest": format!("sha256:{key}") }] }),
                ),
                None => Err((StatusCode::BAD_REQUEST, "ImageNotFoundException", format!("no image {tag}"))),
            }
        }
        _ => Err(unknown(operation)),
    }
}

fn build(request: &Value) -> Result<BuildRequest, (StatusCode, &'static str, String)> {
    let variables = request["environmentVariablesOverride"].as_array().cloned().unwrap_or_default();
    let variable = |name: &str| {
        let found = variables.iter().find(|it| it["name"] == name);
        found.map(|it| text(&it["value"]).to_owned()).ok_or_else(|| invalid(name))
    };
    let base = variable("BASE_IMAGE")?;
    let image: ImageReference = base.parse().map_err(|_| invalid("BASE_IMAGE"))?;
    let modes = [ImageMode::Build, ImageMode::Inject];
    let target = variable("TARGET")?;
    let mode = modes.into_iter().find(|mode| mode.target() == target).ok_or_else(|| invalid("TARGET"))?;
    let key: ImageKey = variable("IMAGE_KEY")?.parse().map_err(|_| invalid("IMAGE_KEY"))?;
    let arch: Arch = variable("ARCH")?.parse().map_err(|_| invalid("ARCH"))?;
    Ok(BuildRequest { key, image, base, arch, mode })
}

fn statuses(inside: &mut Inside, request: &Value) -> Answer {
    let mut builds = Vec::new();
    for wanted in request["ids"].as_array().into_iter().flatten() {
        let arn = format!("arn:aws:codebuild:eu-central-1:123456789012:build/{}", text(wanted));
        let build: BuildId = arn.parse().map_err(|_| invalid("ids"))?;
        let status = match inside.images.status(now(), &build).map_err(refused)? {
            BuildStatus::Running => "IN_PROGRESS",
            BuildStatus::Succeeded => "SUCCEEDED",
            BuildStatus::Failed(_) => "FAILED",
            BuildStatus::Unknown => continue,
        };
        builds.push(json!({ "id": wanted, "arn": build, "buildStatus": status }));
    }
    Ok(json!({ "builds": builds }))
}

fn id(build: &BuildId) -> &str {
    build.as_str().rsplit_once(":build/").map_or(build.as_str(), |(_, id)| id)
}

fn invalid(what: &str) -> (StatusCode, &'static str, String) {
    (StatusCode::BAD_REQUEST, "InvalidInputException", format!("{what} cannot be read"))
}

fn refused(error: ImagesError) -> (StatusCode, &'static str, String) {
    match error {
        ImagesError::Throttled { .. } => (StatusCode::BAD_REQUEST, "ThrottlingException", error.to_string()),
        ImagesError::Impossible(text) => (StatusCode::BAD_REQUEST, "InvalidInputException", text),
        ImagesError::Unavailable(text) => (StatusCode::INTERNAL_SERVER_ERROR, "ServerException", text),
    }
}
