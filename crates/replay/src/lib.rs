//! The same desk from history: backtest, resume, verify, explain.
//!
//! `session`   the one loop around the desk             `record`    what is written down of it, and agreement with it
//! `backtest`  recorded ticks through desk and venue    `collect`   the facts of a run, for the report
//! `again`     a journal back through the desk          `words`     an explanation as text
//! `files`     trades as CSV and Parquet                `synthetic` ticks whose truth is known
//! `beside`    the trained models of a journal          `script`    what happens beside the market
//! `notices`   news from a file                      `told`      an explanation as JSON
//! `shares`    what each input added to what the trained models said

pub mod again;
pub mod backtest;
pub mod beside;
pub mod collect;
pub mod files;
pub mod notices;
pub mod record;
pub mod script;
pub mod session;
mod shares;
pub mod synthetic;
pub mod told;
pub mod words;
