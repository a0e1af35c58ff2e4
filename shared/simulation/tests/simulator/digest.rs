//! The digest of a day is told once, whatever dies or is doubled meanwhile.

use std::collections::BTreeSet;

use fleetfoot_model::SignedDuration;
use fleetfoot_stand_in::FaultLevel;

use crate::scenes::{ROOMY, scenario};

/// The world's morning: it begins at nine, and the digest is due an hour later.
#[test]
fn a_digest_is_told_once_in_any_weather() {
    const SEEDS: u64 = 30;
    let mut told_in = 0;
    for seed in 1..=SEEDS {
        let fleet = format!("{ROOMY}[notify]\ndigest = \"10:00 UTC\"\n");
        let mut world = scenario(seed, &fleet, 0, FaultLevel::Heavy).world();
        let until = world.began() + SignedDuration::from_hours(4);
        while world.step(until) {}
        let history = world.bus.history(0, usize::MAX).expect("a bus in memory answers");
        let told = history.iter().filter(|event| event.envelope.detail_type == "DayReported");
        // The same fact may be delivered again; it has the same id then.
        let ids: BTreeSet<&str> = told.map(|event| event.envelope.id.as_str()).collect();
        assert!(ids.len() <= 1, "seed {seed}: {ids:?}");
        told_in += ids.len();
    }
    assert_eq!(told_in, usize::try_from(SEEDS).unwrap_or_default(), "of some seeds the digest was lost");
}
