//! `[classes]`

use std::collections::BTreeMap;

use super::Class;
use super::load::MOST_RUNNERS;
use super::text::{Node, Table, quoted};
use crate::ids::{ClassName, InvalidId};
use crate::size::{IllegalSize, LEAST_DISK_GIB, MOST_DISK_GIB, Size};
use crate::spec::{Arch, Capacity};

pub(super) fn classes(table: &Table<'_>) -> Option<BTreeMap<ClassName, Class>> {
    let entries = table.entries();
    if entries.is_empty() {
        return Some(default_classes());
    }
    let read: Vec<_> = entries.into_iter().map(|(name, node)| named_class(name, node)).collect();
    read.into_iter().collect()
}

fn named_class(name: &str, node: Node<'_>) -> Option<(ClassName, Class)> {
    match name.parse() {
        Ok(name) => class(node).map(|class| (name, class)),
        Err(InvalidId { allowed, .. }) => {
            node.refuse(quoted(name), format!("a class's name: {allowed}"));
            None
        }
    }
}

fn default_classes() -> BTreeMap<ClassName, Class> {
    [("small", 512, 1024), ("medium", 1024, 2048), ("large", 2048, 4096), ("xlarge", 4096, 16_384)]
        .into_iter()
        .map(|(name, cpu, memory_mib)| {
            let class = Class {
                size: Size { cpu, memory_mib },
                disk_gib: LEAST_DISK_GIB,
                arch: Arch::X64,
                capacity: Capacity::OnDemand,
                runners: None,
                role: None,
            };
            (name.parse().expect("a class's name"), class)
        })
        .collect()
}

fn class(node: Node<'_>) -> Option<Class> {
    let table = node.table("a section with cpu and memory")?;
    let (cpu, memory) = (
        table.get("cpu").required("CPU units, 1024 to a vCPU, such as 512"),
        table.get("memory").required("MiB, such as 1024"),
    );
    let size = match (cpu.small(1, u32::MAX), memory.small(1, u32::MAX)) {
        (Some(units), Some(mib)) => match Size::new(units, mib) {
            Ok(size) => Some(size),
            Err(illegal @ IllegalSize::Cpu) => {
                cpu.refuse(units, illegal);
                None
            }
            Err(illegal @ IllegalSize::Memory { .. }) => {
                memory.refuse(mib, illegal);
                None
            }
        },
        _ => None,
    };
    let disk_gib = table.get("disk").small(LEAST_DISK_GIB, MOST_DISK_GIB).unwrap_or(LEAST_DISK_GIB);
    let arch = table.get("arch").id().unwrap_or(Arch::X64);
    let spot = table.get("spot").boolean().unwrap_or(false);
    let runners = table.get("runners").integer(1..=MOST_RUNNERS);
    let role = table.get("role").id();
    table.finish();
    let capacity = if spot { Capacity::Spot } else { Capacity::OnDemand };
    Some(Class { size: size?, disk_gib, arch, capacity, runners, role })
}
