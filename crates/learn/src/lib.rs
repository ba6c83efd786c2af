//! From labelled history to a validated model.
//!
//! `fault`     what went wrong, where, and what to do       `progress`  how far a stage is; who is told decides what to draw
//! `dataset`   ticks into rows of features and labels        `train`     rows into models

pub mod dataset;
pub mod fault;
pub mod progress;
pub mod train;
