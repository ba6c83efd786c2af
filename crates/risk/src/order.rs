//! What may be asked of a venue, and the proof that we may ask it.

use market::{Instrument, Lots, Points, Price, Reader, Side, State, StrategyId, SymbolId, Time, Torn};

/// A position's number at the venue. On MT4 a partial close gives the rest a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub u64);

impl State for Ticket {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}

/// How an entry wants to be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// At the market, at most `deviation` away from the reference price where the venue heeds it.
    Market {
        /// The furthest acceptable distance from the reference price.
        deviation: Points,
    },
    /// Resting at a price, until it is filled, cancelled or expires.
    Limit {
        /// The worst acceptable price.
        price: Price,
        /// When it is no longer wanted.
        expires: Time,
    },
}

/// A position to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Who wants it.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Which way.
    pub side: Side,
    /// How much. Invariant once approved: a multiple of the lot step, within the instrument's and every limit's bounds.
    pub lots: Lots,
    /// How.
    pub kind: Kind,
    /// The price we saw when we decided: the ask for a buy, the bid for a sell.
    pub reference: Price,
    /// The venue-side stop.
    pub stop: Option<Price>,
    /// The venue-side target.
    pub target: Option<Price>,
}

/// Why a position, or a part of one, is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExitCause {
    /// The venue-side stop was touched.
    Stop,
    /// The venue-side target was touched.
    Target,
    /// A rung of the partial profit ladder.
    Rung,
    /// The trailing stop was touched.
    Trail,
    /// The position was open for as long as it may be.
    Timeout,
    /// The strategy wants the other side.
    Reversal,
    /// The kill switch flattens.
    Flatten,
    /// The broker closed it for lack of margin.
    StopOut,
    /// An operator closed it.
    Operator,
    /// The session ends.
    SessionEnd,
    /// The other side's order reduced it (netting account).
    Netted,
}

market::state_enum!(ExitCause {
    Stop,
    Target,
    Rung,
    Trail,
    Timeout,
    Reversal,
    Flatten,
    StopOut,
    Operator,
    SessionEnd,
    Netted
});

/// A position, or a part of one, to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduction {
    /// Whose position.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Which position.
    pub ticket: Ticket,
    /// The side of the position, not of the order that closes it.
    pub side: Side,
    /// How much of it. Never more than is open.
    pub lots: Lots,
    /// Why.
    pub cause: ExitCause,
}

/// A new venue-side stop and target for a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// Whose position.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Which position.
    pub ticket: Ticket,
    /// The stop to set.
    pub stop: Option<Price>,
    /// The target to set.
    pub target: Option<Price>,
}

/// Proof that the gate said yes. Only this crate can make one; it cannot be copied, defaulted or read from bytes.
///
/// Whoever holds one may look at it and use it up:
/// ```
/// fn submit<T>(approved: risk::Approved<T>) -> T {
///     let _look: &T = approved.order();
///     approved.into_order()
/// }
/// ```
/// Nobody else can make one, not by its constructor:
/// ```compile_fail
/// fn forge<T>(order: T) -> risk::Approved<T> {
///     risk::Approved(order)
/// }
/// ```
/// not by its function:
/// ```compile_fail
/// fn forge<T>(order: T) -> risk::Approved<T> {
///     risk::Approved::new(order)
/// }
/// ```
/// not by taking one apart:
/// ```compile_fail
/// fn forge<T>(approved: &mut risk::Approved<T>, order: T) {
///     approved.0 = order;
/// }
/// ```
/// not by cloning:
/// ```compile_fail
/// fn twice<T: Clone>(approved: &risk::Approved<T>) -> risk::Approved<T> {
///     approved.clone()
/// }
/// ```
/// not by default:
/// ```compile_fail
/// fn forge() -> risk::Approved<u8> {
///     Default::default()
/// }
/// ```
/// not by conversion:
/// ```compile_fail
/// fn forge(order: u8) -> risk::Approved<u8> {
///     order.into()
/// }
/// ```
/// and not from the bytes of a snapshot:
/// ```compile_fail
/// fn forge(from: &mut market::Reader<'_>, approved: &mut risk::Approved<u8>) {
///     let _ = market::State::load(approved, from);
/// }
/// ```
#[derive(Debug)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    pub(crate) const fn new(order: T) -> Self {
        Self(order)
    }

    /// What was approved.
    pub const fn order(&self) -> &T {
        &self.0
    }

    /// What was approved, using up the proof.
    pub fn into_order(self) -> T {
        self.0
    }
}

market::coded_leaves!(Ticket = Ticket(0), ExitCause = ExitCause::Stop);
market::coded_enum!(Kind {
    0 => Market { deviation },
    1 => Limit { price, expires },
});
market::coded_struct!(Entry { strategy, symbol, side, lots, kind, reference, stop, target });
market::coded_struct!(Reduction { strategy, symbol, ticket, side, lots, cause });
market::coded_struct!(Protection { strategy, symbol, ticket, stop, target });

/// Whether `lots` is an order size that the instrument's venue accepts.
pub fn fits_lot_grid(instrument: &Instrument, lots: Lots) -> bool {
    lots >= instrument.lot_min && lots <= instrument.lot_max && lots == lots.floored(instrument.lot_step)
}
