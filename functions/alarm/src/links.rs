//! Where to read more: pages of `CloudWatch`, and the fleet's own commands.

use fleetfoot_model::ids::TaskId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Where a fleet on AWS is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its region.
    pub region: String,
    /// Its stack.
    pub stack: String,
}

impl Home {
    /// The log of a runner: ECS names a stream after its prefix, its container and the task's id, each of which a
    /// definition of the fleet calls `runner` (`shared/aws/src/fleet/definition.rs`).
    pub(crate) fn log_of_runner(&self, task: &TaskId) -> Option<String> {
        let id = task.as_str().rsplit('/').next()?;
        let partition = task.as_str().split(':').nth(1).unwrap_or("aws");
        let group = format!("/fleetfoot/{}/runners", self.stack);
        let stream = format!("runner/runner/{id}");
        let console = console(partition, &self.region)?;
        Some(format!("{console}{}/log-events/{}", twice(&group), twice(&stream)))
    }

    /// The log of one of the stack's functions, by the name that AWS gave it: `<stack>-JobStateFunction-1A2B3C`.
    pub(crate) fn log_group_of(&self, function: &str) -> Option<String> {
        let (name, _) = function.strip_prefix(&self.stack)?.strip_prefix('-')?.split_once("Function-")?;
        let mut group = format!("/fleetfoot/{}/", self.stack);
        for (at, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && at > 0 {
                group.push('-');
            }
            group.push(letter.to_ascii_lowercase());
        }
        Some(group)
    }

    /// What is added to a command so that it asks this fleet.
    pub(crate) fn option(&self) -> String {
        format!(" --stack {}", self.stack)
    }
}

/// The page of a log group around a time, in milliseconds since 1970.
pub(crate) fn log_group(partition: &str, region: &str, group: &str, from_millis: i64) -> Option<String> {
    let console = console(partition, region)?;
    Some(format!("{console}{}/log-events$3Fstart$3D{from_millis}", twice(group)))
}

/// The page of an alarm, as `CloudWatch`'s e-mails link it.
pub(crate) fn alarm(partition: &str, region: &str, name: &str) -> Option<String> {
    let host = host(partition, region)?;
    let name = utf8_percent_encode(name, SPECIAL);
    Some(format!("https://{host}/cloudwatch/deeplink.js?region={region}#alarmsV2:alarm/{name}"))
}

fn console(partition: &str, region: &str) -> Option<String> {
    let host = host(partition, region)?;
    Some(format!("https://{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"))
}

/// The console reads the part after `#` twice, and wants `$` for the `%` of the outer time.
fn twice(text: &str) -> String {
    let once = utf8_percent_encode(text, SPECIAL).to_string();
    utf8_percent_encode(&once, SPECIAL).to_string().replace('%', "$")
}

fn host(partition: &str, region: &str) -> Option<String> {
    let domain = match partition {
        "aws" => "console.aws.amazon.com",
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => return None,
    };
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_region = !region.is_empty() && region.len() <= 30 && region.chars().all(legal);
    is_region.then(|| format!("{region}.{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Home {
        Home { region: "eu-central-1".to_owned(), stack: "ff".to_owned() }
    }

    #[test]
    fn a_runners_log_is_a_stream_of_the_groups_own() {
        let task = "arn:aws:ecs:eu-central-1:123456789012:task/ff-Cluster-1/0f9de17a6465404e8b1b2356dc13c2f8";
        assert_eq!(
            home().log_of_runner(&task.parse().unwrap()).unwrap(),
            "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups/\
             log-group/$252Ffleetfoot$252Fff$252Frunners/log-events/\
             runner$252Frunner$252F0f9de17a6465404e8b1b2356dc13c2f8"
        );
    }

    #[test]
    fn a_function_of_the_stack_has_a_group_of_its_own() {
        let group = |name| home().log_group_of(name);
        assert_eq!(group("ff-JobStateFunction-1A2B").as_deref(), Some("/fleetfoot/ff/job-state"));
        assert_eq!(group("ff-LaunchFunction-X").as_deref(), Some("/fleetfoot/ff/launch"));
        assert_eq!(group("other-LaunchFunction-X"), None);
        assert_eq!(group("ff"), None);
    }

    #[test]
    fn what_is_no_region_leads_nowhere() {
        assert_eq!(alarm("aws", "evil.example/", "x"), None);
        assert_eq!(log_group("aws-iso", "us-iso-east-1", "x", 0), None);
    }
}
