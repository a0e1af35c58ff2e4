//! The Lambda function `image-build`.

use std::process::ExitCode;

use fleetfoot_image_build::ImageBuild;
use fleetfoot_aws::lambda;

fn main() -> ExitCode {
    lambda::events("image-build", |ports| Ok(ImageBuild { ledger: ports.ledger()?, images: ports.images()?, config: ports.config() }))
}
