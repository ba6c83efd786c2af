//! What a venue must do; the paper venue; the conformance suite.
//!
//! An edge crate: seeded randomness, but no clock and no I/O. Time comes in as an argument, so a run can be repeated.
//!
//! `port`         what the desk asks of a venue               `spec`      how the paper venue behaves, as data
//! `calendar`     sessions, nights and New York time          `chance`    seeded draws, one stream per purpose
//! `paper`        the paper venue: a broker or exchange with models of latency, spread, slippage, costs and margin
//! `why`          why a fill happened, kept for whoever asks
//! `storm`        a venue behind a bad line, for storm tests
//! `conformance`  the stories that every venue must tell

pub mod calendar;
mod chance;
pub mod conformance;
pub mod paper;
pub mod port;
pub mod spec;
pub mod storm;
pub mod why;

pub use paper::{AccountView, Paper};
pub use port::{Simulator, Venue};
pub use spec::{PaperSpec, SpecFault, SymbolSpec};
pub use storm::{Storm, StormSpec};
pub use why::Why;
