//! When the ledger is away and GitHub is down: known before a world begins, from its seed.

use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::{Dice, Span, millis};

use crate::faults::Faults;

/// There is weather for so long. What comes later is as fair as an end needs.
const HOURS: i64 = 6;
const LEDGER_AWAY: Span = millis(60_000, 180_000);
const GITHUB_DOWN: Span = millis(120_000, 480_000);

type Outages = Vec<(Timestamp, Timestamp)>;

/// From when until when.
pub(super) struct Weather {
    pub(super) ledger: Outages,
    pub(super) github: Outages,
}

impl Weather {
    pub(super) fn of(seed: u64, began: Timestamp, faults: &Faults) -> Self {
        let mut dice = Dice::new(seed ^ 0x5eed_0f3e_a74e_5000);
        let mut outages = |rate: f64, span: &Span| -> Outages {
            let mut outages = Vec::new();
            for minute in 0..HOURS * 60 {
                let (begins, lasts) = (dice.happens(rate / 60.0), dice.between(span));
                let from = began + SignedDuration::from_mins(minute);
                outages.extend(begins.then(|| (from, from + lasts)));
            }
            outages
        };
        Self {
            ledger: outages(faults.ledger_outages, &LEDGER_AWAY),
            github: outages(faults.github_outages, &GITHUB_DOWN),
        }
    }
}
