//! The honest report.
