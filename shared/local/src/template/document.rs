//! The template as a document: sections, parameters, resources, and the references between them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use super::TemplateError;

/// The sections that a template may have. Of those not read here every reference must still resolve.
const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

/// What a resource may have beside its type and properties.
const ATTRIBUTES: &[&str] =
    &["Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy"];

/// Short forms (`!Name`) whose long form is `Fn::Name`.
const FUNCTIONS: &[&str] = &[
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
];

/// A template whose references resolve.
pub(super) struct Document {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) function_defaults: Map<String, Value>,
    pub(super) resources: BTreeMap<String, Resource>,
}

/// A resource.
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) properties: Map<String, Value>,
    pub(super) is_conditional: bool,
}

impl Resource {
    pub(super) fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::new(format!("{} ({})", self.id, self.kind), message)
    }
}

impl Document {
    pub(super) fn parse(text: &str, given: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let yaml: Yaml =
            serde_yaml_ng::from_str(text).map_err(|error| TemplateError::new("YAML", error.to_string()))?;
        let mut sections = object(long_form(yaml, "template")?, "template")?;
        only(sections.keys(), SECTIONS, "template")?;
        let declared = section(&mut sections, "Parameters")?;
        let globals = section(&mut sections, "Globals")?;
        only(globals.keys(), &["Function"], "Globals")?;
        let function_defaults = match globals.get("Function") {
            Some(defaults) => object(defaults.clone(), "Globals.Function")?,
            None => Map::new(),
        };
        let mut resources = BTreeMap::new();
        for (id, resource) in section(&mut sections, "Resources")? {
            resources.insert(id.clone(), read_resource(id, resource)?);
        }
        let document = Self { parameters: values(&declared, given)?, function_defaults, resources };
        document.check_references(&declared, &globals, &sections)?;
        Ok(document)
    }

    /// Text that may use parameters, as in `!Sub "${FleetName}-"`.
    pub(super) fn substitute(&self, text: &str) -> Result<String, String> {
        let mut result = String::new();
        for part in parts(text) {
            match part {
                Part::Text(text) => result.push_str(text),
                Part::Name(name) => result.push_str(self.parameter(name)?),
            }
        }
        Ok(result)
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Result<&str, String> {
        self.parameters.get(name).map(String::as_str).ok_or_else(|| {
            format!(
                "{name} has no value here; only parameters that have a default or were given a value have one"
            )
        })
    }

    fn check_references(
        &self,
        declared: &Map<String, Value>,
        globals: &Map<String, Value>,
        rest: &Map<String, Value>,
    ) -> Result<(), TemplateError> {
        let known: BTreeSet<&str> =
            declared.keys().map(String::as_str).chain(self.resources.keys().map(String::as_str)).collect();
        for resource in self.resources.values() {
            let place = format!("{} ({})", resource.id, resource.kind);
            for value in resource.properties.values() {
                resolve(value, &known, &place)?;
            }
        }
        for (section, value) in rest.iter().chain(globals) {
            resolve(value, &known, section)?;
        }
        Ok(())
    }
}

fn section(sections: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, TemplateError> {
    sections.remove(name).map_or_else(|| Ok(Map::new()), |value| object(value, name))
}

fn object(value: Value, place: &str) -> Result<Map<String, Value>, TemplateError> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(TemplateError::new(place, "expected a mapping")),
    }
}

/// Refuses names that are not in the list.
pub(super) fn only<'a>(
    found: impl IntoIterator<Item = &'a String>,
    allowed: &[&str],
    place: &str,
) -> Result<(), TemplateError> {
    match found.into_iter().find(|name| !allowed.contains(&name.as_str())) {
        Some(name) => {
            let allowed = allowed.join(", ");
            Err(TemplateError::new(place, format!("{name} is not understood; allowed: {allowed}")))
        }
        None => Ok(()),
    }
}

fn read_resource(id: String, value: Value) -> Result<Resource, TemplateError> {
    let mut attributes = object(value, &id)?;
    only(attributes.keys(), ATTRIBUTES, &id)?;
    let Some(Value::String(kind)) = attributes.remove("Type") else {
        return Err(TemplateError::new(id, "a resource has a Type"));
    };
    let properties = attributes.remove("Properties").map_or_else(|| Ok(Map::new()), |it| object(it, &id))?;
    Ok(Resource { is_conditional: attributes.contains_key("Condition"), id, kind, properties })
}

fn values(
    declared: &Map<String, Value>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut values = BTreeMap::new();
    for (name, parameter) in declared {
        match parameter.get("Default") {
            Some(Value::String(text)) => values.insert(name.clone(), text.clone()),
            Some(Value::Number(number)) => values.insert(name.clone(), number.to_string()),
            _ => None,
        };
    }
    for (name, value) in given {
        if !declared.contains_key(name) {
            return Err(TemplateError::new("Parameters", format!("there is no parameter {name}")));
        }
        values.insert(name.clone(), value.clone());
    }
    Ok(values)
}

/// YAML with CloudFormation's short forms as JSON with the long ones.
fn long_form(yaml: Yaml, place: &str) -> Result<Value, TemplateError> {
    match yaml {
        Yaml::Null => Ok(Value::Null),
        Yaml::Bool(it) => Ok(Value::Bool(it)),
        Yaml::String(it) => Ok(Value::String(it)),
        Yaml::Number(it) => serde_json::to_value(it)
            .map_err(|error| TemplateError::new(place, format!("a number that is none: {error}"))),
        Yaml::Sequence(items) => {
            items.into_iter().map(|item| long_form(item, place)).collect::<Result<_, _>>().map(Value::Array)
        }
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else {
                    return Err(TemplateError::new(place, "a key that is not text"));
                };
                let value = long_form(value, &key)?;
                map.insert(key, value);
            }
            Ok(Value::Object(map))
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let short = tag.trim_start_matches('!');
            let name = match short {
                "Ref" | "Condition" => short.to_owned(),
                _ if FUNCTIONS.contains(&short) => format!("Fn::{short}"),
                _ => {
                    return Err(TemplateError::new(
                        place,
                        format!("!{short} is no function of CloudFormation"),
                    ));
                }
            };
            Ok(Value::Object(Map::from_iter([(name, long_form(tagged.value, place)?)])))
        }
    }
}

/// A piece of the text of a `!Sub`.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some((before, rest)) = text.split_once("${") {
        let Some((name, after)) = rest.split_once('}') else { break };
        parts.push(Part::Text(before));
        // `${!name}` is the text `${name}`; what matters here is that it names nothing.
        parts.push(name.strip_prefix('!').map_or(Part::Name(name), Part::Text));
        text = after;
    }
    parts.push(Part::Text(text));
    parts
}

/// The logical ids and parameters that a value refers to.
pub(super) fn mentions(value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    visit(value, &mut |name| names.push(name.to_owned()));
    names
}

fn visit(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => found(name),
                    ("Fn::GetAtt", Value::String(path)) => found(first(path)),
                    ("Fn::GetAtt", Value::Array(path)) => {
                        if let Some(name) = path.first().and_then(Value::as_str) {
                            found(name);
                        }
                    }
                    ("Fn::Sub", Value::String(text)) => visit_text(text, &Map::new(), found),
                    ("Fn::Sub", Value::Array(pair)) => visit_pair(pair, found),
                    _ => visit(value, found),
                }
            }
        }
        _ => {}
    }
}

fn visit_text(text: &str, own: &Map<String, Value>, found: &mut dyn FnMut(&str)) {
    for part in parts(text) {
        if let Part::Name(name) = part
            && !own.contains_key(name)
        {
            found(first(name));
        }
    }
}

fn visit_pair(pair: &[Value], found: &mut dyn FnMut(&str)) {
    if let [Value::String(text), Value::Object(own)] = pair {
        visit_text(text, own, found);
        own.values().for_each(|value| visit(value, found));
    }
}

fn first(path: &str) -> &str {
    path.split_once('.').map_or(path, |(name, _)| name)
}

fn resolve(value: &Value, known: &BTreeSet<&str>, place: &str) -> Result<(), TemplateError> {
    match mentions(value).iter().find(|name| !known.contains(name.as_str()) && !name.starts_with("AWS::")) {
        Some(name) => Err(TemplateError::new(
            place,
            format!("{name} is neither a parameter nor a resource of this template"),
        )),
        None => Ok(()),
    }
}
