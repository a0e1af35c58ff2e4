//! Round marks for axes, and how they are called.

/// The most marks on an axis of time.
const TIMES: f64 = 9.0;
/// The most marks on an axis of numbers.
const NUMBERS: f64 = 5.0;
/// More than any number of runners has.
const MOST_ZEROS: i32 = 30;
/// Seconds between two marks that a person can read off a clock.
const ROUND_SECONDS: [f64; 19] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0,
    21_600.0, 43_200.0, 86_400.0, 172_800.0,
];
const WEEK: f64 = 604_800.0;

/// The distance between the marks of an axis from 0 to `most`: 1, 2 or 5, perhaps with zeros, and a whole number.
pub(super) fn round_step(most: f64) -> f64 {
    let powers = (0..=MOST_ZEROS).map(|zeros| 10_f64.powi(zeros));
    let steps = powers.flat_map(|power| [power, 2.0 * power, 5.0 * power]);
    steps.into_iter().find(|step| most / step <= NUMBERS).unwrap_or(most)
}

/// Seconds between the marks of an axis of so many seconds.
pub(super) fn time_step(seconds: f64) -> f64 {
    let round = ROUND_SECONDS.into_iter().find(|step| seconds / step <= TIMES);
    round.unwrap_or_else(|| round_step(seconds / WEEK) * WEEK)
}

/// From 0 to `end`, both included.
pub(super) fn marks(step: f64, end: f64) -> impl Iterator<Item = f64> {
    (0_u32..).map(move |n| f64::from(n) * step).take_while(move |mark| *mark <= end * (1.0 + 1e-9))
}

/// A mark of time, in the largest unit of which the step is a whole number.
pub(super) fn time(seconds: f64, step: f64) -> String {
    let (length, unit) = match step {
        it if it < 60.0 => (1.0, "s"),
        it if it < 3600.0 => (60.0, "min"),
        it if it < 86_400.0 => (3600.0, "h"),
        _ => (86_400.0, "d"),
    };
    if seconds == 0.0 { "0".to_owned() } else { format!("{} {unit}", number(seconds / length)) }
}

/// A whole number of 0 or more with commas: `10,000`.
pub(super) fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        for (most, step) in
            [(0.0, 1.0), (1.0, 1.0), (5.0, 1.0), (6.0, 2.0), (12.0, 5.0), (180.0, 50.0), (1e6, 200_000.0)]
        {
            assert!((round_step(most) - step).abs() < 1e-9, "{most}: {}", round_step(most));
        }
        for (seconds, step) in
            [(1.0, 1.0), (60.0, 10.0), (3320.0, 600.0), (86_400.0, 10_800.0), (1e8, 50.0 * WEEK)]
        {
            assert!((time_step(seconds) - step).abs() < 1e-9, "{seconds}: {}", time_step(seconds));
        }
        assert_eq!(marks(2.0, 6.0).collect::<Vec<_>>(), [0.0, 2.0, 4.0, 6.0]);
    }

    #[test]
    fn marks_are_named_with_their_units() {
        let named =
            [(0.0, 60.0), (30.0, 15.0), (5400.0, 600.0), (5400.0 * 2.0, 3600.0), (86_400.0, 86_400.0)];
        assert_eq!(named.map(|(seconds, step)| time(seconds, step)), ["0", "30 s", "90 min", "3 h", "1 d"]);
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.0].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
