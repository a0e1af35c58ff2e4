//! The Lambda function `image-build`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_image_build::ImageBuild;

fn main() -> ExitCode {
    lambda::events("image-build", |ports| {
        Ok(ImageBuild {
            ledger: ports.ledger()?,
            registry: ports.registry(),
            images: ports.images()?,
            fleet: ports.forgetting_fleet()?,
            github: ports.public_github(),
            config: ports.config(),
        })
    })
}
