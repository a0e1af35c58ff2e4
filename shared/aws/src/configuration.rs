//! The fleet's configuration, kept in a parameter.
