//! How the paper venue behaves, as data. Nothing has a default: whoever makes a paper venue says what it does.

use crate::calendar::{Session, Zone};
use market::{Currency, Instrument, MarginClass, Money, Points, Span, SymbolId};

mod check;

pub use check::SpecFault;

/// How long a message takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latency {
    /// Always as long.
    Fixed(Span),
    /// At least `min`; what comes on top is exponential, so that the mean is `mean`; never above `most`.
    ShiftedExponential {
        /// The shortest.
        min: Span,
        /// The mean, before the cut at `most`.
        mean: Span,
        /// The longest.
        most: Span,
    },
    /// Log-normal around a median; never above `most`.
    LogNormal {
        /// Half of the messages are faster.
        median: Span,
        /// Standard deviation of the logarithm, in thousandths.
        sigma_thousandths: u32,
        /// The longest.
        most: Span,
    },
    /// As measured, one after the other, again from the start after the last.
    Recorded(Vec<Span>),
}

/// How much worse than the quote a market order, a stop or a stop-out is filled. Never better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slippage {
    /// At the quote.
    None,
    /// Always as much.
    Fixed(Points),
    /// Exponential, rounded to whole points, never above `most`.
    Exponential {
        /// The mean, in thousandths of a point, before rounding and cut.
        mean_thousandths: u32,
        /// The worst.
        most: Points,
    },
}

/// What a crossed or locked quote (bid at or above ask) means for fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossed {
    /// Fills at the worse of the quote and mid plus or minus half the typical spread; stops and limits are judged by
    /// the same prices.
    Worsen,
    /// Nothing is filled or triggered until the next proper quote; market orders are refused as off quotes.
    Refuse,
}

/// How the typical spread of a symbol is followed, over proper quotes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypicalSpread {
    /// Exponentially weighted mean: each tick moves it by 2^-`shift` of the difference.
    Ewma {
        /// 6 remembers about 64 ticks.
        shift: u8,
    },
    /// Running median: each tick moves it by a fixed step towards the spread.
    Median {
        /// The step, in thousandths of a point.
        step_thousandths: u32,
    },
}

/// What is charged for a fill, in the account's currency. There are no rebates: they could pay for a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commission {
    /// Nothing beyond the spread.
    None,
    /// An amount per lot, at opening and again at closing.
    PerLot {
        /// Half of what brokers call "per round turn".
        side: Money,
    },
    /// A share of the value traded.
    Notional {
        /// For limit orders that rested, in millionths.
        maker_millionths: u32,
        /// For all others, in millionths.
        taker_millionths: u32,
    },
}

/// What is charged or paid for holding a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// Nothing.
    None,
    /// Points per night, booked at a time of day, on the weekdays; on one of them for three nights.
    Nightly {
        /// For a long position, in thousandths of a point; negative is charged.
        long_thousandths: i64,
        /// For a short position, in thousandths of a point; negative is charged.
        short_thousandths: i64,
        /// By which clock.
        zone: Zone,
        /// The time of day; 17:00 in New York for foreign exchange.
        at: Span,
        /// The weekday that counts three nights: 0 is Monday, 2 is Wednesday.
        triple: u8,
    },
    /// A share of the value held, at every multiple of a span since the epoch (funding of perpetual futures).
    Funding {
        /// For a long position, in millionths; negative is charged.
        long_millionths: i64,
        /// For a short position, in millionths; negative is charged.
        short_millionths: i64,
        /// How often; eight hours on most exchanges.
        every: Span,
    },
}

/// Which requests to open or close are refused by chance, each in millionths. Cancels and protections are only ever
/// refused as busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejects {
    /// None.
    Never,
    /// Drawn from the seed.
    Drawn {
        /// Refused with a requote.
        requote_millionths: u32,
        /// Refused because the venue is busy.
        busy_millionths: u32,
        /// Refused for want of a price.
        off_quotes_millionths: u32,
    },
}

/// How much of an order is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialFills {
    /// All of it.
    Never,
    /// Market orders and requested closes, by chance: a uniform number of lot steps instead of all.
    Drawn {
        /// How often, in millionths.
        millionths: u32,
    },
    /// At most a share of the quoted size, which is used up until the next tick; no cap where the size is unknown.
    /// Stops, targets and stop-outs are filled whole.
    QuotedSize {
        /// The share of the quoted size that we can get, in millionths.
        share_millionths: u32,
    },
}

/// How a resting order gets its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Only when the market trades or quotes through its price.
    TradeThroughOnly,
    /// Also after the volume displayed at its price when it joined has traded there, or is no longer displayed
    /// (`RiskAdverseQueueModel` of hftbacktest). Needs trades and quoted sizes.
    RiskAverse,
}

/// What happens to a limit order that could be filled at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marketable {
    /// Refused as invalid stops (MT4).
    Refuse,
    /// Filled at the quote, with the taker's fee; what is left rests (exchanges).
    Take,
}

/// Whether a market order's deviation is heeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// A fill further than the deviation from the reference price, either way, is refused with a requote.
    Instant,
    /// The deviation is ignored.
    Market,
}

/// How positions on one symbol live together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// Any number, both ways (MT4).
    Hedging,
    /// Any number, one way, and the oldest is closed first (US rules: NFA 2-43b). Venue-side stops are exempt.
    Fifo,
    /// One; the other side's fills reduce or turn it (exchanges, MT5 netting).
    Netting,
}

/// What number the rest of a partly closed position has. Netting accounts always keep theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialClose {
    /// A new one (MT4).
    NewTicket,
    /// The old one.
    SameTicket,
}

/// How margin of opposite positions on a symbol adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HedgedMargin {
    /// Both sides count in full.
    Both,
    /// Only the larger side counts.
    LargerSide,
    /// Only the difference counts.
    Difference,
}

/// Leverage per margin class: 30 means that margin is a thirtieth of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leverage {
    /// Major currency pairs.
    pub major_pair: u32,
    /// Other currency pairs, gold and major indices.
    pub minor_pair_gold_index: u32,
    /// Other commodities and minor indices.
    pub commodity: u32,
    /// Shares.
    pub share: u32,
    /// Crypto-assets.
    pub crypto: u32,
}

impl Leverage {
    /// The leverage of a class.
    pub const fn of(&self, class: MarginClass) -> u32 {
        match class {
            MarginClass::MajorPair => self.major_pair,
            MarginClass::MinorPairGoldIndex => self.minor_pair_gold_index,
            MarginClass::Commodity => self.commodity,
            MarginClass::Share => self.share,
            MarginClass::Crypto => self.crypto,
        }
    }
}

/// What the account must hold against its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Margin {
    /// Nothing: no order is refused for money and nothing is closed.
    Unlimited,
    /// A share of the value at the opening price. Equity over used margin is the margin level.
    Leveraged {
        /// Leverage per class.
        leverage: Leverage,
        /// Below this margin level, in percent, the venue warns.
        call_percent: u32,
        /// Below this margin level, in percent, it closes the largest loser, again and again.
        stop_out_percent: u32,
        /// How opposite positions add up.
        hedged: HedgedMargin,
    },
}

/// How an amount in a symbol's quote currency becomes one in the account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The quote currency is the account's.
    Same,
    /// The base currency is the account's: divided by the symbol's own mid.
    ByOwnMid,
    /// Times `numerator` over `denominator`, for ever.
    Fixed {
        /// Above the line.
        numerator: i64,
        /// Below the line; positive.
        denominator: i64,
    },
    /// Times the mid of another symbol whose base is our quote currency and whose quote is the account's.
    TimesMid(SymbolId),
    /// Over the mid of another symbol whose base is the account's currency and whose quote is our quote currency.
    OverMid(SymbolId),
}

/// Rooms that are reserved at construction, so that nothing is allocated later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Requests on their way; more are refused as busy.
    pub in_flight: usize,
    /// Open positions; more are refused.
    pub positions: usize,
    /// Resting orders; more are refused.
    pub resting: usize,
    /// Answers kept for queries and repeated requests. Of older requests the venue says `Unknown`.
    pub answers: usize,
    /// Fills whose reasons are kept.
    pub whys: usize,
}

/// How the paper venue treats one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolSpec {
    /// What is traded and by which grid, with stop and freeze level.
    pub instrument: Instrument,
    /// From its quote currency to the account's.
    pub conversion: Conversion,
    /// How much worse than the quote.
    pub slippage: Slippage,
    /// What a fill costs.
    pub commission: Commission,
    /// What holding costs.
    pub swap: Swap,
    /// When it trades.
    pub session: Session,
}

/// How the paper venue behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperSpec {
    /// The seed of every draw.
    pub seed: u64,
    /// The account's currency.
    pub currency: Currency,
    /// Cash at the start.
    pub balance: Money,
    /// How positions live together.
    pub positions: Positions,
    /// What number the rest of a position has.
    pub partial_close: PartialClose,
    /// Whether deviation is heeded.
    pub execution: Execution,
    /// What happens to marketable limit orders.
    pub marketable: Marketable,
    /// From us to the venue. Requests do not overtake each other.
    pub latency_to_venue: Latency,
    /// From the venue to us. Reports do not overtake each other.
    pub latency_to_us: Latency,
    /// Refusals by chance.
    pub rejects: Rejects,
    /// How much of an order is filled.
    pub partial_fills: PartialFills,
    /// What a crossed quote means.
    pub crossed: Crossed,
    /// How the typical spread is followed.
    pub typical_spread: TypicalSpread,
    /// How resting orders get their turn.
    pub queue: Queue,
    /// How far the market must go through a limit or target to fill it; at least one point.
    pub through: Points,
    /// What the account must hold.
    pub margin: Margin,
    /// Rooms.
    pub capacity: Capacity,
    /// The symbols that it trades.
    pub symbols: Vec<SymbolSpec>,
}
