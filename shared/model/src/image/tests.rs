use globset::GlobBuilder;
use proptest::prelude::*;

use super::*;

fn image(text: &str) -> ImageReference {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> InvalidImage {
    text.parse::<ImageReference>().expect_err(text)
}

fn allowed(text: &str, pattern: &str) -> bool {
    let glob = GlobBuilder::new(pattern).literal_separator(true).case_insensitive(true).build().unwrap();
    image(text).is_allowed_by(&glob.compile_matcher())
}

fn digest() -> String {
    format!("sha256:{}", "0123456789abcdef".repeat(4))
}

#[test]
fn references_are_normalized_the_way_docker_does() {
    let digest = digest();
    for (written, full) in [
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
        ("docker.io/ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
        ("index.docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
        ("acme/app:1", "docker.io/acme/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("GHCR.io/acme/app:V1", "ghcr.io/acme/app:V1"),
        ("10.1.2.3:5000/app", "10.1.2.3:5000/app:latest"),
        ("registry.example:65535/app", "registry.example:65535/app:latest"),
        ("public.ecr.aws/docker/library/ruby:3.2", "public.ecr.aws/docker/library/ruby:3.2"),
        ("a_b/c__d/e-f/g---h.i", "docker.io/a_b/c__d/e-f/g---h.i:latest"),
        (&format!("ubuntu@{digest}"), &format!("docker.io/library/ubuntu@{digest}")),
        (&format!("ubuntu:22.04@{digest}"), &format!("docker.io/library/ubuntu@{digest}")),
        (&format!("ubuntu:{}", "x".repeat(128)), &format!("docker.io/library/ubuntu:{}", "x".repeat(128))),
    ] {
        assert_eq!(image(written).normalized(), full);
    }
}

#[test]
fn what_is_wrong_is_said_with_what_is_allowed_and_what_to_do() {
    let cases = [
        "",
        "user:password@registry.example/app",
        "https://ghcr.io/acme/app",
        "ubuntu@sha256:12",
        "ubuntu@sha512:12",
        "ubuntu:",
        "ubuntu:-x",
        "Acme/App",
        "ghcr.io/Acme/app",
        "[::1]:5000/app",
        "fe80::1/app",
        "ghcr.io:65536/app",
        "ghcr.io:0443/app",
        "-ghcr.io/app",
        "169.254.169.254/latest/meta-data",
        "ubuntu;rm -rf",
        "a//b",
        "../etc",
        "$(id)",
        "a\nb",
        "caf\u{e9}",
    ];
    let said: Vec<String> = cases.iter().map(|text| format!("{text:?}: {}", refused(text))).collect();
    assert_eq!(said, include_str!("tests.txt").lines().collect::<Vec<_>>());
    let long = format!("ubuntu:{}", "x".repeat(129));
    assert!(matches!(refused(&long), InvalidImage::Tag(shown) if shown.ends_with("...")));
    assert_eq!(refused(&"a".repeat(201)), InvalidImage::TooLong(201));
    assert_eq!(refused(&"a".repeat(190)), InvalidImage::TooLong(190 + "docker.io/library/:latest".len()));
    assert!(matches!(refused(&format!("{}.io/app", "a".repeat(64))), InvalidImage::Registry(_)));
}

#[test]
fn a_password_is_not_repeated() {
    for text in [
        "user:hunter2@registry.example/app",
        "https://user:hunter2@registry.example/app:1",
        "user:hunter2@registry.example",
        "user:hunt@er2@registry.example:5000/app",
        &format!("user:hunter2@registry.example/app@{}", digest()),
        &format!("user:hunter2@registry.example/{}", "a".repeat(300)),
        "user:hunter2@sha256:5000/app",
    ] {
        let error = refused(text);
        assert_eq!(error, InvalidImage::Credentials, "{text}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn other_algorithms_are_told_from_passwords() {
    for algorithm in ["sha512", "sha384", "md5"] {
        let error = refused(&format!("ubuntu:22.04@{algorithm}:{}", "ab".repeat(64)));
        assert_eq!(error, InvalidImage::Algorithm(algorithm.to_owned()));
    }
    assert_eq!(refused(&format!("ubuntu@{}", digest().to_uppercase())), InvalidImage::Credentials);
    let upper = format!("ubuntu@sha256:{}", "AB".repeat(32));
    assert_eq!(refused(&upper), InvalidImage::Digest { found: 64 });
}

#[test]
fn spellings_of_one_image_are_allowed_alike() {
    for spelling in ["ubuntu:22.04", "docker.io/ubuntu:22.04", "docker.io/library/ubuntu:22.04"] {
        assert!(allowed(spelling, "ubuntu:*"), "{spelling}");
        assert!(allowed(spelling, "docker.io/library/*"), "{spelling}");
        assert!(!allowed(spelling, "ubuntu:24.*"), "{spelling}");
    }
    assert!(allowed("ubuntu", "ubuntu:*") && allowed("ubuntu:latest", "ubuntu"));
    assert!(allowed("GHCR.io/acme/app", "ghcr.io/acme/*"));
    assert!(allowed("docker.io/acme/app:1", "acme/*"));
}

/// An owner at Docker Hub may have a dot in its name.
#[test]
fn an_owner_at_docker_hub_does_not_pass_for_a_registry() {
    assert!(!allowed("docker.io/evil.example/app:1", "evil.example/**"));
    assert!(!allowed("docker.io/localhost/app:1", "localhost/**"));
    assert!(!allowed("docker.io/library/ghcr.io/app:1", "ghcr.io/**"));
}

#[test]
fn the_longest_mirror_that_fits_wins() {
    let mut mirrors = Mirrors::default();
    mirrors.add("docker.io", "123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub").unwrap();
    mirrors.add("docker.io/library", "public.ecr.aws/docker/library").unwrap();
    mirrors.add("GHCR.io/acme", "registry.example:5000").unwrap();
    mirrors.add("quay.io/acme/app", "cache.example/app").unwrap();
    let digest = digest();
    for (written, asked) in [
        ("ubuntu:22.04", "public.ecr.aws/docker/library/ubuntu:22.04"),
        ("acme/app:1", "123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub/acme/app:1"),
        ("ghcr.io/acme/app:1", "registry.example:5000/app:1"),
        ("ghcr.io/acme", "ghcr.io/acme:latest"),
        ("ghcr.io/acmeother/app", "ghcr.io/acmeother/app:latest"),
        ("quay.io/acme/app", "cache.example/app:latest"),
        ("quay.io/acme/application", "quay.io/acme/application:latest"),
        (&format!("ubuntu:1@{digest}"), &format!("public.ecr.aws/docker/library/ubuntu@{digest}")),
    ] {
        assert_eq!(mirrors.apply(&image(written)).to_string(), asked);
    }
    assert_eq!(mirrors.targets().len(), 4);
    assert!(matches!(mirrors.add("index.docker.io", "a.b"), Err(InvalidMirror::Twice(_))));
    for (from, to) in
        [("library", "a.b"), ("a.b", "c"), ("a.b/x:1", "c.d"), ("a.b", "https://c.d"), ("a.b/", "c.d")]
    {
        assert!(mirrors.add(from, to).is_err(), "{from} {to}");
    }
}

/// A well-formed reference in a spelling of its own, and another spelling of the same.
fn spellings() -> impl Strategy<Value = (String, String)> {
    let path = "[a-z0-9]{1,8}((\\.|_|__|-{1,3})[a-z0-9]{1,6})?";
    let tag = prop_oneof![
        Just(String::new()),
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}".prop_map(|tag| format!(":{tag}"))
    ];
    let registry = prop_oneof![Just(None), "[a-z0-9]{1,8}\\.[a-z]{2,5}(:[1-9][0-9]{0,3})?".prop_map(Some),];
    (registry, proptest::collection::vec(path, 1..4), tag, proptest::bool::ANY).prop_map(
        |(registry, parts, tag, pinned)| {
            let path = parts.join("/");
            // An owner with a dot would be read as a registry.
            let path = if registry.is_none() { path.replace('.', "-") } else { path };
            let digest = if pinned { format!("@{}", digest()) } else { String::new() };
            let other_tag = match (pinned, tag.as_str()) {
                (true, _) => ":other".to_owned(),
                (false, "") => ":latest".to_owned(),
                (false, tag) => tag.to_owned(),
            };
            let written = registry.clone().map_or(path.clone(), |registry| format!("{registry}/{path}"));
            let registry = registry.map_or("Docker.IO".to_owned(), |registry| registry.to_uppercase());
            (format!("{written}{tag}{digest}"), format!("{registry}/{path}{other_tag}{digest}"))
        },
    )
}

proptest! {
    #[test]
    fn no_text_panics_and_what_parses_is_safe_to_show(text in "\\PC{0,220}|[a-zA-Z0-9._/:@\\[\\]-]{0,220}") {
        match text.parse::<ImageReference>() {
            Ok(image) => {
                prop_assert_eq!(image.as_str(), &text);
                prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c)));
                prop_assert_eq!(image.normalized().parse::<ImageReference>().unwrap().normalized(), image.normalized());
            }
            Err(error) => {
                let error = error.to_string();
                prop_assert!(error.len() < 300 && error.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{error}");
            }
        }
    }

    #[test]
    fn two_spellings_of_one_image_are_one((one, other) in spellings()) {
        let (one, other) = (image(&one), image(&other));
        prop_assert_eq!(one.normalized(), other.normalized());
        prop_assert_eq!(one.location(), other.location());
        prop_assert_eq!(one.to_string().parse::<ImageReference>().unwrap(), one);
    }

    #[test]
    fn what_differs_when_spelled_out_is_elsewhere((one, _) in spellings(), (other, _) in spellings()) {
        let (one, other) = (image(&one), image(&other));
        prop_assert_eq!(one.normalized() == other.normalized(), one.location() == other.location());
    }
}
