//! Why a fill happened: what the paper venue saw and drew when it filled an order.

use market::{Lots, Points, Price, Side, SymbolId, Time};
use orders::{OrderId, Report};
use risk::{ExitCause, Ticket};

/// What made the order fill at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The request arrived, and took the quote it found.
    Arrived,
    /// The price of the exit side reached the stop.
    Touched {
        /// The stop.
        level: Price,
    },
    /// The market went through the limit or target.
    TradedThrough {
        /// The limit or target.
        level: Price,
        /// How far.
        by: Points,
    },
    /// Trades used up the volume that was displayed before us at our price.
    QueueReached {
        /// The limit.
        level: Price,
    },
    /// The margin level fell below the stop-out level.
    MarginLevel {
        /// The level found, in percent.
        percent: i64,
    },
}

/// Which prices the fill went by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The quote as it was printed.
    Quote,
    /// The quote was crossed or locked: the worse of it and mid plus or minus half the typical spread.
    Worsened,
    /// A trade beyond the quote had pushed the side that we would take.
    PushedByTrade,
}

/// What the fill did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Opened a position, or let it grow.
    Opened,
    /// Closed a position, or a part of it.
    Closed(ExitCause),
}

/// Whether the order rested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liquidity {
    /// It rested and was met.
    Maker,
    /// It took what was offered.
    Taker,
}

/// The prices at which a fill was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When the source printed the quote.
    pub time: Time,
    /// The bid as printed.
    pub bid: Price,
    /// The ask as printed.
    pub ask: Price,
    /// The price for selling, after the policy.
    pub sell: Price,
    /// The price for buying, after the policy.
    pub buy: Price,
    /// The policy.
    pub policy: Policy,
    /// The typical spread, in thousandths of a point.
    pub typical_thousandths: i64,
}

/// Why a fill happened. Prices are in points of the symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Why {
    /// When it was filled.
    pub time: Time,
    /// The request that it filled, if any.
    pub id: Option<OrderId>,
    /// When that request left us.
    pub sent: Option<Time>,
    /// When it reached the venue.
    pub arrived: Option<Time>,
    /// The position.
    pub ticket: Ticket,
    /// Of what.
    pub symbol: SymbolId,
    /// Decimal places of its prices.
    pub digits: u8,
    /// Decimal places of its volumes.
    pub volume_digits: u8,
    /// Whether the fill bought or sold.
    pub side: Side,
    /// What it did.
    pub deed: Deed,
    /// What made it happen now.
    pub trigger: Trigger,
    /// Whether it rested.
    pub liquidity: Liquidity,
    /// The prices it was judged by.
    pub seen: Seen,
    /// How much worse than the price taken.
    pub slipped: Points,
    /// How much was asked for.
    pub asked: Lots,
    /// How much was filled.
    pub lots: Lots,
    /// At which price.
    pub price: Price,
}

impl Why {
    /// Whether this explains a report.
    pub fn explains(&self, report: &Report) -> bool {
        let (ticket, time, lots, price, deed) = match *report {
            Report::Opened { ticket, time, lots, price, .. } => (ticket, time, lots, price, Deed::Opened),
            Report::Closed { ticket, time, lots, price, cause, .. } => (ticket, time, lots, price, Deed::Closed(cause)),
            Report::Accepted { .. }
            | Report::Rejected { .. }
            | Report::Protected { .. }
            | Report::Cancelled { .. }
            | Report::Unknown { .. }
            | Report::NeverHeard { .. }
            | Report::Held { .. }
            | Report::Listed { .. }
            | Report::MarginCalled { .. } => return false,
        };
        (self.ticket, self.time, self.lots, self.price, self.deed) == (ticket, time, lots, price, deed)
    }
}

/// A whole number of 10^-digits as a decimal number.
struct Decimal(i64, u8);

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(value, digits) = *self;
        let sign = if value < 0 { "-" } else { "" };
        let scale = 10_u64.saturating_pow(u32::from(digits));
        let (whole, rest) = (value.unsigned_abs() / scale, value.unsigned_abs() % scale);
        if digits == 0 {
            return write!(f, "{sign}{whole}");
        }
        write!(f, "{sign}{whole}.{rest:0width$}", width = usize::from(digits))
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let price = |price: Price| Decimal(price.0, self.digits);
        let lots = |lots: Lots| Decimal(lots.0, self.volume_digits);
        let verb = if self.side == Side::Buy { "bought" } else { "sold" };
        write!(f, "{verb} {} at {} on {}: ", lots(self.lots), price(self.price), self.time)?;
        match self.trigger {
            Trigger::Arrived => f.write_str("the request arrived")?,
            Trigger::Touched { level } => write!(f, "the stop {} was touched", price(level))?,
            Trigger::TradedThrough { level, by } => {
                write!(f, "the market went {} points through {}", by.0, price(level))?;
            }
            Trigger::QueueReached { level } => write!(f, "the queue before us at {} was used up", price(level))?,
            Trigger::MarginLevel { percent } => write!(f, "the margin level was {percent} %")?,
        }
        if let (Some(sent), Some(arrived)) = (self.sent, self.arrived) {
            write!(f, ", {} us after it was sent", arrived.since(sent).0 / 1_000)?;
        }
        let Seen { time, bid, ask, sell, buy, policy, typical_thousandths } = self.seen;
        write!(f, "; quote {}/{} of {time}", price(bid), price(ask))?;
        match policy {
            Policy::Quote => {}
            Policy::Worsened => {
                let spread = Decimal(typical_thousandths, 3);
                write!(f, ", crossed, so {}/{} by the typical spread of {spread} points", price(sell), price(buy))?;
            }
            Policy::PushedByTrade => write!(f, ", pushed by a trade to {}/{}", price(sell), price(buy))?,
        }
        if self.slipped.0 > 0 {
            write!(f, "; slipped {} points", self.slipped.0)?;
        }
        if self.lots < self.asked {
            write!(f, "; {} were asked for", lots(self.asked))?;
        }
        match self.liquidity {
            Liquidity::Maker => f.write_str("; as maker"),
            Liquidity::Taker => Ok(()),
        }
    }
}
