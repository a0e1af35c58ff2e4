//! `strategy.matrix`, written out as GitHub does it: the product of the lists, less `exclude`, with `include`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expression::{Combination, Outcome, resolve};
use super::yaml::{Broken, Node, Value};

/// GitHub: a matrix makes 256 jobs of a workflow run at most.
const MOST: usize = 256;
/// The most that are looked at before `exclude`.
const MOST_BEFORE_EXCLUDE: usize = 10_000;

/// Every combination; one without values where there is no matrix.
///
/// # Errors
/// What GitHub would refuse.
pub(super) fn expand(job: &Node) -> Result<Vec<Combination>, Broken> {
    let matrix = job.get("strategy").and_then(|strategy| strategy.get("matrix"));
    let Some(matrix) = matrix else { return Ok(vec![Combination::default()]) };
    let matrix = match resolve(matrix, &Combination::default()) {
        Outcome::Open(expression) => return Ok(vec![open(expression)]),
        Outcome::Known(matrix) => matrix,
    };
    if !matches!(matrix.value, Value::Map(_)) {
        return Err(broken(&matrix, format!("the matrix is {}; it has to be a map", matrix.kind())));
    }
    let mut combinations = product(&matrix)?;
    if let Some(list) = matrix.get("exclude") {
        match entries(list)? {
            Ok(excluded) => combinations.retain(|it| !excluded.iter().any(|entry| is_excluded(it, entry))),
            Err(expression) => return Ok(vec![open(expression)]),
        }
    }
    if let Some(list) = matrix.get("include") {
        match entries(list)? {
            Ok(included) => include(&mut combinations, &included),
            Err(expression) => combinations.push(open(expression)),
        }
    }
    if combinations.len() > MOST {
        let message = format!("the matrix makes {} jobs; GitHub allows {MOST}", combinations.len());
        return Err(broken(&matrix, message));
    }
    Ok(combinations)
}

fn open(expression: String) -> Combination {
    Combination { values: BTreeMap::new(), open: Some(expression) }
}

fn broken(node: &Node, message: String) -> Broken {
    Broken { at: node.at, message }
}

/// The matrix's own keys: each with what it may be.
fn axes(matrix: &Node) -> impl Iterator<Item = (&str, &Arc<Node>)> {
    let named = matrix.entries().filter_map(|(key, value)| Some((key.text()?, value)));
    named.filter(|(name, _)| !matches!(*name, "include" | "exclude"))
}

fn product(matrix: &Node) -> Result<Vec<Combination>, Broken> {
    let mut combinations = vec![Combination::default()];
    let mut has_axes = false;
    for (name, axis) in axes(matrix) {
        has_axes = true;
        let values = values(name, axis)?;
        if combinations.len() * values.len() > MOST_BEFORE_EXCLUDE {
            return Err(broken(
                axis,
                format!("the matrix makes more jobs than the {MOST} that GitHub allows"),
            ));
        }
        combinations = combinations
            .iter()
            .flat_map(|combination| {
                values.iter().map(|value| {
                    let mut combination = combination.clone();
                    combination.values.insert(name.to_owned(), value.clone());
                    combination
                })
            })
            .collect();
    }
    // A matrix of `include` alone has the combinations that are written there.
    Ok(if has_axes { combinations } else { Vec::new() })
}

fn values(name: &str, axis: &Arc<Node>) -> Result<Vec<Outcome>, Broken> {
    let list = match resolve(axis, &Combination::default()) {
        Outcome::Known(list) => list,
        open @ Outcome::Open(_) => return Ok(vec![open]),
    };
    if list.items().is_empty() {
        let message =
            format!("the matrix's {name:?} is {}; it has to be a list of values", empty_or_kind(&list));
        return Err(broken(axis, message));
    }
    Ok(list.items().iter().map(|item| resolve(item, &Combination::default())).collect())
}

fn empty_or_kind(node: &Node) -> &'static str {
    if matches!(node.value, Value::List(_)) { "an empty list" } else { node.kind() }
}

/// The maps of `include` or `exclude`, or the expression that keeps them open.
fn entries(list: &Arc<Node>) -> Result<Result<Vec<Arc<Node>>, String>, Broken> {
    let list = match resolve(list, &Combination::default()) {
        Outcome::Known(list) => list,
        Outcome::Open(expression) => return Ok(Err(expression)),
    };
    if !matches!(list.value, Value::List(_)) {
        return Err(broken(&list, format!("{} stands where a list of combinations has to be", list.kind())));
    }
    let mut maps = Vec::new();
    for item in list.items() {
        match resolve(item, &Combination::default()) {
            Outcome::Known(map) if matches!(map.value, Value::Map(_)) => maps.push(map),
            Outcome::Known(other) => {
                return Err(broken(item, format!("{} stands where a combination has to be", other.kind())));
            }
            Outcome::Open(expression) => return Ok(Err(expression)),
        }
    }
    Ok(Ok(maps))
}

/// Keys and resolved values of a combination that is written out.
fn written(map: &Node) -> impl Iterator<Item = (&str, Outcome)> {
    map.entries().filter_map(|(key, value)| Some((key.text()?, resolve(value, &Combination::default()))))
}

fn is_same(one: &Outcome, other: &Outcome) -> bool {
    matches!((one, other), (Outcome::Known(one), Outcome::Known(other)) if one.says_the_same_as(other))
}

fn is_excluded(combination: &Combination, entry: &Node) -> bool {
    written(entry).all(|(name, value)| combination.values.get(name).is_some_and(|it| is_same(it, &value)))
}

/// "The key:value pairs are added to each combination of which they overwrite no original value; if to none, they are a
/// combination of their own" (GitHub, workflow syntax).
fn include(combinations: &mut Vec<Combination>, included: &[Arc<Node>]) {
    let originals = combinations.clone();
    for entry in included {
        let mut is_added = false;
        for (combination, original) in combinations.iter_mut().zip(&originals) {
            let overwrites = |(name, value): (&str, Outcome)| {
                original.values.get(name).is_some_and(|it| !is_same(it, &value))
            };
            if !written(entry).any(overwrites) {
                is_added = true;
                combination.values.extend(written(entry).map(|(name, value)| (name.to_owned(), value)));
            }
        }
        if !is_added {
            let values = written(entry).map(|(name, value)| (name.to_owned(), value)).collect();
            combinations.push(Combination { values, open: None });
        }
        if combinations.len() > MOST_BEFORE_EXCLUDE {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    fn expanded(matrix: &str) -> Result<Vec<String>, String> {
        let job = yaml::read(&format!("strategy:\n  matrix: {matrix}\n")).unwrap();
        let combinations = expand(&job).map_err(|error| error.message)?;
        let shown = combinations.iter().map(|combination| {
            let values = combination.values.iter().map(|(name, value)| match value {
                Outcome::Known(node) => format!("{name}={}", node.text().unwrap_or(node.kind())),
                Outcome::Open(expression) => format!("{name}?{expression}"),
            });
            let mut values: Vec<String> = values.collect();
            values.extend(combination.open.clone());
            values.join(" ")
        });
        Ok(shown.collect())
    }

    #[test]
    fn a_matrix_is_written_out_as_github_does_it() {
        assert_eq!(
            expanded("{ a: [1, 2], b: [x, y] }").unwrap(),
            ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"]
        );
        let without = "{ a: [1, 2], b: [x, y], exclude: [{ a: 1, b: y }, { a: 2 }] }";
        assert_eq!(expanded(without).unwrap(), ["a=1 b=x"]);
        assert_eq!(expanded("{ include: [{ a: 1 }, { b: 2 }] }").unwrap(), ["a=1", "b=2"]);
    }

    /// The example in GitHub's documentation of `include`.
    #[test]
    fn include_adds_to_what_it_does_not_overwrite() {
        let matrix = "{ fruit: [apple, pear], animal: [cat, dog], include: [{ color: green }, \
                      { color: pink, animal: cat }, { fruit: apple, shape: circle }, { fruit: banana }, \
                      { fruit: banana, animal: cat }] }";
        assert_eq!(
            expanded(matrix).unwrap(),
            [
                "animal=cat color=pink fruit=apple shape=circle",
                "animal=dog color=green fruit=apple shape=circle",
                "animal=cat color=pink fruit=pear",
                "animal=dog color=green fruit=pear",
                "fruit=banana",
                "animal=cat fruit=banana",
            ]
        );
    }

    #[test]
    fn what_is_told_later_stays_open() {
        assert_eq!(
            expanded("\"${{ fromJSON(needs.a.outputs.b) }}\"").unwrap(),
            ["${{ fromJSON(needs.a.outputs.b) }}"]
        );
        assert_eq!(expanded("{ a: \"${{ inputs.a }}\", b: [1] }").unwrap(), ["a?${{ inputs.a }} b=1"]);
        assert_eq!(expanded("{ a: [1], include: \"${{ inputs.a }}\" }").unwrap(), ["a=1", "${{ inputs.a }}"]);
        assert_eq!(expanded("{ a: [1], exclude: \"${{ inputs.a }}\" }").unwrap(), ["${{ inputs.a }}"]);
        assert_eq!(expanded("\"${{ fromJSON('{\\\"a\\\": [1, 2]}') }}\"").unwrap(), ["a=1", "a=2"]);
    }

    #[test]
    fn what_github_refuses_is_refused() {
        let many = format!("[{}]", (0..300).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
        for (matrix, message) in [
            (format!("{{ a: {many} }}"), "makes 300 jobs"),
            (format!("{{ a: {many}, b: {many}, c: {many} }}"), "makes more jobs than"),
            ("[a]".to_owned(), "the matrix is a list"),
            ("{ a: [] }".to_owned(), "\"a\" is an empty list"),
            ("{ a: b }".to_owned(), "\"a\" is text"),
            ("{ a: [1], include: [b] }".to_owned(), "text stands where a combination"),
            ("{ a: [1], exclude: { a: 1 } }".to_owned(), "a map stands where a list"),
        ] {
            let error = expanded(&matrix).unwrap_err();
            assert!(error.contains(message), "{matrix:.60}: {error}");
        }
    }
}
