//! What a desk is configured with. A strategy is data.

use ensemble::{Barrier, CouncilSpec, DecideSpec};
use market::{BeliefSpec, Currency, Instrument, Lots, Points, Span, SymbolId};
use orders::Spec as OrdersSpec;
use risk::{Blackout, Limits, StopSpec};

use crate::notice::NewsRules;

/// A whole desk.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The account's currency.
    pub currency: Currency,
    /// The symbols, each in the place of its [`SymbolId`].
    pub symbols: Vec<SymbolSpec>,
    /// The councils: one per symbol and barrier class.
    pub classes: Vec<ClassSpec>,
    /// The strategies, each in the place of its number.
    pub strategies: Vec<StrategySpec>,
    /// The gate's limits.
    pub limits: Limits,
    /// When nobody may open positions.
    pub blackouts: Vec<Blackout>,
    /// What follows from events that are noticed.
    pub news: NewsRules,
    /// The orders' room, the exits of each strategy included.
    pub orders: OrdersSpec,
}

/// One symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct SymbolSpec {
    /// What is traded and by which grid.
    pub instrument: Instrument,
    /// The declared schema of its quotes.
    pub belief: BeliefSpec,
    /// Its features.
    pub features: features::Spec,
    /// Another feed or symbol that moves first.
    pub leader: Option<SymbolId>,
    /// From its quote currency to the account's.
    pub conversion: Conversion,
}

/// How an amount in a symbol's quote currency becomes one in the account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The quote currency is the account's.
    Same,
    /// The base currency is the account's: divided by the symbol's own mid.
    OwnMid,
    /// Times a fixed fraction.
    Fixed {
        /// Above the line.
        numerator: i64,
        /// Below the line.
        denominator: i64,
    },
    /// Times the mid of another symbol.
    Times(SymbolId),
    /// Divided by the mid of another symbol.
    Over(SymbolId),
}

/// One council.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassSpec {
    /// The class's name.
    pub name: String,
    /// Of which symbol.
    pub symbol: SymbolId,
    /// Its agents, labels, calibration and weights.
    pub council: CouncilSpec,
}

/// One strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategySpec {
    /// Its name.
    pub name: String,
    /// The symbols it trades, all with the same points per pip.
    pub symbols: Vec<SymbolId>,
    /// How it decides.
    pub decide: Decide,
    /// How far from the price seen a market order may be filled.
    pub deviation: Points,
    /// How long it rests after an entry was sent or refused.
    pub cooldown: Span,
    /// How many positions and orders in flight it holds per symbol before it stops asking.
    pub positions_max: u32,
    /// How much it bets.
    pub stake: StakeSpec,
    /// Where stop and target are.
    pub stop: StopRule,
}

/// How a strategy decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Decide {
    /// The ensemble's expected value (signals.md 6.2), asked on every believed tick.
    Ensemble {
        /// The barrier class, by name; there must be a council of it for each symbol.
        class: String,
        /// Prior weights, thresholds.
        spec: DecideSpec,
    },
    /// Two exponential averages of the mid per tick; always in the market once they crossed, turned at each cross.
    Cross {
        /// Ticks of the fast average.
        fast: u32,
        /// Ticks of the slow average.
        slow: u32,
    },
    /// Follows the sizes at the best quotes, once each time the imbalance passes the threshold.
    Imbalance {
        /// The least size of (bid - ask) / (bid + ask) that counts, between 0 and 1.
        threshold: f64,
    },
    /// A coin: the null of the honest report.
    Random {
        /// The seed.
        seed: u64,
        /// The mean time between entries.
        every: Span,
    },
}

/// How much a strategy bets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StakeSpec {
    /// Always as much.
    Fixed(Lots),
    /// As much as the bet is worth. Only with the ensemble, which alone states a probability.
    Kelly,
}

/// Where a strategy's stop and target are, as distances from the entry price.
#[derive(Debug, Clone, PartialEq)]
pub enum StopRule {
    /// Nowhere.
    Absent,
    /// Fixed, whatever the market does.
    Fixed {
        /// The stop's distance.
        stop: Points,
        /// The target's distance.
        target: Option<Points>,
    },
    /// At least this far; further when volatility, range or spread ask for it. The target stays.
    Volatility {
        /// The least distance of the stop.
        stop: Points,
        /// The target's distance.
        target: Option<Points>,
        /// What may widen the stop.
        widen: StopSpec,
    },
}

impl StopRule {
    /// The stop and target of a barrier class.
    pub const fn of(barrier: &Barrier) -> Self {
        Self::Fixed { stop: barrier.stop, target: Some(barrier.target) }
    }
}
