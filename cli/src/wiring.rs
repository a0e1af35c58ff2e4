//! The wiring that this binary was built with.

use std::collections::BTreeMap;

use fleetfoot_local::bus::{Bus, Pace};
use fleetfoot_local::database::Database;
use fleetfoot_local::template::Wiring;
use fleetfoot_model::ids::FleetName;

use crate::failure::{Failure, OrFail};
use crate::remedy::REPORT;

/// The template, as it is deployed.
pub(crate) const TEMPLATE: &str = include_str!("../../template.yaml");

/// Who is woken by what, for a fleet of this name.
pub(crate) fn wiring(fleet: &FleetName) -> Result<Wiring, Failure> {
    let parameters = BTreeMap::from([("FleetName".to_owned(), fleet.to_string())]);
    let wiring = Wiring::read(TEMPLATE, &parameters);
    wiring.or_fail("the template in this binary is not understood").map_err(|failure| failure.hint(REPORT))
}

/// The bus of a fleet that is there, to publish to and to look at. Whoever runs the fleet takes from it.
pub(crate) fn bus(fleet: &FleetName, database: Database) -> Result<Bus, Failure> {
    // The pace is that of whoever takes.
    Bus::in_database(wiring(fleet)?.into(), Pace::Aws, database).or_fail("the fleet's bus cannot be opened")
}
