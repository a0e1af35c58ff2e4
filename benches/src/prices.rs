//! List prices of us-east-1 in US dollars, without volume discounts and allowances.

/// When the price pages of the services named were looked at.
pub(crate) const PRICES_OF: &str = "2026-03";

const MILLION: f64 = 1e6;
const GB: f64 = 1e9;

/// Lambda, an invocation.
pub(crate) const INVOCATION: f64 = 0.20 / MILLION;
/// Lambda on arm64, a GB-second.
pub(crate) const GB_SECOND: f64 = 0.000_013_333_4;
/// API Gateway, a request to an HTTP API.
pub(crate) const API_REQUEST: f64 = 1.00 / MILLION;
/// `EventBridge`, an event of ours of up to 64 KB. Events of AWS and schedules cost nothing.
pub(crate) const EVENT: f64 = 1.00 / MILLION;
/// `EventBridge`, a byte into the archive.
pub(crate) const ARCHIVED_BYTE: f64 = 0.10 / GB;
/// SQS, a request to a standard queue.
pub(crate) const QUEUE_REQUEST: f64 = 0.40 / MILLION;
/// DynamoDB on demand, a write unit.
pub(crate) const WRITE_UNIT: f64 = 0.625 / MILLION;
/// DynamoDB on demand, a read unit.
pub(crate) const READ_UNIT: f64 = 0.125 / MILLION;
/// CloudWatch, a byte into a log.
pub(crate) const LOGGED_BYTE: f64 = 0.50 / GB;
/// CloudWatch, an alarm a month.
pub(crate) const ALARM: f64 = 0.10;
/// CloudWatch, a metric of ours a month.
pub(crate) const METRIC: f64 = 0.30;
/// CloudWatch, a dashboard a month.
pub(crate) const DASHBOARD: f64 = 3.00;

/// What every account has for nothing, every month and without an end.
pub(crate) mod allowance {
    pub(crate) const ALARMS: f64 = 10.0;
    pub(crate) const METRICS: f64 = 10.0;
    pub(crate) const DASHBOARDS: f64 = 3.0;
    pub(crate) const INVOCATIONS: f64 = 1e6;
    pub(crate) const GB_SECONDS: f64 = 400_000.0;
    pub(crate) const QUEUE_REQUESTS: f64 = 1e6;
    pub(crate) const LOGGED_BYTES: f64 = 5e9;
}

/// What is not measured here: how long AWS and GitHub let a function wait, in milliseconds. Typical of what is reported
/// for functions in the same region; it is billed as memory times time.
const WAITS: [(&str, f64); 9] = [
    ("DynamoDB.GetItem", 4.0),
    ("DynamoDB.Query", 5.0),
    ("DynamoDB.PutItem", 6.0),
    ("DynamoDB.TransactWriteItems", 12.0),
    ("EventBridge.PutEvents", 15.0),
    ("SSM.GetParameter", 15.0),
    ("ECS.RunTask", 700.0),
    ("ECS.ListTasks", 60.0),
    ("GitHub", 300.0),
];

/// How long a call is waited for, in milliseconds.
pub(crate) fn wait_millis(call: &str) -> f64 {
    WAITS.iter().find(|(name, _)| *name == call).map_or(10.0, |(_, millis)| *millis)
}
