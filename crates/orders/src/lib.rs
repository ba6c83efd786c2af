//! The lives of our orders and positions, and their exits. The only crate that can make a request of an approved order.
//!
//! Pure: reports, quotes and times come in, requests and wishes go out. It never sends a request again.
//!
//! `words`     what we ask of a venue and what it answers    `life`       the life of one request, every pair
//! `order`     a request, and the table of them              `stage`      a position's exit, every pair
//! `position`  an open position, a closed part               `book`       the table of positions, by symbol
//! `exits`     ladder, break-even, trailing, time stop       `ledger`     the account's cash, per strategy
//! `reconcile` the venue's list against ours                 `spec`       configuration, and the words of answers
//! `orders` `send` `watch`  the room: what leaves, what a quote does    `reports` `fills` `closings`  what reports come to
//! `wake`      deadlines, queries                            `adopt`      taking over the venue's picture
//! `exposure`  every call to the ledger of limits in `risk`

mod adopt;
mod book;
mod closings;
mod exits;
mod exposure;
mod fills;
mod ledger;
mod life;
mod order;
mod orders;
mod position;
mod reconcile;
mod reports;
mod send;
mod spec;
mod stage;
#[cfg(test)]
mod tests;
mod wake;
mod watch;
mod words;

pub use adopt::Unadopted;
pub use exits::{BreakEven, Distance, ExitSpec, Naked, RUNGS_MAX, Retry, Rung, Trail, Wanted};
pub use ledger::{Ledger, Realised};
pub use life::{Heard, Life};
pub use order::{Order, Part, Purpose};
pub use orders::Orders;
pub use position::{ClosedTrade, Leave, Origin, Position, StopBy};
pub use reconcile::{Difference, HeldPosition, Listing};
pub use spec::{
    Account, Failure, Impossible, ImpossibleTurn, Opening, Outcome, Spec, SpecFault, Surprise, Unanswered, Unsent,
    Verdict, Woken,
};
pub use stage::{Stage, Turn};
pub use watch::Scope;
pub use words::{Instruction, OrderId, Reject, Report, Request};
