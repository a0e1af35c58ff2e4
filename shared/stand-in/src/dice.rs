//! Seeded chance. The same seed and the same calls give the same answers, on every machine.

use std::ops::RangeInclusive;

use chacha20::ChaCha8Rng;
use fleetfoot_model::SignedDuration;
use rand::{Rng, RngExt, SeedableRng};

/// How long something takes: drawn evenly between the least and the most, in whole milliseconds.
pub type Span = RangeInclusive<SignedDuration>;

/// A span in milliseconds.
pub const fn millis(least: i64, most: i64) -> Span {
    SignedDuration::from_millis(least)..=SignedDuration::from_millis(most)
}

/// A seeded source of chance.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Dice that fall as this seed says.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whether something of this rate happens. Draws even if the rate is 0, so that one fault's rate does not change
    /// what else happens.
    pub fn happens(&mut self, rate: f64) -> bool {
        self.0.random::<f64>() < rate
    }

    /// A time within a span.
    pub fn between(&mut self, span: &Span) -> SignedDuration {
        let (least, most) = (span.start().as_millis(), span.end().as_millis());
        let drawn = self.0.random_range(least..=most.max(least));
        SignedDuration::from_millis(i64::try_from(drawn).unwrap_or(i64::MAX))
    }

    /// A number below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A random UUID.
    pub fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (dice.uuid(), dice.between(&millis(0, 100_000)), dice.below(1000), dice.number())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn rates_are_kept() {
        let mut dice = Dice::new(1);
        assert!((0..1000).all(|_| !dice.happens(0.0)));
        assert!((0..1000).all(|_| dice.happens(1.0)));
        let happened = (0..1000).filter(|_| dice.happens(0.3)).count();
        assert!((250..350).contains(&happened), "{happened}");
    }
}
