//! The words of the market, and the picture of it that we believe.
//!
//! Pure: no clock, I/O, randomness or platform maths. Prices, volumes and money are integers in their own grid.
//!
//! `time`        instants and spans, in nanoseconds       `price`   prices and distances, in points
//! `lots`        volume, in the instrument's unit         `money`   cash, in millionths of a currency unit
//! `instrument`  what is traded and by which grid         `tick`    quotes and trades as they arrive
//! `belief`      which ticks we believe, and why not      `usual`   what spread and level are usual
//! `math`        the one implementation of exp, ln, tanh ...
//! `state`       how a struct is written to a snapshot and read back     `coded`   how a word is written and made again

pub mod belief;
pub mod coded;
pub mod instrument;
pub mod lots;
pub mod math;
pub mod money;
pub mod price;
pub mod state;
pub mod tick;
pub mod time;
pub mod usual;

pub use belief::{Belief, BeliefSpec, Doubt, Judgement, Severity};
pub use coded::Coded;
pub use instrument::{Currency, Instrument, MarginClass, StrategyId, SymbolId};
pub use lots::Lots;
pub use money::Money;
pub use price::{Points, Price};
pub use state::{Reader, State, Torn};
pub use tick::{Side, Tick, Trade};
pub use time::{Span, Time};
pub use usual::Usual;
