//! From labelled history to a validated model.
