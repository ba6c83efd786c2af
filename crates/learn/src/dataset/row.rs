//! One row: a moment, what was seen, what came of it.

use ensemble::{Outcome, RegimeView};
use features::Frame;
use market::{Price, Side, Time};

/// What became of a trade on one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Came {
    /// When it was entered.
    pub entered: Time,
    /// When it ended: only from then on is the label known.
    pub ended: Time,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was worth it: the target, or a net profit at the horizon.
    pub won: bool,
    /// Profit after spread and commission, in points: the exit-side quote that ended it against the entry.
    pub net: f64,
    /// The mean of 1/(number of live labels) over its life, in (0, 1].
    pub uniqueness: f64,
}

/// A moment and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its number, from 0.
    pub number: u64,
    /// When the tick was.
    pub time: Time,
    /// The quote.
    pub bid: Price,
    /// The quote.
    pub ask: Price,
    /// The desk's features after that tick.
    pub frame: Frame,
    /// The desk's regime after that tick, where the symbol has a council.
    pub regime: Option<RegimeView>,
    /// The side that the primary chose.
    pub primary: Option<Side>,
    /// A buy, and a sell; `None` where nobody knows: a silence, a hopeless spread, the end of the ticks.
    pub came: [Option<Came>; 2],
    /// How far the mid moved from the decision latency after this moment to the horizon after that, in points; `None` where
    /// nobody knows.
    pub moved: Option<f64>,
}

/// The place of a side in [`Row::came`].
pub const fn place(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

impl Row {
    /// What became of the primary's side.
    pub fn primary_came(&self) -> Option<&Came> {
        self.came[place(self.primary?)].as_ref()
    }
}
