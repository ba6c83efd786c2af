//! What may never be exceeded: one struct per control. Nothing here has a default.

use crate::halt::Level;
use crate::margin::Preset;
use market::{Currency, Lots, Money, Points, Span, SymbolId, Time};

/// Everything the gate is configured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The account's limits.
    pub account: AccountLimits,
    /// A symbol's limits, by the number of its [`SymbolId`].
    pub symbols: Vec<SymbolLimits>,
    /// A strategy's risk profile, by the number of its strategy.
    pub strategies: Vec<StrategyLimits>,
    /// The net position allowed per currency; every currency of every instrument must be here, at most 16.
    pub currencies: Vec<CurrencyLimit>,
}

/// Limits of the whole account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountLimits {
    /// Value, risk and number of all positions.
    pub exposure: ExposureLimit,
    /// What may be lost.
    pub loss: LossLimit,
    /// What the kill switch does when the account's loss limit is passed; entries are refused in any case.
    pub loss_halt: Option<Level>,
    /// How fast messages may leave.
    pub messages: MessageRate,
    /// How many messages of the burst only reductions may use.
    pub messages_for_exits: u32,
    /// Leverage, close-out, hedging and closing order.
    pub preset: Preset,
    /// An entry must leave equity at least this many percent of the margin in use.
    pub margin_level_min_percent: u32,
    /// When the trading day begins, after UTC midnight.
    pub day_start: Span,
}

/// Limits of one symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct SymbolLimits {
    /// How far from the reference price an order may be.
    pub price_collar: PriceCollar,
    /// How far the price may move within a period.
    pub price_move: PriceMove,
    /// The largest order.
    pub order_volume: OrderVolume,
    /// The most valuable order.
    pub order_value: OrderValue,
    /// The widest spread.
    pub spread: SpreadGuard,
    /// The oldest quote.
    pub stale: StaleGuard,
    /// The largest position.
    pub position: PositionLimit,
}

/// Limits of one strategy: its risk profile.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyLimits {
    /// The symbols it may trade.
    pub symbols: Vec<SymbolId>,
    /// Value, risk and number of its positions.
    pub exposure: ExposureLimit,
    /// What it may lose.
    pub loss: LossLimit,
    /// What one trade may lose.
    pub trade_risk: TradeRisk,
    /// How its bets are sized.
    pub drawdown: DrawdownRule,
    /// How fast its entries may leave.
    pub messages: MessageRate,
    /// How often it may repeat itself.
    pub repeats: RepeatThrottle,
    /// How soon it may send the same order again.
    pub duplicates: DuplicateGuard,
    /// When it may open positions: at any time inside any window. No window means never.
    pub session: Vec<SessionWindow>,
    /// Whether an entry needs a stop.
    pub stop: StopRule,
    /// How a stop may move.
    pub stop_change: StopChange,
    /// The tighter limits of its first days, if any.
    pub launch: Option<Launch>,
}

/// How far an order's worst price may be from the reference price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceCollar {
    /// The furthest distance, in points.
    pub distance_max: Points,
}

/// How far the mid may range within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceMove {
    /// The period, at least 32 ns.
    pub window: Span,
    /// The widest range from lowest to highest mid, in points.
    pub move_max: Points,
}

/// The largest order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderVolume {
    /// Its volume; the instrument's own maximum holds as well.
    pub max: Lots,
}

/// The most valuable order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderValue {
    /// Its value, in the account's currency.
    pub max: Money,
}

/// The widest spread to enter at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpreadGuard {
    /// In points.
    pub max: Points,
    /// In multiples of the usual spread.
    pub multiple_max: f64,
}

/// The oldest quote to enter on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleGuard {
    /// Its age.
    pub age_max: Span,
}

/// The largest position in one symbol, in flight included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionLimit {
    /// Long.
    pub long_max: Lots,
    /// Short.
    pub short_max: Lots,
    /// How many positions and orders in flight, both sides together.
    pub positions_max: u32,
}

/// What a strategy or the account may hold, in flight included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExposureLimit {
    /// Value of long and short positions added up, in the account's currency.
    pub value_max: Money,
    /// What would be lost were every stop hit; a position without a stop counts with its whole value.
    pub risk_max: Money,
    /// How many positions and orders in flight.
    pub positions_max: u32,
}

/// What a strategy or the account may lose before entries stop until a named person re-arms them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossLimit {
    /// In one trading day, open profit included.
    pub day_max: Money,
    /// From the highest equity.
    pub drawdown_max: Money,
}

/// What one trade may lose at its stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeRisk {
    /// In millionths of the account's equity.
    pub max_ppm: u32,
}

/// How fast messages may leave: an exact token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRate {
    /// This many ...
    pub messages: u32,
    /// ... per this long ...
    pub per: Span,
    /// ... and at most this many at once.
    pub burst: u32,
}

/// How often a strategy may open the same symbol on the same side before it is stopped until a named person re-arms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatThrottle {
    /// This many executions, at most 1,024 ...
    pub executions_max: u32,
    /// ... within this long.
    pub window: Span,
}

/// How soon a strategy may send the same order (symbol, side, volume, price) again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateGuard {
    /// Not before this long; at most the repeat throttle's window.
    pub window: Span,
}

/// A daily window of UTC time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionWindow {
    /// The days on which it opens: bit 0 is Monday, bit 6 Sunday.
    pub weekdays: u8,
    /// When it opens, after midnight.
    pub from: Span,
    /// When it closes, after the same midnight; at most 24 hours. A window over midnight is two windows.
    pub until: Span,
}

/// Whether an entry needs a venue-side stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRule {
    /// Without a stop it is refused.
    Required,
    /// Without a stop it counts with its whole value as risk.
    Optional,
}

/// How the stop of an open position may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopChange {
    /// Only towards the price.
    TightenOnly,
    /// Anywhere that the venue accepts.
    Free,
}

/// The tighter limits of a strategy version's first days (RTS 6 Article 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Until when they hold.
    pub until: Time,
    /// How many entries altogether.
    pub entries_max: u32,
    /// The most valuable order.
    pub order_value_max: Money,
}

/// The net position allowed in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyLimit {
    /// Which currency.
    pub currency: Currency,
    /// Long or short, valued in the account's currency.
    pub net_max: Money,
}

/// How a Kelly fraction is cut so that the probability of falling to `alpha` of the wealth is below `beta`
/// (Busseti, Ryu and Boyd 2016, with lambda = ln beta / ln alpha).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DrawdownRule {
    /// Times 2 / (1 + lambda), the limit of many small bets.
    Diffusion {
        /// The part of the wealth that is to be kept, between 0 and 1.
        alpha: f64,
        /// The probability of losing it, between 0 and 1.
        beta: f64,
    },
    /// The exact fraction of a bet with two outcomes.
    Binary {
        /// The part of the wealth that is to be kept, between 0 and 1.
        alpha: f64,
        /// The probability of losing it, between 0 and 1.
        beta: f64,
    },
}

/// Why the limits cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecFault {
    /// There are not as many symbol limits as instruments, or an instrument is not in its own place.
    SymbolsDoNotMatch,
    /// An instrument's lot step, tick size, contract or digits are not positive or beyond their range.
    InstrumentInvalid {
        /// Which instrument.
        symbol: SymbolId,
    },
    /// An instrument's currency has no limit.
    CurrencyWithoutLimit {
        /// Which instrument.
        symbol: SymbolId,
    },
    /// More than 16 currencies, or one twice.
    Currencies,
    /// A strategy names a symbol that does not exist, or has more than 64 session windows.
    StrategySymbols {
        /// Which strategy, by its place.
        strategy: u16,
    },
    /// A message rate is not positive, or keeps more for exits than it has.
    MessageRate,
    /// A repeat throttle allows 0 or more than 1,024 executions, or its window is shorter than the duplicate guard's.
    Repeats {
        /// Which strategy, by its place.
        strategy: u16,
    },
    /// A session window is empty, over midnight or without days.
    Session {
        /// Which strategy, by its place.
        strategy: u16,
    },
    /// The parts of a drawdown rule are not between 0 and 1.
    Drawdown {
        /// Which strategy, by its place.
        strategy: u16,
    },
    /// A limit is negative, or a factor is not a positive number.
    Negative,
    /// A price window is shorter than 32 ns.
    PriceWindow {
        /// Which instrument.
        symbol: SymbolId,
    },
    /// A custom preset has a leverage of zero.
    Leverage,
}
