//! The GitHub port over octocrab.
