//! Rows into models. Everything is seeded: the same rows and spec give the same bytes, on any number of threads.
//!
//! `bins`     columns of numbers as bytes                    `histogram` sums by bin, exact on any order of adding
//! `trees`    a boosted forest as plain numbers, and as      `grow`      one tree, leaf by leaf
//!            `LightGBM`'s text                              `boost`     many trees, until the held-out loss stops falling
//! `folds`    what may learn from what                       `metrics`   how good probabilities are
//! `calibrate` what a score is worth, out of fold            `conformal` how wide a probability must be taken
//! `logistic` the desk's own logistic regression, warm       `gru`       a small recurrent net
//! `meta`     is the chosen side worth its costs             `stages`    what is finished is not done again
//! `pipeline` all of it, in order                            `model`     the trees as a desk seats them
//! `adopt`    a model that was trained elsewhere

pub mod adopt;
pub mod bins;
pub mod boost;
pub mod calibrate;
pub mod conformal;
pub mod folds;
mod grow;
pub mod gru;
mod histogram;
pub mod logistic;
pub mod meta;
pub mod metrics;
pub mod model;
pub mod pipeline;
pub mod stages;
pub mod trees;
