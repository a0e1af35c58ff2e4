//! Each budget, and whether it is met.

use std::time::Duration;

use crate::cost;
use crate::figures;
use crate::report::{Measured, usd};
use crate::step::Step;
use crate::warm::RECORDED;

/// A budget and what was measured.
struct Budget {
    what: &'static str,
    most: String,
    measured: String,
    is_met: bool,
}

/// All of them as a table.
pub(crate) fn table(measured: &Measured) -> String {
    let budgets = calls(measured).into_iter().chain(latencies(measured));
    let budgets = budgets.chain(processes(measured)).chain(costs(measured));
    let rows = budgets.map(|budget| {
        let verdict = if budget.is_met { "met" } else { "missed" };
        vec![budget.what.to_owned(), budget.most, budget.measured, verdict.to_owned()]
    });
    figures::table(&["what", "budget", "measured", ""], rows)
}

fn calls(measured: &Measured) -> Vec<Budget> {
    let job = measured.ordinary_job();
    let github: u64 = job.iter().flat_map(|step| step.github.values()).sum();
    let (accepted, whole) = (until_accepted(job), job.iter().map(|step| step.aws.len()).sum::<usize>());
    let budget = |what, most: u64, count: u64| Budget {
        what,
        most: most.to_string(),
        measured: count.to_string(),
        is_met: count <= most,
    };
    vec![
        budget("calls of GitHub for a job, warm", 1, github),
        budget("calls of AWS from the webhook until RunTask is accepted", 5, accepted as u64),
        budget("calls of AWS over a job's whole life", 10, whole as u64),
    ]
}

/// From the webhook that tells of the queued job to the answer of `RunTask`.
pub(crate) fn until_accepted(job: &[Step]) -> usize {
    let queued = job.iter().skip_while(|step| step.woken_by != "workflow_job queued");
    let calls = queued.filter(|step| matches!(step.function, "ingest" | "launch")).flat_map(|step| &step.aws);
    calls.take_while(|call| *call != "ECS.RunTask").count() + 1
}

fn latencies(measured: &Measured) -> Vec<Budget> {
    let ingest = measured.warm.latencies.get(&("ingest", RECORDED.to_owned()));
    let latency = |percent| ingest.map_or(Duration::MAX, |it| it.latencies.percentile(percent));
    let budget = |what, most: Duration, found: Duration| Budget {
        what,
        most: format!("{} ms", figures::millis(most)),
        measured: format!("{} ms", figures::millis(found)),
        is_met: found <= most,
    };
    vec![
        budget("ingest, warm, a webhook of 9 KB, p50", Duration::from_micros(200), latency(50)),
        budget("ingest, warm, a webhook of 9 KB, p99", Duration::from_millis(1), latency(99)),
    ]
}

/// Of all functions the worst.
fn processes(measured: &Measured) -> Vec<Budget> {
    let starts = measured.starts.functions.values();
    let start = starts.map(|start| start.times.percentile(50)).max().unwrap_or_default();
    let resident = measured.warm.memory.values().map(|(_, memory)| memory.peak).max().unwrap_or_default();
    let zip = measured.binaries.iter().map(|binary| binary.zip_size).max().unwrap_or_default();
    vec![
        Budget {
            what: "process start to first poll, p50, the slowest function",
            most: "10 ms".to_owned(),
            measured: format!("{} ms", figures::millis(start)),
            is_met: start <= Duration::from_millis(10),
        },
        Budget {
            what: "resident memory, the largest function at its peak",
            most: "20 MB".to_owned(),
            measured: format!("{:.1} MB", cost::number(resident) * 1024.0 / 1e6),
            is_met: resident * 1024 < 20_000_000,
        },
        Budget {
            what: "zip, the largest function",
            most: "4 MB".to_owned(),
            measured: format!("{:.2} MB", cost::number(zip) / 1e6),
            is_met: zip < 4_000_000,
        },
    ]
}

fn costs(measured: &Measured) -> Vec<Budget> {
    let (jobs, idle) = (measured.bill_of_jobs(), measured.bill_of_idle_month());
    let beyond = idle.iter().map(cost::Line::usd_beyond_allowance).sum::<f64>();
    let budget = |what, most: f64, found: f64| Budget {
        what,
        most: format!("{most:.2} USD"),
        measured: format!("{} USD", usd(found)),
        is_met: found <= most,
    };
    vec![
        budget("control plane, 1,000 jobs, list prices", 0.05, cost::sum(&jobs)),
        budget("control plane, an idle month, list prices", 3.0, cost::sum(&idle)),
        budget("control plane, an idle month, beyond an unused allowance", 3.0, beyond),
    ]
}
