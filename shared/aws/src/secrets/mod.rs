//! Secrets of the Systems Manager and the Secrets Manager.
