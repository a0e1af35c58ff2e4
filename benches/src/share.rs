//! A share of a processor, as Lambda gives it by a function's memory size.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

/// The memory size that comes with one whole processor, in MiB (AWS Lambda developer guide, "Configure Lambda function
/// memory").
pub(crate) const WHOLE_MIB: u64 = 1769;
/// Over which time a share is counted, in microseconds. Lambda's own is not documented; observers find 20 ms.
const PERIOD_MICROS: u64 = 20_000;

/// A control group of Linux (version 1, controller `cpu`).
pub(crate) struct Share {
    folder: PathBuf,
    tasks: PathBuf,
}

impl Share {
    /// Where threads have no share, but all.
    pub(crate) const WHOLE: &str = "/sys/fs/cgroup/cpu/tasks";

    /// What a memory size comes with; `None` where control groups cannot be made.
    pub(crate) fn of(memory_mib: u64) -> Option<Self> {
        let folder = format!("/sys/fs/cgroup/cpu/fleetfoot-{}-{memory_mib}", process::id());
        let folder = PathBuf::from(folder);
        fs::create_dir(&folder).ok()?;
        let share = Self { tasks: folder.join("tasks"), folder };
        let quota = PERIOD_MICROS * memory_mib / WHOLE_MIB;
        fs::write(share.folder.join("cpu.cfs_period_us"), PERIOD_MICROS.to_string()).ok()?;
        fs::write(share.folder.join("cpu.cfs_quota_us"), quota.to_string()).ok()?;
        Some(share)
    }

    /// Where threads are put into it.
    pub(crate) fn tasks(&self) -> &Path {
        &self.tasks
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}
