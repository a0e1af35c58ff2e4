//! `fleetfoot simulate`: the whole fleet in virtual time. A proof that no job is lost, and a planner of capacity.

mod base;
mod play;
mod report;

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use fleetfoot_simulation::plot::Picture;
use fleetfoot_simulation::workload::Named;

use crate::arguments::Format;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use base::{Base, FaultsOf, Seeds, Setting};

pub(crate) const EXAMPLES: &str = "\
Examples:
  fleetfoot simulate --seeds 1..100 --faults heavy      does anything ever go wrong?
  fleetfoot simulate --jobs 10000 --arrival burst       which limit holds a burst up?
  fleetfoot simulate --config fleet.toml --jobs 2000 --set limits.runners=50
                                                        what would a higher limit change?
  fleetfoot simulate --arrival trace:monday.csv --plot monday.svg

Nothing is called and nothing is changed: the functions that are deployed run in this process, in
virtual time, against stand-ins for GitHub and AWS with their real limits.

JSON: a document for each configuration, see docs/simulation.md.
Exit code 1 if an invariant is broken.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many jobs come; of a trace all, by default
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..=5_000_000))]
    jobs: Option<u64>,
    /// What chance is drawn from, one run for each: a number, or A..B with both ends
    #[arg(long, value_name = "A..B", default_value = "1")]
    seeds: Seeds,
    /// When they come: burst, poisson:RATE (such as 600/h, 10/min, 2/s, 1000000/d) or trace:FILE
    #[arg(long, value_name = "ARRIVAL", default_value = "poisson:600/h")]
    arrival: Named,
    /// What goes wrong: none, some, heavy, or a file that says so
    #[arg(long, value_name = "LEVEL|FILE", default_value = "none")]
    faults: FaultsOf,
    /// The limits of GitHub and AWS, where they are not the usual ones
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// The fleet's configuration; without it one that limits nothing by itself
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change the configuration, such as limits.runners=50, and compare; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Setting>,
    /// Write a picture (SVG) of the first run: queue, runners and limits over time
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// What all runs of one configuration came to, and under which name.
pub(crate) struct Variant {
    name: &'static str,
    base: Base,
    played: play::Played,
}

pub(crate) fn run(args: &Args) -> Result<Answer, Failure> {
    let base = Base::of(args)?;
    // Mistakes are told before anything takes its time.
    let changed = if args.set.is_empty() { None } else { Some(base.with(&args.set)?) };
    let mut variants = vec![variant("as it is", base, args)?];
    if let Some(changed) = changed {
        variants.push(variant("changed", changed, args)?);
    }
    let drawn = args.plot.as_ref().map(|file| draw(file, variants.last(), args));
    let data = if args.format.json { report::json(&variants)? } else { report::words(&variants) };
    let mut failures: Vec<Failure> = variants.iter().filter_map(|it| report::broken(it, args)).collect();
    failures.extend(drawn.and_then(Result::err));
    let answer = Answer { failures, ..Answer::data(data) };
    Ok(if args.format.json { answer } else { answer.note(report::footnote()) })
}

fn variant(name: &'static str, base: Base, args: &Args) -> Result<Variant, Failure> {
    let played = play::play(&base, args.seeds, args.format)?;
    Ok(Variant { name, base, played })
}

fn draw(file: &std::path::Path, variant: Option<&Variant>, args: &Args) -> Result<(), Failure> {
    let Some(variant) = variant else { return Ok(()) };
    let picture = Picture {
        title: base::command(args, args.seeds.first()),
        timeline: variant.played.timeline.clone(),
        limits: variant.base.drawn_limits(),
    };
    std::fs::write(file, picture.to_string())
        .or_fail(format!("the picture {} cannot be written", file.display()))?;
    output::note(&format!("the picture is in {}", file.display()));
    Ok(())
}
