//! Whatever the weather, nothing breaks. `fleetfoot simulate` plays many more seeds of more jobs.

use fleetfoot_model::SignedDuration;
use fleetfoot_simulation::workload::Arrival;
use fleetfoot_stand_in::FaultLevel;

use crate::scenes::{CROWDED, ROOMY, nothing_breaks, scenario};

/// So many seeds are played in each fleet.
const SEEDS: u64 = 12;

#[test]
fn nothing_breaks_in_heavy_weather() {
    let fleets = [ROOMY, CROWDED];
    nothing_breaks((1..=SEEDS).flat_map(|seed| {
        fleets.map(|fleet| {
            let mut heavy = scenario(seed, fleet, 40, FaultLevel::Heavy);
            heavy.is_thorough = true;
            heavy
        })
    }));
}

#[test]
fn nothing_breaks_in_a_day_of_pools_and_schedules() {
    let fleet = "\
[limits]
runners = 12
runners_per_repository = 5

[classes.small]
cpu = 512
memory = 1024

[classes.large]
cpu = 4096
memory = 8192
spot = true
runners = 4

[[pools]]
name = \"office\"
labels = [\"self-hosted\", \"class:small\"]
size = 3
schedule = \"Mon-Fri 08:00-18:00 Europe/Berlin\"

[[pools]]
name = \"night\"
labels = [\"self-hosted\"]
size = 1
schedule = \"Mon-Sun 20:00-23:30 UTC\"
";
    nothing_breaks((1..=2).map(|seed| {
        let mut day = scenario(seed, fleet, 100, FaultLevel::Some);
        day.workload.arrival = Arrival::Poisson(100.0 / 86_400.0);
        day.settles_within = SignedDuration::from_hours(12);
        day
    }));
}
