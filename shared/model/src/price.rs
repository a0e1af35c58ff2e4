//! What a runner costs, by list price. Prices are data with a date: `[prices]` in `fleet.toml` changes them.

use serde::{Deserialize, Serialize};

use crate::SignedDuration;
use crate::size::LEAST_DISK_GIB;
use crate::spec::{Arch, Capacity, Spec};

/// When the default table was read (AWS Fargate's price list, us-east-1).
pub const PRICES_OF: &str = "2026-11";

/// At least a minute is billed (AWS Fargate pricing, "Pricing details").
const LEAST_SECONDS: u64 = 60;

/// What compute costs on one kind of processor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// USD per vCPU hour.
    pub vcpu_hour: f64,
    /// USD per GiB hour of memory.
    pub gib_hour: f64,
}

/// A price table.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// When it was read: `YYYY-MM` or `YYYY-MM-DD`. Each runner's row and each sum keeps it.
    pub date: String,
    /// Where it holds.
    pub region: String,
    /// x86-64.
    pub x64: Rate,
    /// 64-bit ARM.
    pub arm64: Rate,
    /// What compute costs on Spot, of the price on demand, above 0 and at most 1. The list says "up to 70% off"; the
    /// real discount changes by the hour and is not told to anyone before the bill.
    pub spot_share: f64,
    /// USD per GiB hour of ephemeral storage above the free 20 GiB. Spot does not lower it.
    pub disk_gib_hour: f64,
    /// USD per hour for what each task has beside its size, such as a public IPv4 address (0.005). Default 0.
    pub task_hour: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            date: PRICES_OF.to_owned(),
            region: "us-east-1".to_owned(),
            x64: Rate { vcpu_hour: 0.040_48, gib_hour: 0.004_445 },
            arm64: Rate { vcpu_hour: 0.032_38, gib_hour: 0.003_56 },
            spot_share: 0.3,
            disk_gib_hour: 0.000_111,
            task_hour: 0.0,
        }
    }
}

/// What a runner's time was billed as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Billed {
    /// From the start of its image pull to its end; a minute at least.
    pub seconds: u64,
    /// How its capacity was bought in the end: a Spot runner may have fallen back to on demand.
    pub capacity: Capacity,
    /// The date of the price table.
    pub prices: String,
}

impl Prices {
    /// What an hour of a size costs, in USD.
    pub fn usd_per_hour(&self, spec: &Spec, capacity: Capacity) -> f64 {
        let rate = match spec.arch {
            Arch::X64 => self.x64,
            Arch::Arm64 => self.arm64,
        };
        let compute = f64::from(spec.cpu) / 1024.0 * rate.vcpu_hour
            + f64::from(spec.memory_mib) / 1024.0 * rate.gib_hour;
        let share = if capacity == Capacity::Spot { self.spot_share } else { 1.0 };
        let extra_disk = f64::from(spec.disk_gib.saturating_sub(LEAST_DISK_GIB));
        compute * share + extra_disk * self.disk_gib_hour + self.task_hour
    }

    /// What a task that ran this long is billed as, and for how much, in millionths of a USD.
    pub fn bill(&self, spec: &Spec, capacity: Capacity, ran: SignedDuration) -> (u64, Billed) {
        // Each started second counts.
        let seconds = u64::try_from(ran.as_millis()).unwrap_or(0).div_ceil(1000).max(LEAST_SECONDS);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a price is positive and far below 2^53, and so is a time in seconds"
        )]
        let micro_usd = (self.usd_per_hour(spec, capacity) * seconds as f64 / 3600.0 * 1e6).round() as u64;
        (micro_usd, Billed { seconds, capacity, prices: self.date.clone() })
    }
}

/// Millionths of a USD in USD.
#[expect(clippy::cast_precision_loss, reason = "9 billion USD are exact")]
pub fn usd(micro_usd: u64) -> f64 {
    micro_usd as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(arch: Arch) -> Spec {
        Spec {
            class: "large".parse().unwrap(),
            cpu: 4096,
            memory_mib: 16_384,
            disk_gib: 75,
            arch,
            capacity: Capacity::OnDemand,
            image: None,
        }
    }

    fn micro_usd(arch: Arch, capacity: Capacity, seconds: i64) -> u64 {
        Prices::default().bill(&spec(arch), capacity, SignedDuration::from_secs(seconds)).0
    }

    /// 4 vCPU, 16 GiB, 55 GiB above the free 20, computed by hand from the list.
    #[test]
    fn an_hour_costs_what_the_list_says() {
        for (arch, capacity, expected) in [
            (Arch::X64, Capacity::OnDemand, 161_920 + 71_120 + 6_105),
            (Arch::Arm64, Capacity::OnDemand, 129_520 + 56_960 + 6_105),
            (Arch::X64, Capacity::Spot, 48_576 + 21_336 + 6_105),
            (Arch::Arm64, Capacity::Spot, 38_856 + 17_088 + 6_105),
        ] {
            assert_eq!(micro_usd(arch, capacity, 3600), expected, "{arch} {capacity}");
        }
    }

    #[test]
    fn a_minute_is_billed_at_least_and_then_each_started_second() {
        let minute = micro_usd(Arch::X64, Capacity::OnDemand, 60);
        assert_eq!(micro_usd(Arch::X64, Capacity::OnDemand, 1), minute);
        assert_eq!(micro_usd(Arch::X64, Capacity::OnDemand, -5), minute, "clocks differ");
        assert!(micro_usd(Arch::X64, Capacity::OnDemand, 61) > minute);
        let (_, billed) =
            Prices::default().bill(&spec(Arch::X64), Capacity::Spot, SignedDuration::from_millis(60_001));
        assert_eq!(billed, Billed { seconds: 61, capacity: Capacity::Spot, prices: PRICES_OF.to_owned() });
    }

    #[test]
    fn what_each_task_has_beside_its_size_is_added() {
        let with_address = Prices { task_hour: 0.005, ..Prices::default() };
        let hour = SignedDuration::from_hours(1);
        let (more, _) = with_address.bill(&spec(Arch::X64), Capacity::OnDemand, hour);
        assert_eq!(more, micro_usd(Arch::X64, Capacity::OnDemand, 3600) + 5_000);
    }
}
