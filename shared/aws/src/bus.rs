//! The bus and the topic: what is published.
