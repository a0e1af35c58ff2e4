//! Follows which runner really runs which job.
