//! The honest report: what a run was worth, with everything that is needed to doubt it.
//!
//! `session`    the facts that a run hands over        `trades`  finished trades and the figures of a list of results
//! `daily`      Sharpe, Sortino, drawdown              `bootstrap`  intervals for money figures, over days
//! `null`       the same exits with random entries     `assess`  all of it together, and the verdict
//! `deflated`   a Sharpe ratio after all trials            `overfit`   what the best of one half does in the other
//! `superior`   the best of many rules against none        `auc`       order, skill and calibration of probabilities
//! `fault`      what a statistic cannot judge
//! `text`, `json`, `html`, `svg`   the same facts printed, for programs, and as a page
//!
//! It never prints a win rate without the null and the break-even rate, nor a result without the hypothetical statement.

pub mod assess;
pub mod auc;
pub mod bootstrap;
pub mod daily;
pub mod deflated;
pub mod fault;
pub mod html;
pub mod json;
pub mod null;
pub mod overfit;
pub mod session;
pub mod superior;
mod svg;
#[cfg(test)]
mod testing;
pub mod text;
pub mod trades;

pub use assess::{Assessment, Verdict, assess};
pub use auc::{Auc, Quality, auc_bootstrap, auc_delong, quality};
pub use deflated::{
    Deflated, Moments, deflated_sharpe, probabilistic_sharpe, sharpe_of_the_luckiest, track_record_min,
};
pub use fault::Fault;
pub use overfit::{Overfit, overfit};
pub use session::{DayResult, Manifest, Sensitivity, Session, SymbolData};
pub use superior::{Draws, PValues, Superiority, superior};
pub use trades::Trade;
