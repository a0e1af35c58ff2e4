//! The Lambda shell: from an invocation to a function and back.
