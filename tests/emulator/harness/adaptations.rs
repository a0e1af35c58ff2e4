//! Where the emulated deployment differs from a real one, each with its reason. Printed with every run.

/// A difference and its reason.
pub(crate) struct Difference {
    /// What differs.
    pub(crate) what: &'static str,
    /// Why.
    pub(crate) why: &'static str,
}

/// What `sam build` and `sam deploy` are told, and nothing else is changed: the template is the one that users deploy.
pub(crate) const PARAMETERS: [&str; 2] = ["Architecture=x86_64", "ArchiveDays=0"];

/// What is done in another way than on AWS.
const ADAPTED: [Difference; 6] = [
    Difference {
        what: "the archive of the bus is left out by `ArchiveDays=0`, a parameter of the template, and made by the suite",
        why: "the emulator refuses an archive in a template",
    },
    Difference {
        what: "functions are built for x86-64, by `Architecture=x86_64`, a parameter of the template",
        why: "the emulator runs them as processes of this machine",
    },
    Difference {
        what: "ECS, CodeBuild and ECR are a stand-in behind AWS_ENDPOINT_URL_ECS, _CODEBUILD and _ECR",
        why: "the emulator's tasks run for ever and its builds have succeeded at once; neither tells of it",
    },
    Difference {
        what: "events of ECS and CodeBuild are handed to the targets of the rules that they match by the suite",
        why: "the emulator refuses sources that begin with `aws.`, as AWS does",
    },
    Difference {
        what: "between a rule of the fleet's bus and its function stands a queue, which the suite empties by asynchronous invocations",
        why: "the emulator calls a rule's function once, without retries and failure destinations",
    },
    Difference {
        what: "GitHub, Slack and the runners are stand-ins; the agents are the real ones, as processes",
        why: "nothing leaves this machine",
    },
];

/// What this suite does not show.
const NOT_SHOWN: [Difference; 6] = [
    Difference {
        what: "that the roles allow what the functions do, and nothing else",
        why: "the emulator does not enforce permissions; a test of the template compares policies with calls",
    },
    Difference {
        what: "retry policies and dead-letter queues of rules and of the topic's subscription",
        why: "the emulator has none",
    },
    Difference { what: "rows that end by their time to live", why: "the emulator keeps them for ever" },
    Difference { what: "throttling of the HTTP API and its access log", why: "the emulator has neither" },
    Difference {
        what: "networks, security groups and log drivers of tasks; the build of an image",
        why: "tasks and builds are stood in for",
    },
    Difference {
        what: "latencies",
        why: "the emulator looks for a warm function's answer ten times a second",
    },
];

/// The list, for people.
pub(crate) fn list() -> String {
    let mut text = String::from("The emulated deployment differs from a real one:\n");
    for it in &ADAPTED {
        text.extend(["  - ", it.what, ": ", it.why, "\n"]);
    }
    text += "It does not show:\n";
    for it in &NOT_SHOWN {
        text.extend(["  - ", it.what, ": ", it.why, "\n"]);
    }
    text
}
