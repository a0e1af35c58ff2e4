//! `fleetfoot classes`

mod usage;

use fleetfoot_model::config::{Class, Config};
use fleetfoot_model::ids::ClassName;
use serde::Serialize;
use serde_json::json;

use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::Configured;
use crate::table::{Cell, table};
use crate::text::or_dash;

pub(crate) use usage::{UsageArgs, usage};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the classes that `runs-on: [self-hosted, class:NAME]` may name
    #[command(after_long_help = EXAMPLES)]
    List(ListArgs),
    /// Tell what jobs really used of their classes, and which sizes would do
    #[command(after_long_help = usage::EXAMPLES)]
    Usage(Box<UsageArgs>),
}

const EXAMPLES: &str = r#"Examples:
  fleetfoot classes list
  fleetfoot classes list --config fleet.toml --json
  fleetfoot classes list --stack fleetfoot

JSON:
  { "classes": [ { "name", "isDefault", "cpu": Fargate units, 1024 to a vCPU, "memoryMib",
      "diskGib", "arch": x64 | arm64, "capacity": on-demand | spot, "runners": the most at once,
      "usdPerHour": list price } ],
    "pricesOf": "YYYY-MM" }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: Configured,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClassView<'a> {
    name: &'a ClassName,
    is_default: bool,
    cpu: u32,
    memory_mib: u32,
    disk_gib: u32,
    arch: fleetfoot_model::spec::Arch,
    capacity: fleetfoot_model::spec::Capacity,
    runners: Option<u64>,
    usd_per_hour: f64,
}

impl<'a> ClassView<'a> {
    fn new(name: &'a ClassName, class: &Class, config: &Config) -> Self {
        let price = config.prices.usd_per_hour(&class.spec(name), class.capacity);
        Self {
            name,
            is_default: *name == config.labels.default_class,
            cpu: class.size.cpu,
            memory_mib: class.size.memory_mib,
            disk_gib: class.disk_gib,
            arch: class.arch,
            capacity: class.capacity,
            runners: class.runners,
            // Six digits: more are the arithmetic's, not the price list's.
            usd_per_hour: (price * 1e6).round() / 1e6,
        }
    }

    fn row(&self) -> [Cell; 8] {
        let name = if self.is_default { format!("{} (default)", self.name) } else { self.name.to_string() };
        [
            name.into(),
            self.cpu.to_string().into(),
            format!("{} MiB", self.memory_mib).into(),
            format!("{} GiB", self.disk_gib).into(),
            self.arch.to_string().into(),
            self.capacity.to_string().into(),
            or_dash(self.runners).into(),
            format!("{:.4}", self.usd_per_hour).into(),
        ]
    }
}

pub(crate) async fn list(args: &ListArgs) -> Result<Answer, Failure> {
    let config = args.place.load().await?;
    let mut classes: Vec<ClassView<'_>> =
        config.classes.iter().map(|(name, class)| ClassView::new(name, class, &config)).collect();
    classes.sort_by_key(|class| (class.cpu, class.memory_mib));
    if args.format.json {
        return Ok(Answer::data(output::json(
            &json!({ "classes": classes, "pricesOf": config.prices.date }),
        )?));
    }
    let heading = ["CLASS", "CPU", "MEMORY", "DISK", "ARCH", "CAPACITY", "MOST", "USD/HOUR"];
    let note = format!(
        "CPU in Fargate units, 1024 to a vCPU; list prices of {} in {}",
        config.prices.date, config.prices.region
    );
    Ok(Answer::data(table(heading, classes.iter().map(ClassView::row))).note(note))
}
