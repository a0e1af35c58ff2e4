//! Everything that AWS provides, on one machine: bus, ledger, fleet, images, secrets.

pub mod assembly;
pub mod bus;
pub mod database;
pub mod fleet;
pub mod functions;
pub mod http;
pub mod images;
pub mod ledger;
pub mod registry;
pub mod runtime;
pub mod secrets;
pub mod template;
mod traced;
