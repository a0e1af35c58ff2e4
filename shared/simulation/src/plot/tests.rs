use super::*;

/// A burst of jobs: all wait at first, launches come at a steady pace, then all run and end.
fn burst(jobs: u64) -> Timeline {
    let buckets = (0..200_u64).map(|n| {
        let launched = (n * 20).min(jobs);
        let registered = (n.saturating_sub(4) * 3).min(launched);
        let ended = n.saturating_sub(60) * 3;
        let live = launched.saturating_sub(ended.min(launched));
        let busy = registered.saturating_sub(ended).min(live);
        let is_launching = n > 0 && n * 20 <= jobs;
        Bucket {
            queued: jobs.saturating_sub(registered),
            starting: live - busy,
            idle: u64::from(busy > 3) * 3,
            busy,
            launched: u64::from(is_launching) * 20,
            registered: u64::from(n > 4 && registered < jobs) * 3,
        }
    });
    Timeline { bucket: SignedDuration::from_secs(1), buckets: buckets.collect() }
}

fn limit(name: &str, of: Limited, value: f64) -> Limit {
    Limit { name: name.to_owned(), of, value }
}

fn picture(timeline: Timeline, limits: &[Limit]) -> String {
    let title = "fleetfoot simulate --jobs 400 --set 'a<b & c'".to_owned();
    Picture { title, timeline, limits: limits.to_vec() }.to_string()
}

#[test]
fn it_shows_queue_runners_and_limits_with_their_names() {
    let drawn = picture(
        burst(400),
        &[
            limit("[limits] runners", Limited::Runners, 350.0),
            limit("Fargate's on-demand vCPU quota", Limited::Runners, 4000.0),
            limit("RunTask", Limited::Pace, 1200.0),
            limit("GitHub's points a minute", Limited::Pace, 180.0),
        ],
    );
    for shown in [
        ">Jobs<",
        ">Runners<",
        ">Runners a minute<",
        ">queued<",
        ">busy<",
        ">idle<",
        ">starting<",
        ">launched<",
        ">registered<",
        ">350<",
        ">[limits] runners<",
        ">4,000, far above<",
        ">Fargate's on-demand vCPU quota<",
        ">180<",
        ">GitHub's points a minute<",
        ">1,200, far above<",
        ">RunTask<",
        ">90 s<",
        ">time since the beginning<",
        "prefers-color-scheme:dark",
        "fleetfoot simulate --jobs 400 --set 'a&lt;b &amp; c'",
    ] {
        assert!(drawn.contains(shown), "{shown} is not in {drawn}");
    }
    assert_eq!(drawn.matches(r#"<path class="limit""#).count(), 2);
}

/// Every `x`, `y` and point of a path, by the axis that it is on.
fn coordinates(drawn: &str) -> Vec<(char, f64)> {
    let mut found = Vec::new();
    for (axis, opening) in [('H', " x=\""), ('V', " y=\""), (' ', " d=\"")] {
        for piece in drawn.split(opening).skip(1) {
            let value = piece.split('"').next().unwrap_or_default();
            if axis != ' ' {
                found.push((axis, value.parse().unwrap_or_else(|_| panic!("{opening}{value}"))));
                continue;
            }
            let spaced = value.replace(['M', 'H'], " H").replace('V', " V").replace('Z', "");
            for word in spaced.split_whitespace() {
                let (axis, number) = match word.chars().next() {
                    Some(axis @ ('H' | 'V')) => (axis, &word[1..]),
                    _ => ('V', word),
                };
                found.push((axis, number.parse().unwrap_or_else(|_| panic!("{word} in {value}"))));
            }
        }
    }
    found
}

#[test]
fn everything_is_inside_whatever_happened() {
    let second = SignedDuration::from_secs(1);
    let empty = Timeline { bucket: second, buckets: vec![] };
    let quiet = Timeline { bucket: second, buckets: vec![Bucket::default(); 3] };
    let most = u64::from(u32::MAX);
    let huge = Bucket { queued: most, busy: most, launched: most, ..Bucket::default() };
    let odd = Timeline { bucket: SignedDuration::ZERO, buckets: vec![huge, Bucket::default()] };
    let long = Timeline { bucket: SignedDuration::from_mins(10), buckets: vec![huge; 50_001] };
    for timeline in [empty, quiet, odd, burst(400), burst(10_000), long] {
        let drawn =
            picture(timeline, &[limit("nothing", Limited::Runners, 0.0), limit("much", Limited::Pace, 1e12)]);
        let height: f64 =
            drawn.split("viewBox=\"0 0 1000 ").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        let coordinates = coordinates(&drawn);
        assert!(coordinates.len() > 20, "{drawn}");
        for (axis, value) in coordinates {
            let most = if axis == 'H' { WIDTH } else { height };
            assert!((0.0..=most).contains(&value), "{axis}{value}");
        }
        assert!(drawn.len() < 100_000, "{}", drawn.len());
    }
}

#[test]
fn names_of_limits_do_not_lie_upon_each_other_and_stay_beside_their_panel() {
    for values in [[0.0, 0.0, 1.0, 1.0, 2.0, 3.0], [100.0, 101.0, 102.0, 400.0, 401.0, 9e9]] {
        let limits = values.map(|value| limit("a limit", Limited::Runners, value));
        let drawn = picture(burst(400), &limits);
        let y = |line: &str| -> f64 {
            line.split(" y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let names: Vec<f64> = drawn.lines().filter(|line| line.contains("class=\"name\"")).map(y).collect();
        assert_eq!(names.len(), 10, "the five lowest, each in two lines");
        assert!(names.windows(2).all(|pair| pair[1] - pair[0] >= 13.9), "{names:?}");
        let heading = |name| drawn.lines().find(|line| line.contains(name)).map(y).unwrap();
        assert!(names[0] > heading(">Runners<") && names[9] < heading(">Runners a minute<"), "{names:?}");
    }
}

#[test]
fn wider_buckets_keep_counts_and_the_last_level() {
    let bucket = |queued, launched| Bucket { queued, launched, ..Bucket::default() };
    let mut timeline = Timeline {
        bucket: SignedDuration::from_secs(1),
        buckets: vec![bucket(5, 1), bucket(3, 2), bucket(1, 4)],
    };
    timeline.widen();
    let expected =
        Timeline { bucket: SignedDuration::from_secs(2), buckets: vec![bucket(3, 3), bucket(1, 4)] };
    assert_eq!(timeline, expected);
}

#[test]
fn paces_are_taken_over_a_minute_or_more() {
    let bucket = Bucket { launched: 7, ..Bucket::default() };
    for (seconds, together, expected) in [(7, 63.0, vec![60.0, 60.0]), (90, 90.0, vec![14.0 / 3.0; 18])] {
        let timeline = Timeline { bucket: SignedDuration::from_secs(seconds), buckets: vec![bucket; 18] };
        let pace = timeline.pace("launched", |it| it.launched);
        assert!((pace.seconds - together).abs() < 1e-9, "{}", pace.seconds);
        let is_near = |(one, other): (&f64, &f64)| (one - other).abs() < 1e-9;
        assert!(pace.values.len() == expected.len() && pace.values.iter().zip(&expected).all(is_near));
    }
    let timeline = Timeline { bucket: SignedDuration::from_mins(1), buckets: vec![bucket; 600] };
    assert_eq!(timeline.pace("launched", |it| it.launched).values.len(), MOST_STEPS);
}

#[test]
fn without_counts_of_launches_there_is_no_panel_for_them() {
    let bucket = Bucket { queued: 4, starting: 3, idle: 2, busy: 1, ..Bucket::default() };
    let timeline = Timeline { bucket: SignedDuration::from_secs(2), buckets: vec![bucket; 5] };
    let drawn = picture(timeline, &[]);
    assert!(drawn.contains(">Runners<") && drawn.contains(">10 s<") && !drawn.contains(">Runners a minute<"));
}

#[test]
fn a_long_title_is_wrapped_and_what_xml_cannot_say_is_replaced() {
    let title = format!("fleetfoot simulate \u{1b}[31m --config {} {}", "x".repeat(300), "word ".repeat(200));
    let lines = wrapped(&title);
    assert!(lines.len() == 3 && lines.iter().all(|line| line.chars().count() <= 116), "{lines:?}");
    let drawn = Picture { title, timeline: burst(3), limits: vec![] }.to_string();
    assert!(!drawn.contains('\u{1b}') && drawn.contains("\u{fffd}[31m"));
}
