//! Fargate's legal sizes (AWS documentation, "Task CPU and memory", read November 2026).

use serde::{Deserialize, Serialize};

/// A legal combination of CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// CPU units, 1024 to a vCPU.
    pub cpu: u32,
    /// Memory.
    pub memory_mib: u32,
}

/// CPU units, least MiB, most MiB, step.
const TABLE: &[(u32, u32, u32, u32)] = &[
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

/// Free ephemeral storage, which is also the least.
pub const LEAST_DISK_GIB: u32 = 20;
/// The most ephemeral storage.
pub const MOST_DISK_GIB: u32 = 200;

/// Why a combination is not legal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalSize {
    /// Not a CPU value.
    #[error("cpu is one of 256, 512, 1024, 2048, 4096, 8192 and 16384 units (1024 to a vCPU)")]
    Cpu,
    /// Not a memory value for this CPU.
    #[error("with {cpu} CPU units memory is {least} to {most} MiB in steps of {step}")]
    Memory {
        /// The CPU units.
        cpu: u32,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
        /// The step; 256 units allow 512, 1024 and 2048 only.
        step: u32,
    },
}

impl Size {
    /// Checks a combination.
    pub fn new(cpu: u32, memory_mib: u32) -> Result<Self, IllegalSize> {
        let &(_, least, most, step) = TABLE.iter().find(|row| row.0 == cpu).ok_or(IllegalSize::Cpu)?;
        let odd_one_out = cpu == 256 && memory_mib == 1536;
        if memory_mib < least || memory_mib > most || !memory_mib.is_multiple_of(step) || odd_one_out {
            return Err(IllegalSize::Memory { cpu, least, most, step });
        }
        Ok(Self { cpu, memory_mib })
    }

    /// Every legal combination, smaller CPU first.
    pub fn all() -> impl Iterator<Item = Self> {
        let sizes = TABLE.iter().flat_map(|&(cpu, least, most, step)| {
            (least..=most).step_by(step as usize).map(move |memory_mib| Self::new(cpu, memory_mib))
        });
        // One step of the smallest CPU is left out.
        sizes.filter_map(Result::ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sizes_are_legal_and_each_comes_once() {
        let all: Vec<Size> = Size::all().collect();
        assert_eq!(all.len(), 3 + 4 + 7 + 13 + 23 + 12 + 12);
        assert!(all.is_sorted() && all.iter().all(|size| Size::new(size.cpu, size.memory_mib) == Ok(*size)));
    }

    #[test]
    fn the_table_is_fargates() {
        for (cpu, memory) in [
            (256, 512),
            (256, 2048),
            (512, 1024),
            (1024, 8192),
            (4096, 30_720),
            (8192, 20_480),
            (16_384, 122_880),
        ] {
            assert!(Size::new(cpu, memory).is_ok(), "{cpu} {memory}");
        }
        for (cpu, memory) in
            [(256, 1536), (256, 4096), (512, 512), (1024, 8193), (4096, 31_744), (8192, 17_408), (300, 512)]
        {
            assert!(Size::new(cpu, memory).is_err(), "{cpu} {memory}");
        }
    }
}
