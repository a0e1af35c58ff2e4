//! Everything that AWS provides, on one machine: bus, ledger, fleet, images, secrets.
