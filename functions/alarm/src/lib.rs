//! Renders alarms and notices as Slack messages.
