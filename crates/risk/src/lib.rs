//! May we, and how much? Sizes a proposal and says yes or no. The only crate that can approve an order.
//!
//! Pure and fail closed: what is missing, not a number or too large is refused with its reason, and nothing here panics.
//!
//! `order`     what may be asked, and the proof that it may   `proposal`  what a strategy wants, what the gate must know
//! `limits`    one struct per control, without defaults       `refusal`   every no, with its numbers
//! `controls`  the table of controls and their articles       `gate`      review and latches (`judge` checks, `exits` close)
//! `review`    what every control and sizing step found       `exposure`  the ledger: `books` of every order's `claim`
//! `price` `pace` `caps` `loss` `calendar` `margin`           the controls, one function each
//! `kelly` `sizing` `stops`                                   how much, and how far
//! `halt`      the kill switch                                `ground`    instruments and limits, checked once

pub mod books;
pub mod calendar;
pub mod caps;
pub mod claim;
pub mod controls;
pub mod exits;
pub mod exposure;
pub mod gate;
mod ground;
pub mod halt;
mod judge;
pub mod kelly;
pub mod limits;
pub mod loss;
pub mod margin;
pub mod order;
pub mod pace;
pub mod price;
pub mod proposal;
pub mod refusal;
pub mod review;
mod sizing;
pub mod stops;
#[cfg(test)]
mod tests;

pub use books::{Book, CurrencyBook, SideBook};
pub use calendar::{Blackout, BlackoutRefused, BlackoutScope};
pub use claim::{Claim, Stage, Terms};
pub use controls::{CONTROLS, ControlRow};
pub use exposure::{Exposure, LedgerFault};
pub use gate::{Counters, Gate, Latch, NotLatched, Rearmed};
pub use halt::{Author, Halt, HaltReason, KillSwitch, Level, Operator, Scope};
pub use limits::{AccountLimits, Limits, SpecFault, StrategyLimits, SymbolLimits};
pub use loss::LossKind;
pub use margin::{ClosingOrder, CustomPreset, Hedging, Preset};
pub use order::{Approved, Entry, ExitCause, Kind, Protection, Reduction, Ticket};
pub use proposal::{Account, Bet, Holding, MarketView, Proposal, Rate, Stake};
pub use refusal::{Control, Input, Refusal};
pub use review::{Finding, Outcome, Review, Sizing, Step};
pub use stops::{StopSpec, Stops, TargetSpec, Volatility, stops};
