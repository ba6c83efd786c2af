//! From labelled history to a validated model.
//!
//! `fault`     what went wrong, where, and what to do       `progress`  how far a stage is; who is told decides what to draw
//! `dataset`   ticks into rows of features and labels        `train`     rows into models
//! `split`    purged, combinatorial and walk-forward splits  `uniqueness`  how much of a label is its own
//! `nulls`    entries without skill, to be beaten            `verdict`     every pass mark, and what follows
//! `validate` is a training worth anything              `tune`        which parameters
//! `ledger`   every trial, counted where it cannot be lost   `lockbox`     the period that is looked at once

pub mod dataset;
pub mod fault;
pub mod ledger;
pub mod lockbox;
pub mod nulls;
pub mod progress;
pub mod split;
pub mod train;
pub mod tune;
pub mod uniqueness;
pub mod validate;
pub mod verdict;
