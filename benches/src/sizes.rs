//! What a memory size means: Lambda gives processor time by it.

use std::collections::BTreeMap;

use crate::binaries::Binary;
use crate::figures::Figures;
use crate::process::Starter;
use crate::share::{Share, WHOLE_MIB};
use crate::world::World;
use crate::{Failure, PROCESSOR_OF_FUNCTIONS};

/// The sizes that are looked at, in MiB.
pub(crate) const SIZES: [u64; 5] = [128, 256, 512, 1024, WHOLE_MIB];

/// Functions with the share of a processor that a size gives.
#[derive(Debug, Default)]
pub(crate) struct Sized {
    /// Starts, by function.
    pub(crate) starts: BTreeMap<&'static str, Figures>,
    /// Warm invocations, by function and what woke it.
    pub(crate) latencies: BTreeMap<(&'static str, String), Figures>,
}

impl Sized {
    /// All warm invocations of a function that a job brings about.
    pub(crate) fn of_function(&self, function: &str) -> Figures {
        let mut all = Figures::default();
        for ((name, _), figures) in &self.latencies {
            if *name == function {
                all.extend(figures.all());
            }
        }
        all
    }
}

/// So many jobs with each size. Nothing where shares of a processor cannot be given.
pub(crate) async fn measure(binaries: &[Binary], jobs: usize) -> Result<BTreeMap<u64, Sized>, Failure> {
    let mut sizes = BTreeMap::new();
    for size in SIZES {
        let Some(share) = Share::of(size) else { return Ok(BTreeMap::new()) };
        let starter = Starter::new(Some(PROCESSOR_OF_FUNCTIONS), Some(&share))?;
        sizes.insert(size, with(&starter, binaries, jobs).await?);
    }
    Ok(sizes)
}

async fn with(starter: &Starter, binaries: &[Binary], jobs: usize) -> Result<Sized, Failure> {
    let mut sized = Sized::default();
    for _ in 0..jobs.div_ceil(10) {
        let world = World::start(starter, binaries).await?;
        for (function, process) in &world.processes {
            sized.starts.entry(function).or_default().add(process.start);
        }
    }
    let mut world = World::start(starter, binaries).await?;
    world.job().await?;
    let scheduled = crate::warm::scheduled()?;
    for _ in 0..jobs {
        let mut steps = world.job().await?;
        for function in ["cleanup", "pool"] {
            steps.push(world.invoke(function, "its schedule", &scheduled).await?.0);
        }
        for step in steps {
            sized.latencies.entry((step.function, step.woken_by)).or_default().add(step.latency);
        }
    }
    Ok(sized)
}
