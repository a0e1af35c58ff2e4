//! From the start of a process to its first request for an invocation.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::binaries::Binary;
use crate::figures::Figures;
use crate::process::{Process, Starter};
use crate::world::World;

/// How a function starts.
#[derive(Debug, Default)]
pub(crate) struct Start {
    pub(crate) times: Figures,
    /// On the processor until the first poll.
    pub(crate) processor_times: Figures,
    /// At its first poll, in KiB: the most of all starts.
    pub(crate) resident: u64,
    /// What it asks AWS for.
    pub(crate) aws: Vec<String>,
}

/// How functions start, and for comparison how long a program takes that does nothing.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    pub(crate) nothing: Figures,
    pub(crate) functions: BTreeMap<&'static str, Start>,
}

/// Each function so many times, in turns, so that what disturbs one disturbs all.
pub(crate) async fn measure(starter: &Starter, binaries: &[Binary], times: usize) -> Result<Starts, Failure> {
    let world = World::open().await?;
    let mut starts = Starts::default();
    for _ in 0..times {
        starts.nothing.add(nothing(starter).await?);
        for binary in binaries {
            world.aws.account().calls.clear();
            let process = Process::start(starter, &binary.program, &world.environment()).await?;
            let start = starts.functions.entry(binary.function).or_default();
            start.times.add(process.start);
            start.processor_times.add(process.processor_time()?);
            start.resident = start.resident.max(process.memory()?.resident);
            start.aws.clone_from(&world.aws.account().calls);
        }
    }
    Ok(starts)
}

/// A program that does nothing, from its start to its end.
async fn nothing(starter: &Starter) -> Result<Duration, Failure> {
    let mut command = Command::new("/bin/true");
    command.stdin(Stdio::null());
    let (mut child, began) = starter.start(command).await?;
    child.wait()?;
    Ok(began.elapsed())
}
