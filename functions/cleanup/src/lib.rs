//! Looks at the whole state, whatever woke it, and repairs what is stuck, lost or left over.
