//! What arrives from a market: quotes and trades, already in the instrument's grid.

use crate::instrument::SymbolId;
use crate::lots::Lots;
use crate::price::{Points, Price};
use crate::state::{Reader, State, Torn};
use crate::time::Time;

/// A side of the market. The default is only a place for [`State`] to load into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Side {
    /// We pay the ask.
    #[default]
    Buy,
    /// We receive the bid.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// +1 for a buy, -1 for a sell.
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

impl State for Side {
    fn save(&self, out: &mut Vec<u8>) {
        u8::from(*self == Self::Sell).save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        *self = match from.u8()? {
            0 => Self::Buy,
            1 => Self::Sell,
            _ => return Err(Torn),
        };
        Ok(())
    }
}

/// A quote of one symbol: the best bid and ask, as a source printed it. Not yet believed.
/// The default is only a place for [`State`] to load into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tick {
    /// What is quoted.
    pub symbol: SymbolId,
    /// When the source says it happened.
    pub time: Time,
    /// When we heard it; the source's time where a file does not say.
    pub seen: Time,
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// Volume at the bid, zero when unknown.
    pub bid_lots: Lots,
    /// Volume at the ask, zero when unknown.
    pub ask_lots: Lots,
}

impl Tick {
    /// Ask less bid; negative when crossed.
    pub const fn spread(&self) -> Points {
        self.ask.above(self.bid)
    }

    /// The middle of bid and ask, in points.
    pub const fn mid(&self) -> f64 {
        self.bid.0 as f64 * 0.5 + self.ask.0 as f64 * 0.5
    }

    /// The price at which a position of `side` would be opened now: the ask for a buy.
    pub const fn entry(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    /// The price at which a position of `side` would be closed now: the bid for a buy.
    pub const fn exit(&self, side: Side) -> Price {
        self.entry(side.opposite())
    }
}

/// A trade that somebody made, as a source printed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// What was traded.
    pub symbol: SymbolId,
    /// When the source says it happened.
    pub time: Time,
    /// When we heard it.
    pub seen: Time,
    /// The price.
    pub price: Price,
    /// The volume.
    pub lots: Lots,
    /// The side of the taker.
    pub taker: Side,
}

crate::state!(Tick { symbol, time, seen, bid, ask, bid_lots, ask_lots });
crate::state!(Trade { symbol, time, seen, price, lots, taker });
