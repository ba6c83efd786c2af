//! From labelled history to a validated model.
//!
//! `split`    purged, combinatorial and walk-forward splits  `uniqueness`  how much of a label is its own
//! `nulls`    entries without skill, to be beaten            `verdict`     every pass mark, and what follows
//! `ledger`   every trial, counted where it cannot be lost   `lockbox`     the period that is looked at once

pub mod ledger;
pub mod lockbox;
pub mod nulls;
pub mod split;
pub mod uniqueness;
pub mod verdict;
