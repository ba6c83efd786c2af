//! What we ask of a venue and what it answers.

use market::{Coded, Lots, Money, Price, Reader, Side, State, SymbolId, Time, Torn};
use risk::{Entry, ExitCause, Protection, Reduction, Ticket};

/// Our own number of a request, made from (run, sequence) and journalled before the request is sent: the run in the
/// upper 16 bits, the number within the run below. Sending the same number twice is the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OrderId(pub u64);

impl OrderId {
    /// The `number`th request of a run.
    pub const fn new(run: u16, number: u64) -> Self {
        Self(((run as u64) << 48) | (number & 0xFFFF_FFFF_FFFF))
    }
}

impl State for OrderId {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

/// What a request asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// Open a position.
    Open(Entry),
    /// Close a position, or a part of it.
    Close(Reduction),
    /// Change a position's venue-side stop and target.
    Protect(Protection),
    /// Cancel a resting order of ours.
    Cancel {
        /// The order to cancel.
        order: OrderId,
        /// Of what.
        symbol: SymbolId,
    },
}

/// A request to a venue. Only this crate can make one, and only from an approved order (a cancel needs no approval).
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    id: OrderId,
    instruction: Instruction,
}

impl Request {
    pub(crate) const fn new(id: OrderId, instruction: Instruction) -> Self {
        Self { id, instruction }
    }

    /// Our number of it.
    pub const fn id(&self) -> OrderId {
        self.id
    }

    /// What it asks.
    pub const fn instruction(&self) -> &Instruction {
        &self.instruction
    }

    /// The symbol concerned.
    pub const fn symbol(&self) -> SymbolId {
        match &self.instruction {
            Instruction::Open(entry) => entry.symbol,
            Instruction::Close(reduction) => reduction.symbol,
            Instruction::Protect(protection) => protection.symbol,
            Instruction::Cancel { symbol, .. } => *symbol,
        }
    }
}

/// Why a venue said no. Each venue translates its own codes into these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reject {
    /// The price moved beyond the allowed deviation.
    Requote,
    /// There is no price.
    OffQuotes,
    /// A stop or target is too near to the price, or on the wrong side of it.
    InvalidStops,
    /// Too near to a stop or target to change or close.
    Frozen,
    /// Not a volume that the venue accepts.
    InvalidVolume,
    /// Not enough free margin.
    NoMoney,
    /// The market is closed.
    MarketClosed,
    /// The venue does not know the position or order.
    UnknownTicket,
    /// Opposite positions are not allowed.
    HedgeProhibited,
    /// An older position must be closed first.
    FifoRule,
    /// The venue is too busy; it has not looked at the request.
    Busy,
    /// The venue refused for another reason.
    Other,
}

market::state_enum!(Reject {
    Requote,
    OffQuotes,
    InvalidStops,
    Frozen,
    InvalidVolume,
    NoMoney,
    MarketClosed,
    UnknownTicket,
    HedgeProhibited,
    FifoRule,
    Busy,
    Other
});

/// What a venue says. Times are the venue's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// A limit order rests at the venue.
    Accepted {
        /// Our request.
        id: OrderId,
        /// When.
        time: Time,
    },
    /// The request was refused, definitively: nothing happened and nothing will.
    Rejected {
        /// Our request.
        id: OrderId,
        /// When.
        time: Time,
        /// Why.
        reason: Reject,
    },
    /// A position was opened, or grew.
    Opened {
        /// Our request.
        id: OrderId,
        /// When.
        time: Time,
        /// The new position.
        ticket: Ticket,
        /// How much of the order this fill was.
        lots: Lots,
        /// How much of the order may still be filled: zero ends it.
        rest: Lots,
        /// At which price.
        price: Price,
        /// What the venue charged for it: zero or negative.
        commission: Money,
    },
    /// A position, or a part of it, was closed.
    Closed {
        /// Our request, or `None` when the venue did it by itself (stop, target, stop-out).
        id: Option<OrderId>,
        /// When.
        time: Time,
        /// The position.
        ticket: Ticket,
        /// The position that the rest lives on under, when a part was closed.
        successor: Option<Ticket>,
        /// How much was closed.
        lots: Lots,
        /// At which price.
        price: Price,
        /// Profit from the price alone, in the account's currency.
        profit: Money,
        /// What the venue charged for closing: zero or negative.
        commission: Money,
        /// What was booked as swap for the closed part over its life: either sign.
        swap: Money,
        /// Why.
        cause: ExitCause,
    },
    /// A position's venue-side stop and target were set.
    Protected {
        /// Our request.
        id: OrderId,
        /// When.
        time: Time,
        /// The position.
        ticket: Ticket,
        /// The stop now in force.
        stop: Option<Price>,
        /// The target now in force.
        target: Option<Price>,
    },
    /// A resting order was cancelled, expired, or the rest of a partly filled one was.
    Cancelled {
        /// The order that is no more.
        id: OrderId,
        /// When.
        time: Time,
    },
    /// We do not know what became of a request: it timed out, or the line broke. It is queried, never sent again blindly.
    Unknown {
        /// Our request.
        id: OrderId,
        /// When.
        time: Time,
    },
    /// The answer to a query: the venue never heard of the request and never will.
    NeverHeard {
        /// Our request.
        id: OrderId,
        /// When.
        time: Time,
    },
    /// A line of the venue's own list of open positions, for reconciliation.
    Held {
        /// When.
        time: Time,
        /// The position.
        ticket: Ticket,
        /// Of what.
        symbol: SymbolId,
        /// Which way.
        side: Side,
        /// How much.
        lots: Lots,
        /// Where it was opened.
        price: Price,
        /// The stop in force.
        stop: Option<Price>,
        /// The target in force.
        target: Option<Price>,
    },
    /// The end of the venue's list, with the account's balance. What was not listed is not held.
    Listed {
        /// When.
        time: Time,
        /// How many positions were listed.
        positions: u32,
        /// Cash, without open profit.
        balance: Money,
    },
    /// The venue warns that margin runs out.
    MarginCalled {
        /// When.
        time: Time,
    },
}

impl Report {
    /// The request that a report speaks of.
    pub const fn order(&self) -> Option<OrderId> {
        match *self {
            Self::Accepted { id, .. }
            | Self::Rejected { id, .. }
            | Self::Opened { id, .. }
            | Self::Protected { id, .. }
            | Self::Cancelled { id, .. }
            | Self::Unknown { id, .. }
            | Self::NeverHeard { id, .. } => Some(id),
            Self::Closed { id, .. } => id,
            Self::Held { .. } | Self::Listed { .. } | Self::MarginCalled { .. } => None,
        }
    }

    /// The position that a report speaks of; of a listed position too.
    pub const fn ticket(&self) -> Option<Ticket> {
        match *self {
            Self::Opened { ticket, .. }
            | Self::Closed { ticket, .. }
            | Self::Protected { ticket, .. }
            | Self::Held { ticket, .. } => Some(ticket),
            Self::Accepted { .. }
            | Self::Rejected { .. }
            | Self::Cancelled { .. }
            | Self::Unknown { .. }
            | Self::NeverHeard { .. }
            | Self::Listed { .. }
            | Self::MarginCalled { .. } => None,
        }
    }
}

market::coded_leaves!(OrderId = OrderId(0), Reject = Reject::Other);

impl Coded for Instruction {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open(entry) => {
                out.push(0);
                entry.put(out);
            }
            Self::Close(reduction) => {
                out.push(1);
                reduction.put(out);
            }
            Self::Protect(protection) => {
                out.push(2);
                protection.put(out);
            }
            Self::Cancel { order, symbol } => {
                out.push(3);
                order.put(out);
                symbol.put(out);
            }
        }
    }
    fn get(from: &mut Reader<'_>) -> Result<Self, Torn> {
        match from.u8()? {
            0 => Ok(Self::Open(Entry::get(from)?)),
            1 => Ok(Self::Close(Reduction::get(from)?)),
            2 => Ok(Self::Protect(Protection::get(from)?)),
            3 => Ok(Self::Cancel { order: OrderId::get(from)?, symbol: SymbolId::get(from)? }),
            _ => Err(Torn),
        }
    }
}

market::coded_enum!(Report {
    0 => Accepted { id, time },
    1 => Rejected { id, time, reason },
    2 => Opened { id, time, ticket, lots, rest, price, commission },
    3 => Closed { id, time, ticket, successor, lots, price, profit, commission, swap, cause },
    4 => Protected { id, time, ticket, stop, target },
    5 => Cancelled { id, time },
    6 => Unknown { id, time },
    7 => NeverHeard { id, time },
    8 => Held { time, ticket, symbol, side, lots, price, stop, target },
    9 => Listed { time, positions, balance },
    10 => MarginCalled { time },
});
