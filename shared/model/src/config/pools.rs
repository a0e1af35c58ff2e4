//! `[[pools]]`: the one section that is read against the others.

use super::text::{Node, Table, quoted};
use super::{PoolConfig, Target};
use crate::ids::{PoolName, Repository};
use crate::labels::{self, LabelRules, Reading};
use crate::runner::Scope;
use crate::schedule::{InvalidSchedule, Schedule};
use crate::spec::{Label, Spec};

/// Reads the pools. `most` is the fleet's limit of runners.
pub(super) fn pools(
    node: &Node<'_>,
    rules: &LabelRules<'_>,
    target: Option<&Target>,
    most: u64,
) -> Vec<PoolConfig> {
    const ALLOWED: &str = "sections [[pools]] with labels and size";
    let mut names = Vec::new();
    let mut pools = Vec::new();
    for (n, node) in node.elements(ALLOWED).into_iter().flatten().enumerate() {
        let Some(table) = node.table(ALLOWED) else { continue };
        let name = name(&table.get("name"), n + 1, &names);
        names.extend(name.clone());
        pools.extend(pool(&table, name, rules, target, most));
    }
    pools
}

fn name(node: &Node<'_>, position: usize, taken: &[PoolName]) -> Option<PoolName> {
    let name = if node.is_present() { node.id::<PoolName>()? } else { position.to_string().parse().ok()? };
    if taken.contains(&name) {
        node.refuse(quoted(name.as_str()), "a name that no pool before it has");
        return None;
    }
    Some(name)
}

fn pool(
    table: &Table<'_>,
    name: Option<PoolName>,
    rules: &LabelRules<'_>,
    target: Option<&Target>,
    most: u64,
) -> Option<PoolConfig> {
    let (labels, spec) = read_labels(&table.get("labels"), rules).unzip();
    let size = table.get("size").required("how many runners to keep idle").integer(0..=most);
    let schedule = schedule(&table.get("schedule"));
    let scope = scope(&table.get("repository"), target);
    table.finish();
    Some(PoolConfig { name: name?, labels: labels?, spec: spec?, scope: scope?, size: size?, schedule })
}

fn read_labels(node: &Node<'_>, rules: &LabelRules<'_>) -> Option<(Vec<Label>, Spec)> {
    const ALLOWED: &str = "a list of labels, such as [\"self-hosted\", \"class:small\"]";
    if !node.is_present() {
        node.refuse("nothing", ALLOWED);
        return None;
    }
    let given = node.elements(ALLOWED)?.len();
    let labels = node.list(ALLOWED, Node::id::<Label>)?;
    if labels.len() < given {
        return None;
    }
    let required: Vec<&str> = rules.labels.required.iter().map(Label::as_str).collect();
    let ours = format!("labels that a job of this fleet could have, {} among them", required.join(", "));
    match labels::parse(&labels, rules) {
        Reading::Ours(spec) => return Some((labels, spec)),
        Reading::Foreign => node.refuse("labels of no job of this fleet", ours),
        Reading::Refused(reason) => node.refuse(reason, ours),
    }
    None
}

fn schedule(node: &Node<'_>) -> Option<Schedule> {
    let text = node.string("DAYS HH:MM-HH:MM ZONE, such as \"Mon-Fri 08:00-18:00 Europe/Berlin\"")?;
    text.parse().map_err(|error: InvalidSchedule| node.refuse(quoted(text), error)).ok()
}

fn scope(node: &Node<'_>, target: Option<&Target>) -> Option<Scope> {
    let repository = node.id::<Repository>();
    match target? {
        Target::Organization(owner) => {
            if let Some(repository) = &repository {
                node.refuse(quoted(repository.as_str()), "no repository: the runners are the organization's");
            }
            Some(Scope::Organization(owner.clone()))
        }
        Target::Repositories(listed) => {
            let names: Vec<&str> = listed.iter().map(Repository::as_str).collect();
            let allowed = format!("one of [github] repositories: {}", names.join(", "));
            if !node.is_present() {
                node.refuse("nothing", allowed);
                return None;
            }
            let repository = repository?;
            if !listed.contains(&repository) {
                node.refuse(quoted(repository.as_str()), allowed);
                return None;
            }
            Some(Scope::Repository(repository))
        }
    }
}
