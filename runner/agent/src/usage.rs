//! What a runner really used, for whoever chooses sizes: measured by the kernel, for the task's container.
//!
//! Told as one line in the task's log when the runner has ended, and in the report's file: a request would cost as much as
//! the rest of a job, and need a secret that outlives the ticket.
//!
//! # Which memory
//!
//! The working set: what the container holds, without the files in the page cache that can be dropped at once. The
//! kernel's own `memory.peak` counts these too, so that every job that reads many files seems to need all it has. So it is
//! looked at while the runner runs, every [`EVERY`], and a shorter peak may be missed. Out of a task of its own, where the
//! files tell of others, too, nothing is told.
//!
//! # The line
//!
//! `TIME INFO fleetfoot_agent::usage: usage FIELDS`, with `runner.name`, `usage.peak_memory_mib`, `usage.cpu_ms`,
//! `usage.wall_ms` and `usage.out_of_memory`: how many processes the kernel killed, as there was no memory left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// How often memory is looked at.
pub const EVERY: Duration = Duration::from_secs(2);

/// What each task of ECS has, and nothing else (Amazon ECS developer guide, "Task metadata endpoint version 4").
const TASK: &str = "ECS_CONTAINER_METADATA_URI_V4";
const MIB: u64 = 1024 * 1024;
/// A limit of version 1 at least this high is none.
const NO_LIMIT: u64 = 1 << 60;

/// What was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// The largest working set seen.
    pub peak_memory_mib: u64,
    /// Time of all its processes on all processors.
    pub cpu_ms: u64,
    /// From the runner's start to its end.
    pub wall_ms: u64,
    /// Processes that were killed as there was no memory left.
    pub out_of_memory: u64,
}

/// Where the kernel tells of a container: control groups, version 2 or 1.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Groups {
    /// One folder for everything.
    Two(PathBuf),
    /// A folder for memory and one for CPU.
    One { memory: PathBuf, cpu: PathBuf },
}

impl Groups {
    /// Those of the container; none out of one. `system` is `/sys/fs/cgroup`, `own` what `/proc/self/cgroup` says.
    fn of_container(system: &Path, own: &str) -> Option<Self> {
        // The root group of a machine has no such file (Linux, "Control Group v2", "Core Interface Files").
        if system.join("memory.current").exists() {
            return Some(Self::Two(system.to_owned()));
        }
        let memory = system.join("memory");
        let cpu = ["cpuacct", "cpu,cpuacct"].map(|name| system.join(name));
        let cpu = cpu.into_iter().find(|folder| folder.join("cpuacct.usage").exists())?;
        // Each line is `number:controllers:path`; the machine's root group has the path `/`.
        let has_own = own.lines().any(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let is_memory = parts.next().is_some_and(|names| names.split(',').any(|name| name == "memory"));
            is_memory && parts.next().is_some_and(|path| path != "/")
        });
        let limit = read_number(&memory.join("memory.limit_in_bytes"))?;
        (has_own || limit < NO_LIMIT).then_some(Self::One { memory, cpu })
    }

    /// In bytes.
    fn working_set(&self) -> Option<u64> {
        let (folder, file, unneeded) = match self {
            Self::Two(folder) => (folder, "memory.current", "inactive_file"),
            Self::One { memory, .. } => (memory, "memory.usage_in_bytes", "total_inactive_file"),
        };
        let held = read_number(&folder.join(file))?;
        let statistics = read(&folder.join("memory.stat"))?;
        Some(held.saturating_sub(named(&statistics, unneeded).unwrap_or(0)))
    }

    fn cpu(&self) -> Option<Duration> {
        match self {
            Self::Two(folder) => {
                named(&read(&folder.join("cpu.stat"))?, "usage_usec").map(Duration::from_micros)
            }
            Self::One { cpu, .. } => read_number(&cpu.join("cpuacct.usage")).map(Duration::from_nanos),
        }
    }

    fn out_of_memory(&self) -> Option<u64> {
        let path = match self {
            Self::Two(folder) => folder.join("memory.events"),
            Self::One { memory, .. } => memory.join("memory.oom_control"),
        };
        named(&read(&path)?, "oom_kill")
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn read_number(path: &Path) -> Option<u64> {
    read(path)?.trim().parse().ok()
}

/// The number in the line `name number`.
fn named(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// Measures a runner.
#[derive(Debug)]
pub(crate) struct Meter {
    groups: Option<Groups>,
    began: Instant,
    cpu_before: Duration,
    killed_before: u64,
    looked_at: Option<Instant>,
    peak: u64,
}

impl Meter {
    /// From now on. Runners that are processes of one machine share its container, if it is one: of them nothing is told.
    pub(crate) fn start(settings: &Settings) -> Self {
        if settings.variable(TASK).is_none() {
            return Self::over(None);
        }
        let own = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
        Self::over(Groups::of_container(Path::new("/sys/fs/cgroup"), &own))
    }

    fn over(groups: Option<Groups>) -> Self {
        let cpu_before = groups.as_ref().and_then(Groups::cpu).unwrap_or_default();
        let killed_before = groups.as_ref().and_then(Groups::out_of_memory).unwrap_or_default();
        Self { groups, began: Instant::now(), cpu_before, killed_before, looked_at: None, peak: 0 }
    }

    /// Looks at the memory, if it is time to.
    pub(crate) fn look(&mut self) {
        if self.looked_at.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.looked_at = Some(Instant::now());
        self.sample();
    }

    fn sample(&mut self) {
        let now = self.groups.as_ref().and_then(Groups::working_set);
        self.peak = self.peak.max(now.unwrap_or(0));
    }

    /// What was used up to now; none if nobody can tell.
    pub(crate) fn usage(&mut self) -> Option<Usage> {
        self.sample();
        let groups = self.groups.as_ref()?;
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Some(Usage {
            peak_memory_mib: self.peak.div_ceil(MIB),
            cpu_ms: millis(groups.cpu()?.saturating_sub(self.cpu_before)),
            wall_ms: millis(self.began.elapsed()),
            out_of_memory: groups.out_of_memory().unwrap_or(0).saturating_sub(self.killed_before),
        })
    }
}

/// Writes the line.
pub(crate) fn tell(usage: &Usage, runner: Option<&str>) {
    tracing::info!(
        runner.name = runner.unwrap_or("unknown"),
        usage.peak_memory_mib = usage.peak_memory_mib,
        usage.cpu_ms = usage.cpu_ms,
        usage.wall_ms = usage.wall_ms,
        usage.out_of_memory = usage.out_of_memory,
        "usage"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (name, content) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    /// As a container of version 2 reads them (Linux 6.1).
    const TWO: [(&str, &str); 4] = [
        ("memory.current", "838860800\n"),
        (
            "memory.stat",
            "anon 408944640\nfile 419430400\nkernel 10485760\ninactive_anon 399507456\nactive_anon 9437184\n\
             inactive_file 314572800\nactive_file 104857600\n",
        ),
        ("cpu.stat", "usage_usec 90250000\nuser_usec 80000000\nsystem_usec 10250000\nnr_periods 0\n"),
        ("memory.events", "low 0\nhigh 0\nmax 17\noom 1\noom_kill 0\noom_group_kill 0\n"),
    ];

    /// As a container of version 1 reads them (Linux 5.10, platform version 1.4.0 of Fargate).
    const ONE: [(&str, &str); 5] = [
        ("memory/memory.usage_in_bytes", "838860800\n"),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        (
            "memory/memory.stat",
            "cache 419430400\ninactive_file 1\ntotal_cache 419430400\ntotal_inactive_file 314572800\n",
        ),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        ("cpuacct/cpuacct.usage", "90250000000\n"),
    ];
    const OWN: &str = "11:memory:/ecs/0123/0123-456\n4:cpu,cpuacct:/ecs/0123/0123-456\n";

    #[test]
    fn both_versions_tell_the_same_of_the_same_container() {
        let folder = tempfile::tempdir().unwrap();
        let (two, one) = (folder.path().join("two"), folder.path().join("one"));
        write(&two, &TWO);
        write(&one, &ONE);
        let two = Groups::of_container(&two, "0::/\n").unwrap();
        let one = Groups::of_container(&one, OWN).unwrap();
        for groups in [&two, &one] {
            assert_eq!(groups.working_set(), Some(500 * MIB));
            assert_eq!(groups.cpu(), Some(Duration::from_millis(90_250)));
        }
        assert_eq!((two.out_of_memory(), one.out_of_memory()), (Some(0), Some(2)));
    }

    #[test]
    fn a_peak_is_kept_and_only_what_came_since_the_start_counts() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &TWO);
        let mut meter = Meter::over(Groups::of_container(folder.path(), ""));
        meter.look();
        write(
            folder.path(),
            &[
                ("memory.current", "419430400\n"),
                ("cpu.stat", "usage_usec 91250000\n"),
                ("memory.events", "oom_kill 3\n"),
            ],
        );
        let usage = meter.usage().unwrap();
        assert_eq!((usage.peak_memory_mib, usage.cpu_ms, usage.out_of_memory), (500, 1000, 3));
    }

    #[test]
    fn of_a_whole_machine_nothing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[TWO[2]]);
        assert_eq!(Groups::of_container(folder.path(), "0::/user.slice\n"), None);
        write(folder.path(), &ONE);
        assert_eq!(Groups::of_container(folder.path(), "11:memory:/\n"), None);
        assert_eq!(Meter::over(None).usage(), None);
    }
}
