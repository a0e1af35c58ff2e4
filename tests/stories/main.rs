//! Stories over the whole system in virtual time: something happens, the world settles, the story looks.
//! "lesson N" is a line of `docs/lessons.md`.

mod journey;
mod weather;
