//! The guide to deploying, against what is deployed.

use crate::code::text;
use crate::deployment::translation;

fn names(section: &str) -> Vec<&'static str> {
    let names = translation()[section].as_object().expect("a section of the template").keys();
    names.map(String::as_str).collect()
}

/// Every parameter is told of, with its default.
#[test]
fn every_parameter_is_in_the_guide() {
    let guide = text("docs/deploy.md");
    let (_, rest) = guide.split_once("\n## Parameters\n").expect("the guide tells of parameters");
    let section = rest.split("\n## ").next().unwrap_or_default();
    for name in names("Parameters") {
        let row = section.lines().find(|line| line.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("docs/deploy.md lacks the parameter {name}"));
        let default = translation()["Parameters"][name]["Default"].to_string().replace('"', "");
        let default = if default.is_empty() { "none" } else { &default };
        let cell = row.split('|').nth(2).unwrap_or_default();
        assert!(
            cell.trim().trim_matches('`') == default,
            "docs/deploy.md: the default of {name} is {default}"
        );
    }
}

/// Whatever the guide names in code that looks like an output, or like a parameter, is one.
#[test]
fn what_the_guide_names_is_there() {
    let guide = text("docs/deploy.md");
    let outputs = names("Outputs");
    for named in guide.split("output `").skip(1).filter_map(|rest| rest.split('`').next()) {
        assert!(outputs.contains(&named), "there is no output {named}");
    }
    let parameters = names("Parameters");
    let given = guide.split("--parameter-overrides ").skip(1).filter_map(|rest| rest.split('=').next());
    for name in given {
        assert!(parameters.contains(&name), "there is no parameter {name}");
    }
}

/// What each output is for can be read where it is shown.
#[test]
fn parameters_and_outputs_are_described() {
    for section in ["Parameters", "Outputs"] {
        for name in names(section) {
            let description = translation()[section][name]["Description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{name}: {description:?}");
        }
    }
}
