//! What a runner costs, by list price. Prices are data with a date.

use crate::SignedDuration;
use crate::spec::{Arch, Capacity, Spec};

/// When the table was read (AWS price list, us-east-1).
pub const PRICES_OF: &str = "2026-11";

/// USD per vCPU hour and per GB hour.
const X64: (f64, f64) = (0.040_48, 0.004_445);
const ARM64: (f64, f64) = (0.032_38, 0.003_56);
/// USD per GB hour above the free 20 GiB.
const DISK: f64 = 0.000_111;
/// What Spot costs of the on-demand price at best ("up to 70% off").
const SPOT_SHARE: f64 = 0.3;
/// At least a minute is billed.
const LEAST_SECONDS: f64 = 60.0;

/// The list price in USD of a task that ran this long, from the start of its image pull to its end.
pub fn cost_usd(spec: &Spec, capacity: Capacity, ran: SignedDuration) -> f64 {
    let (per_cpu, per_gb) = match spec.arch {
        Arch::X64 => X64,
        Arch::Arm64 => ARM64,
    };
    let hours = ran.as_secs_f64().max(LEAST_SECONDS) / 3600.0;
    let extra_disk = f64::from(spec.disk_gib.saturating_sub(crate::size::LEAST_DISK_GIB));
    let compute = f64::from(spec.cpu) / 1024.0 * per_cpu + f64::from(spec.memory_mib) / 1024.0 * per_gb;
    let share = if capacity == Capacity::Spot { SPOT_SHARE } else { 1.0 };
    hours * (compute * share + extra_disk * DISK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_arm_runner_for_an_hour_costs_what_the_list_says() {
        let spec = Spec {
            class: "large".parse().unwrap(),
            cpu: 4096,
            memory_mib: 16_384,
            disk_gib: 75,
            arch: Arch::Arm64,
            capacity: Capacity::OnDemand,
            image: None,
        };
        let hour = cost_usd(&spec, Capacity::OnDemand, SignedDuration::from_hours(1));
        assert!((hour - (4.0 * 0.032_38 + 16.0 * 0.003_56 + 55.0 * 0.000_111)).abs() < 1e-9);
        let second = cost_usd(&spec, Capacity::OnDemand, SignedDuration::from_secs(1));
        assert!((second - hour / 60.0).abs() < 1e-9, "a minute at least");
    }
}
