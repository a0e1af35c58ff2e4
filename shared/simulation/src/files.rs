//! Faults and limits as a person writes them down: TOML, of which every key is known.

use fleetfoot_model::SignedDuration;
use fleetfoot_stand_in::FaultLevel;
use toml::{Table, Value};

use crate::run::{AllFaults, Limits};

/// Why a file of faults or limits cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidFile(String);

/// A number in a file, and where it goes.
enum Slot<'a> {
    Rate(&'a mut f64),
    PerHour(&'a mut f64),
    Seconds(&'a mut SignedDuration),
    Small(&'a mut u32),
    Large(&'a mut u64),
}

type Slots<'a> = Vec<(&'static str, Slot<'a>)>;

macro_rules! slots {
    ($kind:ident of $owner:expr; $($field:ident),*) => { vec![$((stringify!($field), Slot::$kind(&mut $owner.$field))),*] };
}

/// Reads faults. `level` says what holds where nothing is said: none, some or heavy; none by default. The sections
/// `[github]`, `[fargate]`, `[registry]`, `[images]` and `[system]` have a rate for each fault, from 0 to 1.
///
/// # Errors
/// The first key or value that is not understood, with what is allowed.
pub fn faults(text: &str) -> Result<AllFaults, InvalidFile> {
    let mut table = parse(text)?;
    let level = match table.remove("level") {
        None => FaultLevel::None,
        Some(Value::String(level)) => {
            level.parse().map_err(|error| InvalidFile(format!("level: {error}")))?
        }
        Some(other) => {
            return Err(InvalidFile(format!("level: faults are none, some or heavy, not {other}")));
        }
    };
    let mut all = AllFaults::from(level);
    let AllFaults { github, fargate, registry, images, system } = &mut all;
    let mut at_github = slots!(Rate of github; webhook_dropped, webhook_lost, webhook_doubled, webhook_delayed,
        webhook_reordered, approval_doubled, runner_swapped, assignment_lost, runner_died, ghost_runner, request_failed,
        answer_lost);
    at_github.push(("longest_delay", Slot::Seconds(&mut github.longest_delay)));
    let in_fargate = slots!(Rate of fargate; no_capacity, request_failed, answer_lost, never_started, slow_start,
        spot_interrupted, task_lost, event_lost, event_doubled, event_late);
    let of_registries = slots!(Rate of registry; request_failed, throttled);
    let of_images =
        slots!(Rate of images; build_failed, build_hangs, request_failed, event_lost, event_doubled);
    let mut between = slots!(Rate of system; function_died, died_after_publishing, event_lost, event_doubled,
        event_delayed, ledger_refused, ledger_conflicted, ticket_stolen);
    between.push(("ledger_outages", Slot::PerHour(&mut system.ledger_outages)));
    between.push(("github_outages", Slot::PerHour(&mut system.github_outages)));
    between.push(("index_lag", Slot::Seconds(&mut system.index_lag)));
    fill(
        table,
        vec![
            ("github", at_github),
            ("fargate", in_fargate),
            ("registry", of_registries),
            ("images", of_images),
            ("system", between),
        ],
    )?;
    Ok(all)
}

/// Reads limits: `[github]` and `[fargate]`, with the real ones where nothing is said.
///
/// # Errors
/// The first key or value that is not understood, with what is allowed.
pub fn limits(text: &str) -> Result<Limits, InvalidFile> {
    let mut limits = Limits::default();
    let Limits { github, fargate } = &mut limits;
    let mut at_github = slots!(Small of github; points_per_minute, registrations_per_five_minutes);
    at_github.push(("requests_per_hour", Slot::Large(&mut github.requests_per_hour)));
    let mut in_fargate = slots!(Small of fargate; launches_per_second, actions_per_second, reads_per_second,
        on_demand_vcpus, spot_vcpus);
    in_fargate.extend(slots!(Large of fargate; launch_burst, action_burst, read_burst));
    fill(parse(text)?, vec![("github", at_github), ("fargate", in_fargate)])?;
    Ok(limits)
}

fn parse(text: &str) -> Result<Table, InvalidFile> {
    text.parse::<Table>().map_err(|error| InvalidFile(error.to_string().trim_end().to_owned()))
}

fn fill(table: Table, mut sections: Vec<(&'static str, Slots<'_>)>) -> Result<(), InvalidFile> {
    for (name, section) in table {
        let known: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
        let Some((_, slots)) = sections.iter_mut().find(|(known, _)| *known == name) else {
            return Err(unknown(&name, &known));
        };
        let Value::Table(keys) = section else {
            return Err(InvalidFile(format!("{name} is {section}, expected a section [{name}]")));
        };
        for (key, value) in keys {
            let known: Vec<&str> = slots.iter().map(|(name, _)| *name).collect();
            let Some((_, slot)) = slots.iter_mut().find(|(known, _)| *known == key) else {
                return Err(unknown(&format!("{name}.{key}"), &known));
            };
            slot.set(&value).ok_or_else(|| {
                InvalidFile(format!("{name}.{key} is {value}, expected {}", slot.allowed()))
            })?;
        }
    }
    Ok(())
}

fn unknown(name: &str, known: &[&str]) -> InvalidFile {
    InvalidFile(format!("{name} is not known; allowed: {}", known.join(", ")))
}

impl Slot<'_> {
    fn allowed(&self) -> &'static str {
        match self {
            Self::Rate(_) => "a rate from 0 to 1",
            Self::PerHour(_) => "a number an hour, from 0 to 60",
            Self::Seconds(_) => "seconds from 0 to 3600",
            Self::Small(_) | Self::Large(_) => "a whole number from 1 to 1000000000",
        }
    }

    fn set(&mut self, value: &Value) -> Option<()> {
        #[expect(clippy::cast_precision_loss, reason = "rates and seconds are small")]
        let real = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let whole = value.as_integer().filter(|whole| (1..=1_000_000_000).contains(whole));
        match self {
            Self::Rate(slot) => **slot = real.filter(|rate| (0.0..=1.0).contains(rate))?,
            Self::PerHour(slot) => **slot = real.filter(|rate| (0.0..=60.0).contains(rate))?,
            Self::Seconds(slot) => {
                let seconds = real.filter(|seconds| (0.0..=3600.0).contains(seconds))?;
                **slot = SignedDuration::try_from_secs_f64(seconds).ok()?;
            }
            Self::Small(slot) => **slot = u32::try_from(whole?).ok()?,
            Self::Large(slot) => **slot = u64::try_from(whole?).ok()?,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_the_level_says() {
        let read = faults("level = \"heavy\"\n[fargate]\nspot_interrupted = 1\n[system]\nindex_lag = 0.5\n")
            .unwrap();
        let mut expected = AllFaults::from(FaultLevel::Heavy);
        expected.fargate.spot_interrupted = 1.0;
        expected.system.index_lag = SignedDuration::from_millis(500);
        assert_eq!(read, expected);
        assert_eq!(faults("").unwrap(), AllFaults::from(FaultLevel::None));
        let limits =
            limits("[github]\nrequests_per_hour = 15000\n[fargate]\nlaunches_per_second = 50\n").unwrap();
        assert_eq!((limits.github.requests_per_hour, limits.fargate.launches_per_second), (15_000, 50));
        assert_eq!(limits.github.points_per_minute, 900);
    }

    #[test]
    fn mistakes_are_told_with_what_is_allowed() {
        for (text, expected) in [
            ("level = \"bad\"", "level: faults are none, some or heavy, not \"bad\""),
            ("[githup]\n", "githup is not known; allowed: github, fargate, registry, images, system"),
            ("github = 3", "github is 3, expected a section [github]"),
            (
                "[images]\nbuild_faild = 1",
                "images.build_faild is not known; allowed: build_failed, build_hangs,",
            ),
            ("[github]\nwebhook_lost = 1.5", "github.webhook_lost is 1.5, expected a rate from 0 to 1"),
            ("[system]\nindex_lag = -1", "system.index_lag is -1, expected seconds from 0 to 3600"),
            ("x", "TOML parse error at line 1"),
        ] {
            let error = faults(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let error = limits("[fargate]\nlaunches_per_second = 0").unwrap_err().to_string();
        assert_eq!(error, "fargate.launches_per_second is 0, expected a whole number from 1 to 1000000000");
    }
}
