//! Images: what registries refuse, what cannot be built, what was to be made anew and was not.

use fleetfoot_model::base::{Base, BaseState};
use fleetfoot_model::config::ImagesConfig;
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::{SignedDuration, Timestamp};

use super::finding::Finding;
use crate::text::{counted, safe};
use crate::times::span;

const IMAGES: &str = "images";
/// An image is built within half an hour, and a build that fails is told of by itself.
const IMAGE_IS_LATE: SignedDuration = SignedDuration::from_hours(6);

/// What is not well with them, or that all is.
pub(super) fn judge(bases: &[Base], images: &[Image], config: &ImagesConfig, now: Timestamp) -> Vec<Finding> {
    let mut findings: Vec<Finding> = bases.iter().filter_map(|base| aged(base, config, now)).collect();
    for base in bases {
        let BaseState::Refused { reason, .. } = &base.state else { continue };
        let served = if base.serving.is_some() { "; an older image serves meanwhile" } else { "" };
        let what = format!("{} for {} cannot be had: {}{served}", base.image, base.arch, safe(reason));
        let finding = if base.serving.is_some() {
            Finding::warning(IMAGES, what)
        } else {
            Finding::error(IMAGES, what)
        };
        findings.push(
            finding.hint(
                "docs/images.md tells what registries say; it is tried again after retry_after_seconds",
            ),
        );
    }
    for image in images {
        let ImageState::Failed { reason, until } = &image.state else { continue };
        let again = span(until.duration_since(now).max(SignedDuration::ZERO));
        let what =
            format!("the image on {} for {} cannot be built: {}", image.image, image.arch, safe(reason));
        findings.push(
            Finding::error(IMAGES, what)
                .hint(format!("the build's log is linked there; it is tried again in {again}")),
        );
    }
    if findings.is_empty() && !bases.is_empty() {
        let oldest = bases.iter().filter_map(|base| Some(base.serving.as_ref()?.since)).min();
        let oldest =
            oldest.map(|since| format!("; the oldest image is {} old", span(now.duration_since(since))));
        let what = format!(
            "{}, none refused, no build failed{}",
            counted(bases.len(), "base"),
            oldest.unwrap_or_default()
        );
        findings.push(Finding::ok(IMAGES, what));
    }
    findings
}

/// An image that a job has found too old, and that nobody has made anew since. Of what is refused the reason is told.
fn aged(base: &Base, config: &ImagesConfig, now: Timestamp) -> Option<Finding> {
    let serving = base.serving.as_ref()?;
    let was_due = serving.since + config.rebuild_after <= base.asked_at;
    let is_told = matches!(base.state, BaseState::Refused { .. } | BaseState::Forgotten);
    if is_told || !was_due || now < base.asked_at + IMAGE_IS_LATE {
        return None;
    }
    let (age, after) = (span(now.duration_since(serving.since)), span(config.rebuild_after));
    let what = format!(
        "the image on {} for {} is {age} old; it was to be made anew after {after}, and was not",
        base.image, base.arch
    );
    let hint = "the log of image-build tells why (`fleetfoot logs --function image-build`); see functions and dead-letters";
    Some(Finding::warning(IMAGES, what).hint(hint))
}

#[cfg(test)]
mod tests {
    use fleetfoot_model::base::Serving;
    use fleetfoot_model::ports::TaskImage;
    use fleetfoot_model::spec::Arch;

    use super::*;
    use crate::doctor::finding::Severity;
    use crate::doctor::testing::config;
    use crate::testing::now;

    /// A job that finds an image too old asks for another, and starts from the old one meanwhile.
    #[test]
    fn an_image_that_is_not_made_anew_in_time_is_told() {
        let day = SignedDuration::from_hours(24);
        let image = TaskImage { uri: "here/runner@sha256:0".to_owned(), injector: None };
        let by = "0".repeat(64).parse().unwrap();
        let mut base = Base::new("ubuntu:24.04".parse().unwrap(), Arch::X64, now());
        base.state = BaseState::Served;
        base.serving = Some(Serving { by, image, since: now() - day * 9 });
        let mut asked = |ago: SignedDuration| {
            base.asked_at = now() - ago;
            let found = judge(&[base.clone()], &[], &config("").images, now());
            found.into_iter().find(|it| it.severity != Severity::Ok)
        };
        assert_eq!(asked(day * 3), None, "it was not too old when it was asked for last");
        assert_eq!(asked(SignedDuration::from_hours(1)), None, "it is being made");
        let late = asked(SignedDuration::from_hours(7)).unwrap();
        assert_eq!(late.severity, Severity::Warning);
        assert!(late.what.contains("is 9d 0h old; it was to be made anew after 7d 0h"), "{late:?}");
    }
}
