//! What functions are told by their environment, against the settings that they read.

use std::collections::{BTreeMap, BTreeSet};

use crate::FUNCTIONS;
use crate::code::{Package, text};
use crate::deployment::{properties, shown, translation};

/// The constants of `settings.rs` and the names of their variables.
fn variables() -> BTreeMap<String, String> {
    let source = text("shared/aws/src/settings.rs");
    let constants = source.lines().filter_map(|line| line.strip_prefix("pub const "));
    constants
        .filter_map(|line| {
            let (name, value) = line.split_once(": &str = \"")?;
            Some((name.to_owned(), value.trim_end_matches("\";").to_owned()))
        })
        .collect()
}

/// The methods of `Ports`, by name: which settings each reads, and which others it calls.
fn methods() -> BTreeMap<String, String> {
    let source = text("shared/aws/src/lambda/ports.rs");
    let bodies = source.split("    fn ").flat_map(|part| part.split("    pub fn "));
    bodies.filter_map(|body| Some((body.split_once('(')?.0.to_owned(), body.to_owned()))).collect()
}

fn read_by(method: &str, methods: &BTreeMap<String, String>, found: &mut BTreeSet<String>) {
    let Some(body) = methods.get(method) else { return };
    for part in body.split("settings::").skip(1) {
        let constant: String = part.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        found.extend((!constant.is_empty()).then_some(constant));
    }
    for part in body.split("self.").skip(1) {
        let called: String = part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        if called != method && methods.contains_key(&called) {
            read_by(&called, methods, found);
        }
    }
}

/// The settings that a function reads, by its shell and its ports.
fn expected(package: &Package) -> BTreeSet<String> {
    let methods = methods();
    let mut constants: BTreeSet<String> = ["STACK", "FLEET", "CONFIG_PARAMETER"].map(str::to_owned).into();
    for method in methods.keys().filter(|method| package.asks_for(method)) {
        read_by(method, &methods, &mut constants);
    }
    let by_shell = [
        ("BUS", !package.is_run_by("notifications")),
        ("NOTICES", package.tells_people()),
        ("UNLAUNCHED", package.is_run_by("queue")),
    ];
    constants.extend(by_shell.iter().filter(|(_, is_read)| *is_read).map(|(name, _)| (*name).to_owned()));
    let variables = variables();
    constants.iter().map(|constant| variables[constant].clone()).collect()
}

#[test]
fn functions_are_told_what_they_read_and_no_more() {
    let mut told_at_all = BTreeSet::new();
    for (package, name) in FUNCTIONS {
        let told = properties(&format!("{name}Function"))["Environment"]["Variables"].as_object();
        let told: BTreeSet<String> = told.expect("a function has variables").keys().cloned().collect();
        assert_eq!(told, expected(&Package::read(package)), "{package}");
        told_at_all.extend(told);
    }
    assert_eq!(told_at_all, variables().into_values().collect(), "each setting is some function's");
}

/// lesson 14: secrets are read when they are needed, by reference; none is in an environment or a parameter.
#[test]
fn no_secret_is_in_an_environment() {
    let words = ["SECRET", "TOKEN", "PASSWORD", "CREDENTIAL", "PRIVATE", "WEBHOOK"];
    let resources = translation()["Resources"].as_object().expect("a template has resources");
    for (id, resource) in resources {
        let variables = &resource["Properties"]["Environment"];
        for word in words {
            assert!(!variables.to_string().to_uppercase().contains(word), "{id} is told a {word}");
        }
    }
    let text = text("template.yaml");
    for resolved in ["{{resolve:ssm-secure", "{{resolve:secretsmanager", "NoEcho"] {
        assert!(!text.contains(resolved), "{resolved}");
    }
}

/// What a template and the ledger call the table's parts is one thing.
#[test]
fn the_table_is_the_ledgers() {
    use fleetfoot_aws::ledger::table::{BY_INDEX, EXPIRES_AT, INDEX, KEY, SORT};
    let table = properties("Table");
    assert_eq!(table["KeySchema"][0]["AttributeName"], KEY);
    let [index] = &table["GlobalSecondaryIndexes"].as_array().expect("a list")[..] else {
        panic!("one index")
    };
    assert_eq!(index["IndexName"], BY_INDEX);
    assert_eq!(
        (&index["KeySchema"][0]["AttributeName"], &index["KeySchema"][0]["KeyType"]),
        (&INDEX.into(), &"HASH".into())
    );
    assert_eq!(
        (&index["KeySchema"][1]["AttributeName"], &index["KeySchema"][1]["KeyType"]),
        (&SORT.into(), &"RANGE".into())
    );
    assert_eq!(index["Projection"]["ProjectionType"], "ALL");
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], EXPIRES_AT);
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
}

/// The configuration is where the command line puts it.
#[test]
fn the_configuration_has_one_name() {
    let variables = &properties("IngestFunction")["Environment"]["Variables"];
    let name = shown(&variables["FLEETFOOT_CONFIG_PARAMETER"]);
    assert_eq!(name, fleetfoot_aws::configuration::parameter_of("${AWS::StackName}"));
}
