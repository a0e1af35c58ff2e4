//! Loads.
use super::{Config, ConfigError};

/// Loads.
pub fn load(_file: &str, _text: &str) -> Result<Config, ConfigError> {
    unimplemented!()
}
