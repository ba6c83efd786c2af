//! The honest report: what a run was worth, with everything that is needed to doubt it.
//!
//! `session`    the facts that a run hands over        `trades`  finished trades and the figures of a list of results
//! `daily`      Sharpe, Sortino, drawdown              `bootstrap`  intervals for money figures, over days
//! `null`       the same exits with random entries     `assess`  all of it together, and the verdict
//! `text`, `json`, `html`, `svg`   the same facts printed, for programs, and as a page
//!
//! It never prints a win rate without the null and the break-even rate, nor a result without the hypothetical statement.

pub mod assess;
pub mod bootstrap;
pub mod daily;
pub mod html;
pub mod json;
pub mod null;
pub mod session;
mod svg;
pub mod text;
pub mod trades;

pub use assess::{Assessment, Verdict, assess};
pub use session::{DayResult, Manifest, Sensitivity, Session, SymbolData};
pub use trades::Trade;
