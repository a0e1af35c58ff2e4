//! The daily digest as a message for Slack.

use fleetfoot_model::digest::{Digest, RepositoryCost};
use fleetfoot_model::ids::Repository;
use serde_json::Value;

use crate::blocks::{context, fields, header, message, section};

/// Renders a day.
pub(crate) fn render_digest(digest: &Digest) -> Value {
    let title = format!("📊 {}: {}, {} jobs", digest.day, dollars(digest.usd), digest.jobs);
    let mut blocks = vec![header(&title)];
    blocks.extend(fields(vec![
        ("Spent", Some(spent(digest))),
        ("Jobs", Some(jobs(digest))),
        ("Queued to started", waits(digest)),
        ("Runners", Some(format!("{}, {:.1} hours", digest.runners, digest.hours))),
        ("For nothing", unused(digest)),
    ]));
    if !digest.repositories.is_empty() {
        let lines: Vec<String> = digest.repositories.iter().map(repository).collect();
        blocks.push(section(&lines.join("\n")));
    }
    blocks.extend(digest.hint.as_deref().map(|hint| section(&format!("💡 {hint}"))));
    let prices = match digest.prices.as_slice() {
        [] => String::new(),
        dates => format!(", list prices of {}", dates.join(", ")),
    };
    blocks.push(context(&format!("fleetfoot: {} in {}{prices}", digest.day, digest.zone), None));
    message(&title, &blocks)
}

fn dollars(usd: f64) -> String {
    format!("{usd:.2} USD")
}

fn spent(digest: &Digest) -> String {
    match digest.average_usd {
        Some(average) if average > 0.0 => {
            let change = (digest.usd / average - 1.0) * 100.0;
            format!("{}, {change:+.0}% against the 7 days before", dollars(digest.usd))
        }
        _ => dollars(digest.usd),
    }
}

fn jobs(digest: &Digest) -> String {
    let others = [(digest.failed, "failed"), (digest.rejected, "rejected"), (digest.expired, "expired")];
    let others = others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    [format!("{} ran", digest.jobs)].into_iter().chain(others).collect::<Vec<_>>().join(", ")
}

fn waits(digest: &Digest) -> Option<String> {
    let (p50, p99) = (digest.queue_to_start_p50_seconds?, digest.queue_to_start_p99_seconds?);
    Some(format!("p50 {p50} s, p99 {p99} s"))
}

fn unused(digest: &Digest) -> Option<String> {
    (digest.unused_runners > 0)
        .then(|| format!("{} runners ran no job: {}", digest.unused_runners, dollars(digest.unused_usd)))
}

fn repository(it: &RepositoryCost) -> String {
    let name = it.repository.as_ref().map_or("(no repository)", Repository::as_str);
    format!("{} {name}", dollars(it.usd))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        let sample: Value = serde_json::from_str(include_str!("../../../events/day-reported.json")).unwrap();
        serde_json::from_value(sample["detail"]["digest"].clone()).unwrap()
    }

    #[test]
    fn a_day_is_told_with_what_it_cost_and_what_it_is_compared_with() {
        let told = render_digest(&digest());
        assert_eq!(told["blocks"][0]["text"]["text"], "📊 2026-11-20: 9.41 USD, 412 jobs");
        let fields: Vec<&str> = told["blocks"][1]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["text"].as_str().unwrap())
            .collect();
        assert_eq!(
            fields,
            [
                "*Spent*\n9.41 USD, -25% against the 7 days before",
                "*Jobs*\n412 ran, 7 failed, 2 rejected",
                "*Queued to started*\np50 34 s, p99 110 s",
                "*Runners*\n431, 190.4 hours",
                "*For nothing*\n19 runners ran no job: 0.31 USD",
            ]
        );
        let repositories = told["blocks"][2]["text"]["text"].as_str().unwrap();
        assert_eq!(repositories, "7.20 USD acme/app\n1.90 USD acme/lib\n0.31 USD (no repository)");
    }

    #[test]
    fn a_day_without_jobs_tells_no_percentages_and_no_waits() {
        let quiet = Digest {
            usd: 0.0,
            average_usd: Some(0.0),
            jobs: 0,
            failed: 0,
            rejected: 0,
            runners: 0,
            hours: 0.0,
            repositories: Vec::new(),
            queue_to_start_p50_seconds: None,
            queue_to_start_p99_seconds: None,
            unused_runners: 0,
            hint: None,
            prices: Vec::new(),
            ..digest()
        };
        let told = render_digest(&quiet);
        let fields = told["blocks"][1]["fields"].as_array().unwrap();
        assert_eq!(fields.len(), 3);
        assert_eq!(fields[0]["text"], "*Spent*\n0.00 USD");
        assert_eq!(told["blocks"].as_array().unwrap().len(), 3);
    }
}
