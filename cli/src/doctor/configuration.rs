//! The configuration: what loads and is still not what its author wants.

use fleetfoot_model::config::{Class, Config};
use fleetfoot_model::ids::ClassName;

use super::finding::Finding;

pub(super) const HEADING: &str = "configuration";

/// GitHub registers 1,500 runners in five minutes for an organization or a repository (GitHub docs, "Self-hosted runners
/// reference", usage limits).
const REGISTRATIONS_PER_MINUTE: u32 = 1500 / 5;
/// And answers 900 points a minute, of which a registration costs five (GitHub docs, "Rate limits for the REST API").
const POINTS_PER_MINUTE: u32 = 900;
const POINTS_OF_A_REGISTRATION: u32 = 5;

/// Looks for what cannot be meant.
pub(super) fn judge(config: &Config) -> Vec<Finding> {
    let classes = config.classes.iter();
    let mut findings: Vec<Finding> =
        classes.filter_map(|(name, class)| unusable(config, name, class)).collect();
    findings.extend(too_fast(config));
    findings.extend(too_many_warm(config));
    if findings.is_empty() {
        let (classes, pools) = (config.classes.len(), config.pools.len());
        let what = format!("it loads: fleet {}, classes: {classes}, pools: {pools}", config.fleet);
        findings.push(Finding::ok(HEADING, what));
    }
    findings
}

/// A class that no runner can be of.
fn unusable(config: &Config, name: &ClassName, class: &Class) -> Option<Finding> {
    let what = match (class.runners, config.limits.runners) {
        (Some(0), _) => format!("class {name} allows no runner: runners = 0"),
        (_, 0) => format!("class {name} allows no runner: [limits] runners = 0"),
        (Some(own), all) if own > all => {
            let what = format!("class {name} allows {own} runners, and the fleet only {all}");
            let hint = format!("raise runners under [limits], or lower it under [classes.{name}]");
            return Some(Finding::warning(HEADING, what).hint(hint));
        }
        _ => return None,
    };
    Some(Finding::warning(HEADING, what).hint("its jobs wait for ever: raise it, or remove the class"))
}

fn too_fast(config: &Config) -> Option<Finding> {
    let pace = config.limits.registrations_per_minute;
    let (most, whose) = if pace > REGISTRATIONS_PER_MINUTE {
        (REGISTRATIONS_PER_MINUTE, "GitHub registers 1,500 runners in five minutes")
    } else if pace * POINTS_OF_A_REGISTRATION > POINTS_PER_MINUTE {
        (
            POINTS_PER_MINUTE / POINTS_OF_A_REGISTRATION,
            "a registration costs 5 of GitHub's 900 points a minute",
        )
    } else {
        return None;
    };
    let what = format!("registrations_per_minute is {pace}, and GitHub takes {most}: {whose}");
    let hint =
        format!("registrations_per_minute = {} under [limits] leaves something for other requests", most - 5);
    Some(Finding::warning(HEADING, what).hint(hint))
}

fn too_many_warm(config: &Config) -> Option<Finding> {
    let warm: u64 = config.pools.iter().map(|pool| pool.size).sum();
    let most = config.limits.runners;
    (warm >= most && warm > 0).then(|| {
        let what = format!("pools keep {warm} runners warm, and the fleet has {most} at most: jobs of other labels may wait for ever");
        Finding::warning(HEADING, what).hint("raise runners under [limits], or lower size under [[pools]]")
    })
}
