//! Everything that AWS provides, on one machine: bus, ledger, fleet, images, secrets.

pub mod clock;
pub mod database;
pub mod images;
pub mod ledger;
pub mod secrets;
pub mod slack;
