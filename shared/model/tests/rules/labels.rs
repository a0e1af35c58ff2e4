//! What labels mean, and whose jobs are served.

use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::RunId;
use fleetfoot_model::labels::{self, Meaning, Reading};
use fleetfoot_model::policy::{Admission, admit};
use fleetfoot_model::record::WorkflowRun;
use fleetfoot_model::spec::{Arch, Capacity, Label};
use proptest::prelude::*;

use crate::{config_with, describe, fleet, now, read};

#[test]
fn labels_choose_a_spec() {
    let Reading::Ours(spec) = read("self-hosted linux class:large image:ubuntu:22.04 spot disk:100") else {
        panic!()
    };
    assert_eq!((spec.class.as_str(), spec.disk_gib, spec.capacity), ("large", 100, Capacity::Spot));
    assert_eq!(spec.image.unwrap().as_str(), "ubuntu:22.04");
    let Reading::Ours(spec) = read("Self-Hosted") else { panic!() };
    assert_eq!((spec.class.as_str(), spec.arch, spec.capacity), ("medium", Arch::X64, Capacity::OnDemand));
    let Reading::Ours(spec) = read("self-hosted arch:arm64 pin:123-build") else { panic!() };
    assert_eq!(spec.arch, Arch::Arm64);
}

#[test]
fn labels_of_somebody_else_are_not_ours() {
    for text in ["ubuntu-latest", "class:small", "self-hosted k8s", "self-hosted gpu linux", ""] {
        assert_eq!(read(text), Reading::Foreign, "{text}");
    }
}

/// lesson 15: an unknown class silently becomes the default; a job that can never run stays queued without a word.
#[test]
fn a_label_of_ours_with_a_bad_value_is_refused_with_what_is_allowed() {
    for (text, words) in [
        (
            "self-hosted class:mediun",
            &["class:mediun", "did you mean \"medium\"", "large, medium, small, xlarge"][..],
        ),
        ("self-hosted class:", &["class:"]),
        ("self-hosted class:small class:large", &["class:small", "class:large", "contradict"]),
        ("self-hosted arch:x86", &["arch:x86", "arch:x64 and arch:arm64"]),
        ("self-hosted arch:arm64 x64", &["x64", "contradicts"]),
        ("self-hosted disk:5", &["disk:5", "20 to 200"]),
        ("self-hosted disk:lots", &["20 to 200"]),
        ("self-hosted image:debian:12", &["debian:12", "not allowed", "ubuntu:*"]),
        ("self-hosted image:$(id)", &["image:$(id)"]),
        ("self-hosted image:u:p@evil.example/x", &["a user name and a password"]),
        ("self-hosted class:small linus", &["linus", "did you mean \"linux\""]),
    ] {
        let Reading::Refused(reason) = read(text) else { panic!("{text} was not refused") };
        for word in words {
            assert!(reason.contains(word), "{text}: {reason}");
        }
    }
}

#[test]
fn what_was_meant_by_an_unknown_label_is_guessed() {
    let fleet = config_with(
        "[classes.small]\ncpu = 512\nmemory = 1024\n[classes.medium]\ncpu = 1024\nmemory = 2048\n",
    );
    for (text, meant) in [
        ("linus", Some("linux")),
        ("sopt", Some("spot")),
        ("self-hostd", Some("self-hosted")),
        ("Medium", Some("class:medium")),
        ("clas:medium", Some("class:medium")),
        ("class=mediun", Some("class:medium")),
        ("size-small", Some("class:small")),
        ("images:ubuntu:22.04", Some("image:ubuntu:22.04")),
        ("arm64", Some("arch:arm64")),
        ("self-hosted-linux", None),
        ("class:gigantic", None),
        ("big-box", None),
        ("pin:", None),
        ("gpu", None),
        ("ubuntu-latest", None),
    ] {
        let label: Label = text.parse().unwrap();
        assert_eq!(labels::suggestion(&label, &(&fleet).into()).as_deref(), meant, "{text}");
    }
}

#[test]
fn each_label_has_a_meaning_of_its_own() {
    let fleet = fleet();
    for (text, means) in [
        ("Self-Hosted", Meaning::Required),
        ("linux", Meaning::Plain),
        ("CLASS:small", Meaning::Class("small")),
        ("image:ubuntu:22.04", Meaning::Image("ubuntu:22.04")),
        ("disk:", Meaning::Disk("")),
        ("SPOT", Meaning::Spot),
        ("pin:1", Meaning::Pin),
        ("pin:", Meaning::Unknown),
        ("gpu", Meaning::Unknown),
    ] {
        assert_eq!(labels::meaning(&text.parse().unwrap(), &fleet.labels), means, "{text}");
    }
}

proptest! {
    #[test]
    fn no_labels_panic_and_what_is_refused_is_short(texts in proptest::collection::vec("(class:|image:|arch:|disk:|pin:|spot)?\\PC{0,40}", 0..12)) {
        let labels: Vec<Label> = texts.iter().filter_map(|text| text.parse().ok()).chain(["self-hosted".parse().unwrap()]).collect();
        if let Reading::Refused(reason) = labels::parse(&labels, &(&fleet()).into()) {
            prop_assert!(reason.len() < 1200);
        }
    }

    #[test]
    fn images_that_are_read_are_allowed_ones(name in "[a-z./:@-]{1,40}") {
        if let Reading::Ours(spec) = read(&format!("self-hosted image:{name}"))
            && let Some(image) = spec.image
        {
            prop_assert!(image.normalized().starts_with("docker.io/library/ubuntu:") || image.as_str().starts_with("public.ecr.aws/docker/library/"));
        }
    }
}

#[test]
fn whose_jobs_are_served() {
    let open = config_with("[repositories]\nallow = [\"acme/*\"]\npublic = true\n");
    let private = describe(1, "acme/app", "self-hosted");
    let public = JobDescription { public: true, ..private.clone() };
    let from = |head: Option<&str>| WorkflowRun {
        id: RunId(1),
        repository: "acme/app".parse().unwrap(),
        head_repository: head.map(|head| head.parse().unwrap()),
        heard_at: now(),
    };
    let refused = |admission: &Admission, word: &str| matches!(admission, Admission::Refused(reason) if reason.contains(word));
    assert_eq!(admit(&private, None, &fleet()), Admission::Admitted);
    assert!(refused(&admit(&public, None, &fleet()), "public = true"));
    assert!(refused(&admit(&describe(1, "evil/app", "self-hosted"), None, &fleet()), "acme/*"));
    assert!(refused(&admit(&private, Some(&from(Some("contributor/app"))), &fleet()), "fork"));
    assert_eq!(admit(&public, None, &open), Admission::OriginUnknown);
    assert_eq!(admit(&public, Some(&from(Some("acme/app"))), &open), Admission::Admitted);
    assert!(refused(&admit(&public, Some(&from(None)), &open), "deleted"));
}
