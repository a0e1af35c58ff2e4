//! What the tables of `docs/performance.md` are made with: the real binaries against an AWS and a GitHub of this machine.

mod aws;
mod binaries;
mod budgets;
mod cost;
mod figures;
mod journey;
mod prices;
mod process;
mod report;
mod routing;
mod runtime_api;
mod share;
mod sizes;
mod start;
mod step;
mod warm;
mod world;

/// Whatever went wrong ends a bench.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How often things are measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often each function is started.
    pub(crate) starts: usize,
    /// How many jobs live their lives, and how often each function is invoked at least.
    pub(crate) jobs: usize,
    /// How many of them for each memory size.
    pub(crate) jobs_by_size: usize,
    /// Whether functions are built first. Otherwise they are measured as they are.
    pub builds: bool,
}

impl Effort {
    /// For figures.
    pub const FULL: Self = Self { starts: 30, jobs: 1000, jobs_by_size: 50, builds: true };
    /// To see that it works.
    pub const QUICK: Self = Self { starts: 3, jobs: 20, jobs_by_size: 3, builds: true };
}

/// The processor of the functions; everything else is on the first.
const PROCESSOR_OF_FUNCTIONS: usize = 1;

/// Builds the functions, measures them and answers the report in Markdown.
///
/// # Errors
/// Whatever could not be built, started or measured.
pub fn measure(effort: &Effort) -> Result<String, Failure> {
    if effort.builds {
        binaries::build()?;
    }
    let binaries = binaries::built()?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    process::pin_this_thread(0)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let starter = process::Starter::new(Some(PROCESSOR_OF_FUNCTIONS), None)?;
        let starts = start::measure(&starter, &binaries, effort.starts).await?;
        let warm = warm::measure(&starter, &binaries, effort.jobs).await?;
        let idle = warm::idle_minute(&starter, &binaries).await?;
        let sizes = sizes::measure(&binaries, effort.jobs_by_size).await?;
        let measured = report::Measured { effort, load, binaries: &binaries, starts, warm, idle, sizes };
        Ok(report::write(&measured))
    })
}
