//! Secrets where none may be: in rows, events and messages.

use std::collections::HashSet;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ledger::Stored;
use serde::Serialize;

use super::Found;
use crate::ports::WEBHOOK_SECRET;
use crate::watch::{Happening, Watch};

/// Nothing legal is as long as this without a space or a sign between; a JIT configuration has thousands.
const LONGEST_WORD: usize = 120;
/// A ticket has as many characters.
const TICKET: usize = 64;

#[derive(Default)]
pub(super) struct Secrets {
    pub(super) found: Found,
    tickets: HashSet<String>,
}

impl Secrets {
    fn look_at(&mut self, now: Timestamp, where_it_is: &str, text: &str) {
        if text.contains(WEBHOOK_SECRET) {
            self.found.add("no-secrets", now, format!("the webhook's secret is in {where_it_is}"));
        }
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))) {
            if word.len() >= LONGEST_WORD {
                self.found.add("no-secrets", now, format!("a JIT configuration may be in {where_it_is}"));
            }
            if word.len() == TICKET && self.tickets.contains(word) {
                self.found.add("no-secrets", now, format!("a ticket is in {where_it_is}"));
            }
        }
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Watch for Secrets {
    fn happened(&mut self, now: Timestamp, what: &Happening<'_>) {
        match what {
            Happening::Written(rows) => {
                for Stored { value, .. } in *rows {
                    self.look_at(now, &format!("row {}", value.key()), &text(value));
                }
            }
            Happening::Published(event) => {
                let envelope = &*event.envelope;
                self.look_at(now, &format!("event {}", envelope.detail_type), &text(envelope));
            }
            Happening::Messaged(message) => self.look_at(now, "a message", message),
            Happening::TicketDrawn(ticket) => {
                self.tickets.insert(ticket.expose().to_owned());
            }
            _ => {}
        }
    }
}
