//! What the room is configured with, and the words in which it answers.

use market::{Lots, Money, Points, Price, Span, SymbolId, Time};
use risk::{LedgerFault, Ticket};

use crate::exits::{BreakEven, Distance, ExitSpec, Naked, RUNGS_MAX, Retry, Wanted};
use crate::life::Life;
use crate::order::{Order, Purpose};
use crate::position::ClosedTrade;
use crate::reconcile::Listing;
use crate::stage::{Stage, Turn};
use crate::words::{OrderId, Reject, Report};

/// How the account keeps positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Every fill of a new order is a position of its own; opposite positions coexist (MT4).
    Hedging,
    /// One position per symbol; the other side's fills reduce it first.
    Netting,
}

/// What the room is configured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// How the account keeps positions.
    pub account: Account,
    /// The run: the upper part of every request's number.
    pub run: u16,
    /// How many requests may be alive at once; more than `positions_max`, because room for one exit per position is kept.
    pub orders_max: u16,
    /// How many positions may be open at once.
    pub positions_max: u16,
    /// How many ended requests are remembered, so that late repeats of reports are recognised.
    pub ended_kept: u16,
    /// How long an answer may take before a request counts as unknown and is queried.
    pub answer_timeout: Span,
    /// How often an unknown request is queried again.
    pub query_every: Span,
    /// Queries without an answer after which an alarm is raised; they go on.
    pub queries_max: u8,
    /// The account's cash before anything is booked.
    pub balance: Money,
    /// The exits of every strategy, by its number.
    pub exits: Vec<ExitSpec>,
}

/// Why a [`Spec`] cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub enum SpecFault {
    /// The instruments are not numbered by their places.
    Instruments,
    /// A table without room, or not more requests than positions.
    Capacity,
    /// A timeout, wait or count that is not positive, or a longest wait below the first.
    Waits,
    /// A strategy has more than [`RUNGS_MAX`] rungs, or together they close more than all.
    Ladder {
        /// Its number.
        strategy: u16,
    },
    /// A distance, multiple or commission is not a usable number.
    Number {
        /// The strategy's number.
        strategy: u16,
    },
    /// The limits of the exposure ledger cannot be used.
    Limits(Vec<risk::SpecFault>),
}

impl Spec {
    /// Every fault but those of the limits.
    pub fn faults(&self) -> Vec<SpecFault> {
        let mut faults = Vec::new();
        if self.positions_max == 0 || self.orders_max <= self.positions_max {
            faults.push(SpecFault::Capacity);
        }
        let waits = self.answer_timeout.0 > 0 && self.query_every.0 > 0 && self.queries_max > 0;
        if !waits || !self.exits.iter().all(|exits| is_usable(&exits.retry) && are_spans_usable(exits)) {
            faults.push(SpecFault::Waits);
        }
        for (strategy, exits) in self.exits.iter().enumerate() {
            let strategy = strategy as u16;
            let closed: u64 = exits.rungs.iter().map(|rung| u64::from(rung.fraction_millionths)).sum();
            if exits.rungs.len() > RUNGS_MAX || closed > 1_000_000 {
                faults.push(SpecFault::Ladder { strategy });
            }
            if !are_numbers_usable(exits) {
                faults.push(SpecFault::Number { strategy });
            }
        }
        faults
    }
}

const fn is_usable(retry: &Retry) -> bool {
    retry.first.0 > 0 && retry.longest.0 >= retry.first.0 && retry.attempts_max > 0
}

fn are_spans_usable(exits: &ExitSpec) -> bool {
    let naked = match exits.naked {
        Naked::Allowed => true,
        Naked::ClosedAfter(span) => span.0 > 0,
    };
    naked && exits.time_stop.is_none_or(|span| span.0 > 0) && exits.spike_wait_max.0 >= 0
}

fn are_numbers_usable(exits: &ExitSpec) -> bool {
    let distance = |distance: Distance| match distance {
        Distance::Points(points) => points.0 > 0,
        Distance::Risk(multiple) | Distance::Volatility(multiple) => multiple.is_finite() && multiple > 0.0,
    };
    let commission = match exits.break_even {
        BreakEven::Never => true,
        BreakEven::AfterRung { commission_points } => Points::ceiled(commission_points).is_some_and(|up| up.0 >= 0),
    };
    let trail = exits.trail.is_none_or(|trail| distance(trail.start) && distance(trail.distance) && trail.step.0 > 0);
    let rungs = exits.rungs.iter().all(|rung| distance(rung.distance) && rung.fraction_millionths > 0);
    rungs && trail && commission && exits.spike_multiple.is_finite() && exits.spike_multiple > 0.0
}

/// Why nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    /// No room for another request, or for the position that it may open.
    Full,
    /// The venue's positions and ours have not been found equal since the start or the last surprise.
    Unreconciled,
    /// Another request of the symbol is in doubt.
    Unsettled(SymbolId),
    /// No such symbol or strategy.
    UnknownSymbol,
    /// No such position.
    UnknownTicket(Ticket),
    /// A request about the position is under way that must be answered first.
    InFlight(OrderId),
    /// More than is open, or nothing.
    Unfit,
    /// The exposure ledger would not reserve it.
    Ledger(LedgerFault),
}

/// A report that cannot be true of one of our requests: to be journalled, and to halt on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impossible {
    /// Which request.
    pub id: OrderId,
    /// Where it stood.
    pub state: Life,
    /// What was heard.
    pub report: Report,
}

/// A report that cannot be true of one of our positions: to be journalled, and to halt on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImpossibleTurn {
    /// Which position.
    pub ticket: Ticket,
    /// Where its exit stood.
    pub stage: Stage,
    /// What the report came to.
    pub turn: Turn,
    /// What was heard.
    pub report: Report,
}

/// A report of what we did not know of. Nothing was booked; entries wait for a reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surprise {
    /// A request that is not ours, or ended so long ago that it is forgotten.
    UnknownOrder(Report),
    /// A position that we do not hold.
    UnknownTicket(Report),
    /// More was closed than is open, or nothing.
    Overclosed(Report),
    /// There is no room for the position.
    Full(Report),
    /// An amount that cannot be booked.
    Overflow(Report),
}

/// A position was opened, or grew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opening {
    /// The request, after the fill.
    pub order: Order,
    /// The position that it opened or enlarged.
    pub ticket: Ticket,
    /// How much was filled.
    pub lots: Lots,
    /// At which price.
    pub price: Price,
    /// Fill against reference in points, positive when worse for us.
    pub slippage: Points,
}

/// A request that came to nothing, or whose rest did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failure {
    /// The request, as it ended: rejected, cancelled or never heard of.
    pub order: Order,
    /// Why the venue refused it, when it did.
    pub reason: Option<Reject>,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows a request that came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Over,
    /// Once the wait is over, the exit is decided anew on the quotes of that time.
    Retried {
        /// How many refusals in a row there were.
        attempts: u8,
        /// Not before.
        not_before: Time,
    },
    /// Too many refusals in a row: an alarm, once. A rung is given up; anything else goes on with the longest wait.
    Stuck {
        /// How many refusals in a row there were.
        attempts: u8,
        /// Not before.
        not_before: Time,
    },
}

/// What a report came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// A request lives on: accepted, or in doubt.
    Moved(Order),
    /// A position was opened, or grew.
    Opened(Opening),
    /// A position, or a part of it, was closed.
    Closed(ClosedTrade),
    /// A position's stop and target are in force.
    Protected(Order),
    /// A request came to nothing, or its rest did.
    Failed(Failure),
    /// Heard before; nothing changed.
    Repeated,
    /// A closing of what we do not hold yet, kept until a request that is under way explains it: see `deferred`.
    Deferred,
    /// A line of the venue's list.
    Held,
    /// The end of the venue's list.
    Listed(Listing),
    /// The venue warns that margin runs out.
    MarginCalled,
    /// It cannot be true of one of our requests.
    Impossible(Impossible),
    /// It cannot be true of one of our positions.
    ImpossibleTurn(ImpossibleTurn),
    /// We did not know of it.
    Surprise(Surprise),
}

/// A request that stays unanswered: somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered {
    /// Which.
    pub id: OrderId,
    /// What for.
    pub purpose: Purpose,
    /// Of what.
    pub symbol: SymbolId,
    /// How often it was queried.
    pub queries: u8,
}

/// What to do on waking. Made once with room for the largest case; nothing is added beyond its room.
#[derive(Debug)]
pub struct Woken {
    /// Requests to query at the venue.
    pub queries: Vec<OrderId>,
    /// Exits that are due without a new quote.
    pub wanted: Vec<Wanted>,
    /// Requests that stay unanswered, once each.
    pub alarms: Vec<Unanswered>,
}

impl Woken {
    /// Empty, with room for all requests and positions of a spec.
    pub fn new(spec: &Spec) -> Self {
        Self {
            queries: Vec::with_capacity(2 * usize::from(spec.orders_max)),
            wanted: Vec::with_capacity(usize::from(spec.positions_max)),
            alarms: Vec::with_capacity(usize::from(spec.orders_max)),
        }
    }

    /// Forgets everything, keeps the room.
    pub fn clear(&mut self) {
        self.queries.clear();
        self.wanted.clear();
        self.alarms.clear();
    }
}

/// Adds to a list only within its room.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) -> bool {
    let fits = list.len() < list.capacity();
    if fits {
        list.push(item);
    }
    fits
}
