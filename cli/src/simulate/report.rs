//! What was simulated, in words and as JSON.

use std::fmt::Write as _;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::price::PRICES_OF;
use fleetfoot_simulation::measure::Figures;
use fleetfoot_simulation::shrink::Shortest;
use serde_json::{Value, json};

use super::{Args, Variant, base};
use crate::failure::Failure;
use crate::output;
use crate::table::{pairs, table};
use crate::text::{cut, safe};

/// The most events of a history that are shown; the last come last.
const MOST_EVENTS: usize = 60;
/// The most characters of an event.
const LONGEST_EVENT: usize = 160;

pub(crate) fn words(variants: &[Variant]) -> String {
    if let [one] = variants {
        let lines: Vec<(&str, String)> = lines(one);
        return pairs(lines.iter().map(|(name, value)| (*name, Some(value.clone()))));
    }
    let columns: Vec<Vec<(&str, String)>> = variants.iter().map(lines).collect();
    let rows = columns[0]
        .iter()
        .zip(&columns[1])
        .map(|((name, before), (_, after))| [(*name).into(), before.clone().into(), after.clone().into()]);
    table(["", variants[0].name, variants[1].name], rows)
}

fn lines(variant: &Variant) -> Vec<(&'static str, String)> {
    let figures = &variant.played.figures;
    let share = |share| figures.waits.percentile(share).map_or_else(|| "-".to_owned(), time);
    let surplus = figures.launched.saturating_sub(figures.jobs);
    let mut lines = vec![
        ("jobs", format!("{}: {}", figures.jobs, counts(figures.ends.iter()))),
        (
            "queue to start",
            format!("p50 {}, p90 {}, p99 {}, max {}", share(0.5), share(0.9), share(0.99), share(1.0)),
        ),
        ("last launch", pace(variant)),
        ("held up by", held_up(variant)),
        ("peak", format!("{} runners", figures.peak)),
        (
            "launched",
            format!(
                "{} runners, {surplus} more than jobs; {}",
                figures.launched,
                counts(figures.stops.iter())
            ),
        ),
        (
            "GitHub",
            format!("{} registrations, {} other requests", figures.registrations, figures.other_requests),
        ),
        ("cost", cost(figures)),
        ("ran", format!("{} of jobs", time(figures.ran))),
        ("settled", format!("after {}", time(figures.took))),
    ];
    if figures.runs > 1 {
        lines.insert(0, ("seeds", figures.runs.to_string()));
    }
    lines.push(("broken", broken_ones(variant)));
    lines
}

fn counts<'a, K: AsRef<str> + 'a>(counts: impl Iterator<Item = (K, &'a u64)>) -> String {
    let parts: Vec<String> = counts.map(|(name, count)| format!("{count} {}", safe(name.as_ref()))).collect();
    parts.join(", ")
}

fn pace(variant: &Variant) -> String {
    let figures = &variant.played.figures;
    let after = time(figures.last_launch);
    match &figures.allowed {
        Some(allowed) if allowed.binding.is_some() && variant.base.is_fair() => {
            format!("after {after}; the limits allow {}{}", time(allowed.last_launch), more(figures))
        }
        _ => format!("after {after}"),
    }
}

/// How much longer than the limits allow it took.
fn more(figures: &Figures) -> String {
    ratio(figures).map_or_else(String::new, |ratio| format!(" ({:+.1}%)", (ratio - 1.0) * 100.0))
}

fn ratio(figures: &Figures) -> Option<f64> {
    let allowed = figures.allowed.as_ref()?.last_launch.as_secs_f64();
    (allowed > 0.0).then(|| figures.last_launch.as_secs_f64() / allowed)
}

fn held_up(variant: &Variant) -> String {
    let binding = variant.played.figures.allowed.as_ref().and_then(|allowed| allowed.binding);
    let words = binding.map(|it| it.words(&variant.base.limits, &variant.base.config));
    words.unwrap_or_else(|| "no limit: a task takes its time to start".to_owned())
}

fn cost(figures: &Figures) -> String {
    let each = figures.cost_usd / real(figures.jobs.max(1));
    format!("{:.2} USD for runners, {each:.4} a job", figures.cost_usd)
}

/// What the prices are.
pub(crate) fn footnote() -> String {
    format!("Costs are list prices of {PRICES_OF}, Spot at 70% off; the control plane is not in them.")
}

fn broken_ones(variant: &Variant) -> String {
    let broken = &variant.played.broken;
    if broken.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<String> =
        broken.iter().take(5).map(|(seed, it)| format!("{} (seed {seed})", it.invariant)).collect();
    let rest = broken.len().saturating_sub(shown.len());
    if rest > 0 { format!("{} and {rest} more", shown.join(", ")) } else { shown.join(", ") }
}

/// As a person says it, to the second.
fn time(duration: SignedDuration) -> String {
    let seconds = duration.as_millis().saturating_add(500) / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} m {rest:02} s"),
        _ => format!("{hours} h {minutes:02} m"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of jobs")]
fn real(count: u64) -> f64 {
    count as f64
}

/// What a broken invariant says, with the shortest history that shows it.
pub(crate) fn broken(variant: &Variant, args: &Args) -> Option<Failure> {
    let (seed, violation) = variant.played.broken.first()?;
    let shortest = variant.played.shortest.as_ref();
    let mut failure =
        Failure::new(format!("invariant {} does not hold with seed {seed}", violation.invariant));
    failure.causes.push(format!("at {}: {}", violation.at, violation.what));
    failure.causes.extend(shortest.map(history));
    Some(failure.hint(format!("to see it again: {}", base::command(args, *seed))))
}

fn history(shortest: &Shortest) -> String {
    let events = shortest.history();
    let left_out = events.len().saturating_sub(MOST_EVENTS);
    let what = shortest.violation().map_or_else(String::new, |it| format!(": {}", it.what));
    let mut text = format!("with {} jobs it is shortest{what}", shortest.jobs);
    if left_out > 0 {
        let _ = write!(text, "\n({left_out} events before these are left out)");
    }
    for event in events.into_iter().skip(left_out) {
        let envelope = &event.envelope;
        let detail = cut(&envelope.detail.to_string(), LONGEST_EVENT);
        let _ = write!(text, "\n{}  {}  {detail}", envelope.time, envelope.detail_type);
    }
    text
}

pub(crate) fn json(variants: &[Variant]) -> Result<String, Failure> {
    output::json(&variants.iter().map(document).collect::<Vec<_>>())
}

fn document(variant: &Variant) -> Value {
    let figures = &variant.played.figures;
    let share = |share| figures.waits.percentile(share).map(|wait| wait.as_secs_f64());
    let allowed = figures.allowed.as_ref();
    let broken =
        variant.played.broken.iter().map(
            |(seed, it)| json!({ "invariant": it.invariant, "seed": seed, "at": it.at, "what": it.what }),
        );
    json!({
        "configuration": variant.name,
        "runs": figures.runs,
        "jobs": figures.jobs,
        "ends": figures.ends,
        "queueToStartSeconds": { "p50": share(0.5), "p90": share(0.9), "p99": share(0.99), "max": share(1.0) },
        "ranSeconds": figures.ran.as_secs_f64(),
        "lastLaunchSeconds": figures.last_launch.as_secs_f64(),
        "allowedSeconds": allowed.map(|it| it.last_launch.as_secs_f64()),
        "ratio": ratio(figures),
        "boundBy": allowed.and_then(|it| it.binding).map(|it| it.words(&variant.base.limits, &variant.base.config)),
        "settledSeconds": figures.took.as_secs_f64(),
        "peakRunners": figures.peak,
        "launched": figures.launched,
        "stops": figures.stops,
        "waits": figures.held_up,
        "registrations": figures.registrations,
        "otherRequests": figures.other_requests,
        "events": figures.events,
        "costUsd": figures.cost_usd,
        "pricesOf": PRICES_OF,
        "broken": broken.collect::<Vec<_>>(),
    })
}
