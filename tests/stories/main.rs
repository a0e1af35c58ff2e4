//! Stories over the whole system in virtual time: something happens, the world settles, the story looks.
//! "lesson N" is a line of `docs/lessons.md`.

mod budget;
mod capacity;
mod checks;
mod costs;
mod images;
mod journey;
mod labels;
mod notices;
mod pace;
mod pools;
mod repair;
mod reruns;
mod secrets;
mod status;
mod taken;
mod tasks;
mod traces;
mod weather;
mod webhooks;
