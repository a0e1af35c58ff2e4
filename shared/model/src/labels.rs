//! From `runs-on` to [`Spec`], once, at the edge. Never a silent default for a label of ours with a bad value.

mod suggestion;

use std::collections::BTreeMap;

use crate::config::{Class, Config, ImagesConfig, LabelsConfig, Pattern};
use crate::ids::ClassName;
use crate::image::{ImageReference, InvalidImage};
use crate::size::{LEAST_DISK_GIB, MOST_DISK_GIB};
use crate::spec::{Arch, Capacity, Label, Spec};

pub use suggestion::suggestion;

/// GitHub allows a runner this many labels (REST API, "generate-jitconfig").
pub const MOST_LABELS: usize = 100;

/// What labels are read against.
#[derive(Debug, Clone, Copy)]
pub struct LabelRules<'a> {
    /// Which labels are ours.
    pub labels: &'a LabelsConfig,
    /// The classes.
    pub classes: &'a BTreeMap<ClassName, Class>,
    /// The base images that are allowed, and the default.
    pub images: &'a ImagesConfig,
}

impl<'a> From<&'a Config> for LabelRules<'a> {
    fn from(config: &'a Config) -> Self {
        Self { labels: &config.labels, classes: &config.classes, images: &config.images }
    }
}

/// What a job's labels mean to this fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The job is for somebody else.
    Foreign,
    /// The job is ours, and this is what it gets.
    Ours(Spec),
    /// The job speaks to us and cannot be served: what was found, what is allowed.
    Refused(String),
}

/// What one label means, by itself. Its value is not checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// Makes the job this fleet's to look at.
    Required,
    /// Understood, and chooses nothing.
    Plain,
    /// Names the class.
    Class(&'a str),
    /// Names the base image.
    Image(&'a str),
    /// Names the architecture.
    Arch(&'a str),
    /// Says how much disk.
    Disk(&'a str),
    /// Asks for Spot capacity.
    Spot,
    /// Is there to be different.
    Pin,
    /// This fleet does not know it.
    Unknown,
}

/// The labels that this fleet gives a meaning, for messages.
const VOCABULARY: &str = "class: image: arch: disk: pin: and spot";

/// Whether a job carries the labels that make it ours to look at.
pub fn is_addressed(labels: &[Label], config: &LabelsConfig) -> bool {
    config.required.iter().all(|required| labels.contains(required))
}

/// Reads the labels of a job or of a pool.
pub fn parse(labels: &[Label], rules: &LabelRules<'_>) -> Reading {
    if labels.len() > MOST_LABELS || !is_addressed(labels, rules.labels) {
        return Reading::Foreign;
    }
    let words: Vec<(&Label, Meaning<'_>)> =
        labels.iter().map(|label| (label, meaning(label, rules.labels))).collect();
    let speaks_to_us =
        words.iter().any(|(_, word)| !matches!(word, Meaning::Required | Meaning::Plain | Meaning::Unknown));
    if let Some((label, _)) = words.iter().find(|(_, word)| matches!(word, Meaning::Unknown)) {
        if !speaks_to_us {
            return Reading::Foreign;
        }
        return Reading::Refused(unknown(label, rules));
    }
    match resolve(&words, rules) {
        Ok(spec) => Reading::Ours(spec),
        Err(reason) => Reading::Refused(reason),
    }
}

/// What a runner for a job registers with: the job's labels, and its class if the job left that to the default. So two
/// jobs of one class can run on each other's runners, whichever of them said so.
pub fn of_runner(labels: &[Label], spec: &Spec) -> Vec<Label> {
    let says_class = |label: &Label| label.as_str().to_ascii_lowercase().starts_with("class:");
    let class = (!labels.iter().any(says_class)).then(|| format!("class:{}", spec.class).parse().ok());
    labels.iter().cloned().chain(class.flatten()).collect()
}

/// What a label means to a fleet.
pub fn meaning<'a>(label: &'a Label, config: &LabelsConfig) -> Meaning<'a> {
    if config.required.contains(label) {
        return Meaning::Required;
    }
    if config.plain.contains(label) {
        return Meaning::Plain;
    }
    let text = label.as_str();
    if text.eq_ignore_ascii_case("spot") {
        return Meaning::Spot;
    }
    let Some((key, value)) = text.split_once(':') else {
        return Meaning::Unknown;
    };
    match key.to_ascii_lowercase().as_str() {
        "class" => Meaning::Class(value),
        "image" => Meaning::Image(value),
        "arch" => Meaning::Arch(value),
        "disk" => Meaning::Disk(value),
        "pin" if !value.is_empty() => Meaning::Pin,
        _ => Meaning::Unknown,
    }
}

fn unknown(label: &Label, rules: &LabelRules<'_>) -> String {
    let plain: Vec<&str> =
        rules.labels.required.iter().chain(&rules.labels.plain).map(Label::as_str).collect();
    let near = did_you_mean(suggestion(label, rules).as_deref());
    format!(
        "label {:?} is not known{near}; known are {VOCABULARY}, and {}. Add it to [labels] plain if it is to be allowed",
        shown(label.as_str()),
        plain.join(", ")
    )
}

fn resolve(words: &[(&Label, Meaning<'_>)], rules: &LabelRules<'_>) -> Result<Spec, String> {
    let class =
        only(words, "class:", |word| if let Meaning::Class(value) = word { Some(*value) } else { None })?;
    let (name, class) = match class {
        Some(value) => find_class(value, rules.classes)?,
        None => find_class(rules.labels.default_class.as_str(), rules.classes)?,
    };
    let mut spec = class.spec(name);
    if let Some(value) =
        only(words, "arch:", |word| if let Meaning::Arch(value) = word { Some(*value) } else { None })?
    {
        spec.arch = value
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| format!("label \"arch:{}\": allowed are arch:x64 and arch:arm64", shown(value)))?;
    }
    if let Some(value) =
        only(words, "disk:", |word| if let Meaning::Disk(value) = word { Some(*value) } else { None })?
    {
        spec.disk_gib = read_disk(value)?;
    }
    let image =
        only(words, "image:", |word| if let Meaning::Image(value) = word { Some(*value) } else { None })?;
    spec.image = match image {
        Some(value) => Some(read_image(value, &rules.images.allow)?),
        None => rules.images.default.clone(),
    };
    if words.iter().any(|(_, word)| matches!(word, Meaning::Spot)) {
        spec.capacity = Capacity::Spot;
    }
    contradiction(words, spec.arch)?;
    Ok(spec)
}

/// The one value of a key; two different ones are a mistake.
fn only<'a>(
    words: &[(&Label, Meaning<'a>)],
    key: &str,
    pick: impl Fn(&Meaning<'a>) -> Option<&'a str>,
) -> Result<Option<&'a str>, String> {
    let mut values = words.iter().filter_map(|(_, word)| pick(word));
    let Some(first) = values.next() else { return Ok(None) };
    match values.find(|value| *value != first) {
        None => Ok(Some(first)),
        Some(second) => Err(format!(
            "labels \"{key}{}\" and \"{key}{}\" contradict each other; one is allowed",
            shown(first),
            shown(second)
        )),
    }
}

fn find_class<'a>(
    value: &str,
    classes: &'a BTreeMap<ClassName, Class>,
) -> Result<(&'a ClassName, &'a Class), String> {
    let wanted = value.to_ascii_lowercase();
    classes.iter().find(|(name, _)| name.as_str() == wanted).ok_or_else(|| {
        let names: Vec<&str> = classes.keys().map(ClassName::as_str).collect();
        let near = nearest(&wanted, names.iter().copied());
        format!(
            "label \"class:{}\": there is no such class{near}; classes are {}",
            shown(value),
            names.join(", ")
        )
    })
}

fn read_disk(value: &str) -> Result<u32, String> {
    value.parse().ok().filter(|gib| (LEAST_DISK_GIB..=MOST_DISK_GIB).contains(gib)).ok_or_else(|| {
        format!(
            "label \"disk:{}\": allowed are whole GiB from {LEAST_DISK_GIB} to {MOST_DISK_GIB}, such as disk:100",
            shown(value)
        )
    })
}

fn read_image(value: &str, allowed: &[Pattern]) -> Result<ImageReference, String> {
    let image: ImageReference = value.parse().map_err(|error| match error {
        // What may be a password goes into no event and no message.
        InvalidImage::Credentials => format!("label \"image:...\": {error}"),
        _ => format!("label \"image:{}\": {error}", shown(value)),
    })?;
    if allowed.iter().any(|pattern| image.is_allowed_by(&pattern.matcher)) {
        return Ok(image);
    }
    let patterns: Vec<&str> = allowed.iter().map(|pattern| pattern.text.as_str()).collect();
    Err(if patterns.is_empty() {
        format!("label \"image:{image}\": this fleet allows no images; add a pattern to [images] allow")
    } else {
        format!("label \"image:{image}\": the image is not allowed; allowed are {}", patterns.join(", "))
    })
}

/// A runner must not carry a plain label that names another architecture than its own.
fn contradiction(words: &[(&Label, Meaning<'_>)], arch: Arch) -> Result<(), String> {
    for (label, word) in words {
        let named = label.as_str().to_ascii_lowercase().parse::<Arch>();
        if matches!(word, Meaning::Required | Meaning::Plain) && named.is_ok_and(|named| named != arch) {
            return Err(format!(
                "label \"{label}\" contradicts the runner's architecture {arch}; say arch:{label} or leave it out"
            ));
        }
    }
    Ok(())
}

/// A hint if something similar is known.
pub(crate) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> String {
    did_you_mean(nearest_name(text, known))
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

/// What is known and similar.
fn nearest_name<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let short: String = text.chars().take(64).collect();
    known
        .map(|name| {
            (strsim::damerau_levenshtein(&short.to_ascii_lowercase(), &name.to_ascii_lowercase()), name)
        })
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 4) && *distance < name.len())
        .min()
        .map(|(_, name)| name)
}

/// Hostile text, cut for a message.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(80).collect();
    if cut.len() < text.len() { format!("{cut}...") } else { cut }
}
