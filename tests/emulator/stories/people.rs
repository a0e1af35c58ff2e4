//! What people are told.

use crate::harness::System;

/// An alarm goes off and is over again.
pub(crate) async fn an_alarm_reaches_slack(system: &System) {
    let alarm = system.stack.all_of("AWS::CloudWatch::Alarm").next().expect("the template has alarms");
    system.aws.set_alarm(alarm, "ALARM", "the suite says so").await;
    system.slack.told(&[alarm, "the suite says so"]).await;
    system.aws.set_alarm(alarm, "OK", "the suite has ended it").await;
    system.slack.told(&[alarm, "the suite has ended it"]).await;
}
