//! The arithmetic of one strategy's decision at one event, kept only while somebody asks for it.

use ensemble::{Decision, NoTrade};
use features::Frame;
use market::{StrategyId, SymbolId};
use orders::OrderId;
use risk::{Proposal, Refusal, Review};

use crate::counters::Idle;

/// Everything that led to one strategy's answer on one tick, in the order in which it came about. What was not reached is
/// absent.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Whose answer.
    pub strategy: StrategyId,
    /// About what.
    pub symbol: SymbolId,
    /// What was seen.
    pub frame: Frame,
    /// Why it was not asked, or not followed.
    pub idle: Option<Idle>,
    /// The ensemble's arithmetic, whether it wanted to trade or not.
    pub decision: Option<Result<Decision, NoTrade>>,
    /// What was proposed to the gate.
    pub proposal: Option<Proposal>,
    /// What every control found, and how the size came about.
    pub review: Option<Review>,
    /// Why the gate refused.
    pub refusal: Option<Refusal>,
    /// The request that was sent.
    pub sent: Option<OrderId>,
}

impl Explanation {
    pub(crate) const fn new(strategy: StrategyId, symbol: SymbolId, frame: &Frame) -> Self {
        Self {
            strategy,
            symbol,
            frame: *frame,
            idle: None,
            decision: None,
            proposal: None,
            review: None,
            refusal: None,
            sent: None,
        }
    }
}
