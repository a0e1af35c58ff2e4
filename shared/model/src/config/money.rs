//! `[prices]` and `[budget]`

use super::BudgetConfig;
use super::text::{Node, Table, quoted};
use crate::price::{Prices, Rate};

/// No vCPU, GiB or task costs as much an hour; a slip of the finger does.
const MOST_USD_PER_HOUR: f64 = 10.0;
/// A bound against slips of the finger.
const MOST_BUDGET_USD: f64 = 1e9;
/// Of which a person hears by default.
const DEFAULT_ALERTS: [u32; 3] = [50, 80, 100];

/// A price table that is the default but for what is said. Prices without a date would be taken for those of today.
pub(super) fn prices(table: &Table<'_>) -> Prices {
    const DATE: &str = "when the prices were read, such as \"2026-11\" or \"2026-11-21\"";
    const REGION: &str = "where the prices hold, such as \"eu-central-1\"";
    let mut prices = Prices::default();
    let date = table.get("date");
    let region = table.get("region");
    let nodes = ["x64", "arm64", "spot_share", "disk_gib_hour", "task_hour"].map(|name| table.get(name));
    let says_a_price = nodes.iter().any(Node::is_present);
    let [x64, arm64, spot_share, disk, task] = nodes;
    set(&mut prices.x64, rate(x64));
    set(&mut prices.arm64, rate(arm64));
    set(&mut prices.spot_share, spot_share.number(0.01, 1.0));
    set(&mut prices.disk_gib_hour, disk.number(0.0, MOST_USD_PER_HOUR));
    set(&mut prices.task_hour, task.number(0.0, MOST_USD_PER_HOUR));
    if says_a_price && !date.is_present() {
        date.refuse("nothing", DATE);
    }
    if let Some(text) = date.string(DATE) {
        if is_date(text) {
            text.clone_into(&mut prices.date);
        } else {
            date.refuse(quoted(text), DATE);
        }
    }
    if let Some(text) = region.string(REGION) {
        let is_name = |c: char| c.is_ascii_alphanumeric() || " -_.,()".contains(c);
        if (1..=60).contains(&text.len()) && text.chars().all(is_name) {
            text.clone_into(&mut prices.region);
        } else {
            region.refuse(quoted(text), REGION);
        }
    }
    table.finish();
    prices
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn rate(node: Node<'_>) -> Option<Rate> {
    let table = node.table("{ vcpu_hour = 0.04048, gib_hour = 0.004445 }")?;
    let of = |name: &'static str, what: &'static str| {
        table.get(name).required(what).number(0.000_001, MOST_USD_PER_HOUR)
    };
    let (vcpu_hour, gib_hour) =
        (of("vcpu_hour", "USD per vCPU hour"), of("gib_hour", "USD per GiB hour of memory"));
    table.finish();
    Some(Rate { vcpu_hour: vcpu_hour?, gib_hour: gib_hour? })
}

/// `YYYY-MM` or `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let whole = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
    whole.len() == 10 && whole.parse::<jiff::civil::Date>().is_ok()
}

pub(super) fn budget(table: &Table<'_>) -> BudgetConfig {
    let usd = |name: &'static str| table.get(name).number(0.01, MOST_BUDGET_USD);
    let (monthly_usd, daily_usd) = (usd("monthly_usd"), usd("daily_usd"));
    let alerts = table.get("alert_percent");
    let given = alerts.elements("a list of percentages, such as [50, 80, 100]");
    let mut alert_percent: Vec<u32> = match &given {
        None => DEFAULT_ALERTS.to_vec(),
        Some(nodes) => nodes.iter().filter_map(|node| node.small(1, 1000)).collect(),
    };
    if given.as_ref().is_some_and(Vec::is_empty) {
        alerts.refuse("an empty list", "percentages, at least one");
    }
    if alerts.is_present() && monthly_usd.is_none() && daily_usd.is_none() {
        alerts.refuse("percentages of nothing", "percentages of monthly_usd or daily_usd beside them");
    }
    alert_percent.sort_unstable();
    alert_percent.dedup();
    table.finish();
    BudgetConfig { monthly_usd, daily_usd, alert_percent }
}
