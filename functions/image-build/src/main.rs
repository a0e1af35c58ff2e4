//! The Lambda function `image-build`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_image_build::ImageBuild;

fn main() -> ExitCode {
    lambda::events("image-build", |ports| {
        Ok(ImageBuild { ledger: ports.ledger()?, images: ports.images()?, config: ports.config() })
    })
}
