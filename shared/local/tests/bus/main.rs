//! The bus of one machine, wired by the real template: what goes where, what comes again, and what survives.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod functions;
mod invocations;
mod letters;
mod queue;
mod restart;
mod routing;
mod runtime;
mod schedules;
mod support;
