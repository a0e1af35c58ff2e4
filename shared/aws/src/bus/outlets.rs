//! `EventBridge` and SNS as places where things are sent a few at a time.

use async_trait::async_trait;
use aws_sdk_eventbridge::config::http::HttpResponse;
use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use aws_sdk_sns::types::{BatchResultErrorEntry, PublishBatchRequestEntry};
use fleetfoot_model::envelope::Envelope;

use super::Reason;
use super::batch::Outlet;
use crate::classify::{Verdict, classify, verdict_of};

/// An event bus.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) client: aws_sdk_eventbridge::Client,
    pub(super) name: String,
}

/// A topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) client: aws_sdk_sns::Client,
    pub(super) arn: String,
}

#[async_trait]
impl Outlet for Bus {
    type Item = Envelope;

    /// "The total entry size must be less than 1MB" (`PutEvents` in the service model of 2026; 256 KB before).
    const LIMIT: usize = 1_000_000;

    /// As in the `EventBridge` user guide, "Calculating `PutEvents` event entry size": 14 bytes for the time, and the
    /// text of source, detail-type and detail.
    fn size(event: &Envelope) -> usize {
        14 + event.source.len() + event.detail_type.len() + event.detail.to_string().len()
    }

    async fn send(&self, events: &[&Envelope]) -> Result<Vec<(usize, Reason)>, Reason> {
        let entries = events.iter().map(|event| self.entry(event)).collect();
        // What is tried again, and when, is decided for single events, so the client does not do so for requests.
        let once = aws_sdk_eventbridge::config::Builder::new().retry_config(RetryConfig::disabled());
        let request = self.client.put_events().set_entries(Some(entries)).customize().config_override(once);
        let answer = request.send().await.map_err(|error| reason_of(&error))?;
        let results = answer.entries();
        if answer.failed_entry_count() == 0 {
            return Ok(Vec::new());
        }
        // An entry without an id was not taken, and nor was one that is not answered.
        let missing =
            (0..events.len()).filter(|&place| results.get(place).is_none_or(|it| it.event_id.is_none()));
        Ok(missing.map(|place| (place, refusal(results.get(place)))).collect())
    }
}

impl Bus {
    fn entry(&self, event: &Envelope) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(&event.source)
            .detail_type(&event.detail_type)
            .detail(event.detail.to_string())
            .time(DateTime::from_secs(event.time.as_second()))
            .build()
    }
}

fn refusal(result: Option<&PutEventsResultEntry>) -> Reason {
    let code = result.and_then(PutEventsResultEntry::error_code);
    entry_reason(code, result.and_then(PutEventsResultEntry::error_message))
}

#[async_trait]
impl Outlet for Topic {
    type Item = String;

    /// 256 KiB for all messages of a request, unless the topic says otherwise (`PublishBatch` in the service model).
    const LIMIT: usize = 262_144 + 1;

    fn size(notice: &String) -> usize {
        notice.len()
    }

    async fn send(&self, notices: &[&String]) -> Result<Vec<(usize, Reason)>, Reason> {
        let entries: Result<Vec<_>, _> = notices.iter().enumerate().map(message).collect();
        let entries = entries.map_err(|error| Reason::Impossible(error.to_string()))?;
        let once = aws_sdk_sns::config::Builder::new().retry_config(RetryConfig::disabled());
        let request = self.client.publish_batch().topic_arn(&self.arn);
        let request =
            request.set_publish_batch_request_entries(Some(entries)).customize().config_override(once);
        let answer = request.send().await.map_err(|error| reason_of(&error))?;
        Ok(answer.failed().iter().filter_map(undelivered).collect())
    }
}

/// A message whose id is its place in the request.
fn message(
    (place, text): (usize, &&String),
) -> Result<PublishBatchRequestEntry, aws_sdk_sns::error::BuildError> {
    PublishBatchRequestEntry::builder().id(place.to_string()).message(*text).build()
}

fn undelivered(failed: &BatchResultErrorEntry) -> Option<(usize, Reason)> {
    Some((failed.id().parse().ok()?, entry_reason(Some(failed.code()), failed.message())))
}

/// Why a request was not taken.
fn reason_of<E>(error: &SdkError<E, HttpResponse>) -> Reason
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let fault = classify(error);
    match fault.verdict {
        Verdict::Never => Reason::Refused(fault.text),
        _ => Reason::Unavailable(fault.text),
    }
}

/// Why one entry of a request was not taken. The names are those of `PutEventsResultEntry` and of SNS's common errors.
fn entry_reason(code: Option<&str>, message: Option<&str>) -> Reason {
    let code = code.unwrap_or("no reason given");
    let text = message.map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
    match code {
        "InvalidArgument" | "InvalidParameter" | "InvalidParameterValue" | "MalformedDetail" => {
            Reason::Impossible(text)
        }
        "InvalidAccountIdException"
        | "NotAuthorizedForDetailTypeException"
        | "NotAuthorizedForSourceException"
        | "RedactionFailure" => Reason::Refused(text),
        _ if verdict_of(code) == Verdict::Never => Reason::Refused(text),
        _ => Reason::Unavailable(text),
    }
}
