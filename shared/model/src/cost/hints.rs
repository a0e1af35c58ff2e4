//! What would lower the cost, by the sums alone. What only people can know — whether a job bears to be cut off, or runs on
//! another processor — is said with it.

use serde::Serialize;

use super::{Amounts, Group, Sums};
use crate::price::{Prices, usd};
use crate::spec::{Arch, Capacity};

/// Savings below this share of the whole are not worth a word.
const LEAST_SHARE: f64 = 0.02;
/// Runners that run no job are normal up to this share: jobs are cancelled while theirs starts.
const UNUSED_SHARE: f64 = 0.05;

/// Something that would lower the cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostHint {
    /// What to do, and what has to be true for it.
    pub text: String,
    /// What it would have saved of these sums, in USD, at best.
    pub usd: f64,
}

/// What would have lowered these sums, the most first.
pub fn hints(sums: &Sums, prices: &Prices) -> Vec<CostHint> {
    let total = usd(sums.total().micro_usd);
    let mut found: Vec<CostHint> = [spot(sums, prices), arm(sums, prices), unused(sums, total)]
        .into_iter()
        .flatten()
        .filter(|hint| hint.usd > 0.005 && hint.usd >= total * LEAST_SHARE)
        .collect();
    found.sort_by(|a, b| b.usd.total_cmp(&a.usd));
    found
}

fn usd_where(sums: &Sums, is_meant: impl Fn(&Group) -> bool) -> f64 {
    let mut amounts = Amounts::default();
    sums.groups.iter().filter(|(group, _)| is_meant(group)).for_each(|(_, more)| amounts += more);
    usd(amounts.micro_usd)
}

fn spot(sums: &Sums, prices: &Prices) -> Option<CostHint> {
    let on_demand = usd_where(sums, |group| group.capacity == Some(Capacity::OnDemand));
    let saved = on_demand * (1.0 - prices.spot_share);
    let text = format!(
        "{on_demand:.2} USD were spent on demand; on Spot up to {saved:.2} less, for jobs that bear to be cut off and run \
         again: label `spot`, or `spot = true` in a class, with `[recovery] rerun_interrupted`"
    );
    (on_demand > 0.0).then_some(CostHint { text, usd: saved })
}

fn arm(sums: &Sums, prices: &Prices) -> Option<CostHint> {
    let x64 = usd_where(sums, |group| group.arch == Some(Arch::X64));
    let saved = x64 * (1.0 - prices.arm64.vcpu_hour / prices.x64.vcpu_hour);
    let text = format!(
        "{x64:.2} USD were spent on x64; arm64 costs {saved:.2} less where everything that jobs use is built for it: label \
         `arch:arm64`, or `arch = \"arm64\"` in a class"
    );
    (saved > 0.0).then_some(CostHint { text, usd: saved })
}

fn unused(sums: &Sums, total: f64) -> Option<CostHint> {
    let all = sums.total();
    let wasted = usd(all.unused_micro_usd);
    let text = format!(
        "{} of {} runners ran no job: {wasted:.2} USD. Warm pools that are larger than what comes, jobs that are cancelled \
         while they wait (`concurrency` with `cancel-in-progress`), or a register timeout that is too long",
        all.unused_runners, all.runners
    );
    (wasted > total * UNUSED_SHARE).then_some(CostHint { text, usd: wasted })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(groups: &[(Arch, Capacity, u64, u64)]) -> Sums {
        let groups = groups.iter().map(|(arch, capacity, micro_usd, unused)| {
            let group = Group { arch: Some(*arch), capacity: Some(*capacity), ..Group::default() };
            let amounts = Amounts {
                runners: 10,
                micro_usd: *micro_usd,
                unused_runners: u64::from(*unused > 0),
                unused_micro_usd: *unused,
                ..Amounts::default()
            };
            (group, amounts)
        });
        Sums { groups: groups.collect(), ..Sums::default() }
    }

    #[test]
    fn the_largest_saving_comes_first_and_small_ones_are_not_told() {
        let found = hints(
            &sums(&[
                (Arch::X64, Capacity::OnDemand, 10_000_000, 600_000),
                (Arch::X64, Capacity::Spot, 100_000, 0),
            ]),
            &Prices::default(),
        );
        let told: Vec<(String, f64)> = found
            .iter()
            .map(|it| (it.text.chars().take(9).collect(), (it.usd * 100.0).round() / 100.0))
            .collect();
        assert_eq!(
            told,
            [("10.00 USD".to_owned(), 7.0), ("10.10 USD".to_owned(), 2.02), ("1 of 20 r".to_owned(), 0.6)]
        );
        let thrifty = sums(&[(Arch::Arm64, Capacity::Spot, 10_000_000, 100_000)]);
        assert_eq!(hints(&thrifty, &Prices::default()), []);
        assert_eq!(hints(&Sums::default(), &Prices::default()), []);
    }
}
