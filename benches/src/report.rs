//! The tables, in Markdown.

use std::collections::BTreeMap;
use std::fs;

use fleetfoot_model::ports::Clock;
use fleetfoot_shell::clock::SystemClock;

use crate::Effort;
use crate::binaries::{Binary, FUNCTIONS};
use crate::budgets;
use crate::cost::{self, Durations, Line};
use crate::figures::{millis, table};
use crate::prices::PRICES_OF;
use crate::sizes::Sized;
use crate::start::Starts;
use crate::step::Step;
use crate::warm::{Idle, Warm};

/// Everything that was measured.
pub(crate) struct Measured<'a> {
    pub(crate) effort: &'a Effort,
    pub(crate) load: String,
    pub(crate) binaries: &'a [Binary],
    pub(crate) starts: Starts,
    pub(crate) warm: Warm,
    pub(crate) idle: Idle,
    pub(crate) sizes: BTreeMap<u64, Sized>,
}

impl Measured<'_> {
    /// The job that took the fewest calls: one that met no refresh of a secret or the configuration.
    pub(crate) fn ordinary_job(&self) -> &[Step] {
        let calls = |steps: &&Vec<Step>| steps.iter().map(|step| step.aws.len()).sum::<usize>();
        self.warm.jobs.iter().min_by_key(calls).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn bill_of_jobs(&self) -> Vec<Line> {
        cost::of_jobs(&self.warm.jobs, &self.durations())
    }

    pub(crate) fn bill_of_idle_month(&self) -> Vec<Line> {
        let idle = &self.idle;
        let minute = [&idle.cleanup, &idle.pool];
        cost::of_idle_month(&minute, &[&idle.image_build], idle.metrics, &self.durations())
    }

    /// With the template's memory size, where it could be tried.
    fn durations(&self) -> Durations {
        let sized = self.sizes.get(&cost::MEMORY_MIB.into());
        let figures = sized.into_iter().flat_map(|sized| &sized.latencies);
        figures.map(|(kind, figures)| (kind.clone(), figures.mean())).collect()
    }
}

/// Everything, in the order of `docs/performance.md`.
pub(crate) fn write(measured: &Measured) -> String {
    let sections = [
        ("Machine", machine(measured)),
        ("Budgets", budgets::table(measured)),
        ("From the start of the process to the first poll", starts(measured)),
        ("Sizes and memory", memory(measured)),
        ("Warm invocations", warm(measured)),
        ("Calls of a job, step by step", steps(measured)),
        ("Memory sizes", sizes(measured)),
        ("1,000 jobs, US dollars", bill(&measured.bill_of_jobs())),
        ("A month without a job, US dollars", bill(&measured.bill_of_idle_month())),
    ];
    let sections = sections.map(|(title, text)| format!("### {title}\n\n{text}"));
    sections.join("\n")
}

fn machine(measured: &Measured) -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = cpus.lines().filter_map(|line| line.strip_prefix("model name\t: ")).collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let Effort { starts, jobs, jobs_by_size, .. } = measured.effort;
    format!(
        "{} processors ({}), Linux {}, {}, {}; load at the beginning {}. {starts} starts of each function, {jobs} jobs one \
         after the other, {jobs_by_size} with each memory size. Functions on one processor, everything else on the other. \
         Prices of {PRICES_OF}.\n",
        models.len(),
        models.first().unwrap_or(&"unknown"),
        kernel.trim(),
        std::env::consts::ARCH,
        SystemClock.now().strftime("%Y-%m-%d %H:%M UTC"),
        measured.load,
    )
}

fn starts(measured: &Measured) -> String {
    let nothing = &measured.starts.nothing;
    let rows = measured.starts.functions.iter().map(|(function, start)| {
        let times = &start.times;
        vec![
            (*function).to_owned(),
            millis(times.percentile(50)),
            millis(times.percentile(90)),
            millis(times.percentile(100)),
            millis(start.processor_times.percentile(50)),
            counted(start.aws.iter().map(String::as_str)),
        ]
    });
    let head = ["function", "p50, ms", "p90, ms", "most, ms", "on the processor, p50, ms", "asks AWS for"];
    let comparison = format!(
        "\nA program that does nothing takes {} ms (p50; p90 {} ms) from start to end here.\n",
        millis(nothing.percentile(50)),
        millis(nothing.percentile(90))
    );
    table(&head, rows) + &comparison
}

fn memory(measured: &Measured) -> String {
    let mib = |kib: u64| format!("{:.1}", cost::number(kib) / 1024.0);
    let megabytes = |bytes: u64| format!("{:.2}", cost::number(bytes) / 1e6);
    let rows = measured.binaries.iter().map(|binary| {
        let start = measured.starts.functions.get(binary.function).map_or(0, |start| start.resident);
        let (count, after) = measured.warm.memory.get(binary.function).copied().unwrap_or_default();
        vec![
            binary.function.to_owned(),
            megabytes(binary.size),
            megabytes(binary.zip_size),
            mib(start),
            mib(after.resident),
            mib(after.peak),
            count.to_string(),
        ]
    });
    let head = [
        "function",
        "binary, MB",
        "zip, MB",
        "resident at first poll, MiB",
        "afterwards, MiB",
        "peak, MiB",
        "after invocations",
    ];
    table(&head, rows)
}

fn warm(measured: &Measured) -> String {
    let rows = measured.warm.latencies.iter().map(|((function, woken_by), invocations)| {
        let size = measured.warm.webhooks.get(woken_by).map(|bytes| format!(", {bytes} bytes"));
        let (latencies, processor) = (&invocations.latencies, &invocations.processor_times);
        vec![
            (*function).to_owned(),
            format!("{woken_by}{}", size.unwrap_or_default()),
            latencies.count().to_string(),
            millis(latencies.percentile(50)),
            millis(latencies.percentile(99)),
            millis(processor.percentile(50)),
            counted(invocations.aws.iter().map(String::as_str)),
        ]
    });
    let head =
        ["function", "woken by", "times", "p50, ms", "p99, ms", "on the processor, p50, ms", "asks AWS for"];
    table(&head, rows)
}

fn steps(measured: &Measured) -> String {
    let job = measured.ordinary_job();
    let rows = job.iter().enumerate().map(|(number, step)| {
        let github = step.github.iter().map(|(call, count)| format!("{call} {count}"));
        vec![
            (number + 1).to_string(),
            format!("{}{}", step.woken_by, if step.queued { " (queue)" } else { "" }),
            step.function.to_owned(),
            step.aws.len().to_string(),
            counted(step.aws.iter().map(String::as_str)),
            github.collect::<Vec<_>>().join(", "),
            step.facts.join(", "),
        ]
    });
    let head = ["", "woken by", "function", "calls", "of AWS", "of GitHub", "tells"];
    let calls = |job: &[Step]| job.iter().map(|step| step.aws.len()).sum::<usize>();
    let all: usize = measured.warm.jobs.iter().map(|job| calls(job)).sum();
    let mean = cost::number(all as u64) / cost::number(measured.warm.jobs.len().max(1) as u64);
    format!(
        "{}\nThat are {} calls of AWS; {mean:.2} in the mean of all jobs, as configuration and secrets are read again each \
         minute, and {} for the first job of new processes.\n",
        table(&head, rows),
        calls(job),
        calls(&measured.warm.first),
    )
}

/// Each operation once, with how often if that is more than once.
pub(crate) fn counted<'a>(calls: impl Iterator<Item = &'a str>) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for call in calls {
        let call = call.split_once('.').map_or(call, |(_, operation)| operation);
        match counts.iter_mut().find(|(name, _)| *name == call) {
            Some((_, count)) => *count += 1,
            None => counts.push((call, 1)),
        }
    }
    let text = |(call, count)| if count == 1 { String::from(call) } else { format!("{call} ×{count}") };
    counts.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

fn sizes(measured: &Measured) -> String {
    if measured.sizes.is_empty() {
        return "Not measured: this machine lets nobody make control groups.\n".to_owned();
    }
    let head =
        std::iter::once("function".to_owned()).chain(measured.sizes.keys().map(|size| format!("{size} MiB")));
    let head: Vec<String> = head.collect();
    let row = |function: &'static str| {
        let cells = measured.sizes.values().map(|sized| {
            let start = sized.starts.get(function).map(|figures| millis(figures.percentile(50)));
            let warm = sized.of_function(function);
            let warm = (warm.count() > 0)
                .then(|| format!("{} / {}", millis(warm.percentile(50)), millis(warm.percentile(99))));
            format!("{}; {}", start.unwrap_or_default(), warm.unwrap_or_else(|| "-".to_owned()))
        });
        std::iter::once(function.to_owned()).chain(cells).collect()
    };
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let text = table(&head, FUNCTIONS.into_iter().map(row));
    format!("{text}\nStart p50; warm p50 / p99, in milliseconds.\n")
}

fn bill(lines: &[Line]) -> String {
    let rows = lines.iter().map(|line| {
        let free = line.usd_beyond_allowance();
        vec![line.what.to_owned(), count(line.count), usd(line.usd()), usd(free)]
    });
    let total: f64 = lines.iter().map(Line::usd_beyond_allowance).sum();
    let sum = vec!["sum".to_owned(), String::new(), usd(cost::sum(lines)), usd(total)];
    table(&["what", "count", "list price", "beyond an unused allowance"], rows.chain([sum]))
}

pub(crate) fn usd(amount: f64) -> String {
    format!("{amount:.4}")
}

/// With a comma between thousands.
fn count(amount: f64) -> String {
    let digits = format!("{amount:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(count(1_234_567.4), "1,234,567");
        assert_eq!(count(999.0), "999");
        assert_eq!(
            counted(["DynamoDB.GetItem", "ECS.RunTask", "DynamoDB.GetItem"].into_iter()),
            "GetItem ×2, RunTask"
        );
    }
}
