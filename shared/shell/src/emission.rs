//! From facts to what is published of them.

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::Fact;
use fleetfoot_model::http::Request;
use fleetfoot_model::notice::Notice;
use uuid::Uuid;

/// What is to be published: facts, and what people should hear of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Emission {
    /// For the fleet's bus.
    pub facts: Vec<Envelope>,
    /// For the topic.
    pub notices: Vec<String>,
}

impl Emission {
    /// The facts that one cause led to, with the notices of those that a person should hear of.
    ///
    /// # Panics
    /// Never: a notice is a plain structure.
    pub fn of(facts: &[Fact], causation_id: &str, now: Timestamp) -> Self {
        let envelopes = facts.iter().enumerate().map(|(n, fact)| Envelope::of(fact, causation_id, n, now));
        let envelopes: Vec<Envelope> = envelopes.collect();
        let notices = facts.iter().zip(&envelopes).filter_map(|(fact, envelope)| {
            Notice::of(fact).map(|notice| Notice { id: Some(envelope.id.clone()), ..notice })
        });
        let notices = notices
            .map(|notice| serde_json::to_string(&notice).expect("a notice is a plain structure"))
            .collect();
        Self { facts: envelopes, notices }
    }

    /// Adds another's.
    pub fn extend(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.notices.extend(other.notices);
    }
}

/// What facts of a request name as their cause: GitHub's GUID of the delivery, which stays the same when it is delivered
/// again; or a name of its own.
pub fn causation_id(request: &Request, now: Timestamp) -> String {
    let guid = request.header("x-github-delivery").filter(|guid| {
        (1..=64).contains(&guid.len()) && guid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    });
    guid.map_or_else(
        || {
            let name = format!("{} {} {now}", request.method, request.path);
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
        },
        str::to_owned,
    )
}
