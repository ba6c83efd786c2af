//! What a review found: every control's figures and every step of the sizing, for `explain`.

use crate::proposal::Proposal;
use crate::refusal::{Control, Refusal, Verdict};
use market::{Side, StrategyId, SymbolId, Time};

/// How many controls there are.
pub const CONTROLS_COUNT: usize = Control::ALL.len();

/// What came of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Outcome {
    /// It was not asked: it does not concern this order, or an earlier one refused.
    #[default]
    NotAsked,
    /// It let the order pass.
    Passed,
    /// It refused.
    Refused,
}

/// The last answer of a control in one review. Where a control asks several levels (positions per symbol, strategy and
/// account; both currencies), this is the answer with the least room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Finding {
    /// What came of it.
    pub outcome: Outcome,
    /// What was found, in the unit of the refusal's type.
    pub found: i64,
    /// What is allowed, in the unit of the refusal's type.
    pub allowed: i64,
}

/// A step of the sizing chain. The steps to [`Step::Regime`] are fractions of equity, the next is in currency units, the
/// others are in volume units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The Kelly fraction on net payoffs.
    Kelly,
    /// Shrunk for the error of the probability (Baker and `McHale`).
    EstimationError,
    /// Cut for the drawdown constraint.
    Drawdown,
    /// Times the agents' confidence.
    Confidence,
    /// Times the meta model's factor.
    Meta,
    /// Times the regime gate.
    Regime,
    /// The amount to risk, at most what one trade may.
    TradeRisk,
    /// The volume that risks this amount at the stop.
    Volume,
    /// At most the largest order, by volume and by value.
    OrderCap,
    /// At most what the currencies' limits leave.
    CurrencyCap,
    /// At most what may still be lost.
    LossCap,
    /// Floored to the lot step.
    LotStep,
}

market::state_enum!(Step {
    Kelly,
    EstimationError,
    Drawdown,
    Confidence,
    Meta,
    Regime,
    TradeRisk,
    Volume,
    OrderCap,
    CurrencyCap,
    LossCap,
    LotStep
});

/// The value after each step of the sizing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sizing {
    values: [f64; Step::ALL.len()],
    reached: u16,
}

impl Sizing {
    pub(crate) fn note(&mut self, step: Step, value: f64) -> f64 {
        self.values[usize::from(step.code())] = value;
        self.reached |= 1 << step.code();
        value
    }

    /// The value after a step; `None` when it was not reached.
    pub fn after(&self, step: Step) -> Option<f64> {
        (self.reached & (1 << step.code()) != 0).then(|| self.values[usize::from(step.code())])
    }
}

/// The record of one review.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Review {
    /// When.
    pub time: Time,
    /// Whose proposal.
    pub strategy: StrategyId,
    /// Of what.
    pub symbol: SymbolId,
    /// Which way.
    pub side: Side,
    /// How its size came about.
    pub sizing: Sizing,
    /// The refusal, unless it was approved.
    pub refusal: Option<Refusal>,
    findings: [Finding; CONTROLS_COUNT],
}

impl Review {
    /// The record of nothing: a place for [`crate::Gate::review_into`] to write to.
    pub fn empty() -> Self {
        Self {
            time: Time(0),
            strategy: StrategyId(0),
            symbol: SymbolId(0),
            side: Side::Buy,
            sizing: Sizing::default(),
            refusal: None,
            findings: [Finding::default(); CONTROLS_COUNT],
        }
    }

    /// Forgets what was found before.
    pub(crate) fn begin(&mut self, proposal: &Proposal, time: Time) {
        self.time = time;
        (self.strategy, self.symbol, self.side) = (proposal.strategy, proposal.symbol, proposal.side);
        self.sizing = Sizing::default();
        self.refusal = None;
        self.findings.fill(Finding::default());
    }

    /// Writes a verdict down.
    ///
    /// # Errors
    /// The refusal, when the control does not let it pass.
    #[inline]
    pub(crate) fn ask(&mut self, verdict: Verdict) -> Result<(), Refusal> {
        let (found, allowed) = verdict.measure.figures();
        let outcome = if verdict.passed { Outcome::Passed } else { Outcome::Refused };
        let next = Finding { outcome, found, allowed };
        let finding = &mut self.findings[usize::from(verdict.measure.control().code())];
        let room = |finding: &Finding| finding.allowed.saturating_sub(finding.found);
        let tighter = finding.outcome == Outcome::NotAsked || room(&next) < room(finding);
        if tighter || !verdict.passed {
            *finding = next;
        }
        verdict.check()
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        let (found, allowed) = refusal.figures();
        self.findings[usize::from(refusal.control().code())] = Finding { outcome: Outcome::Refused, found, allowed };
        self.refusal = Some(refusal);
    }

    /// What a control found.
    pub fn finding(&self, control: Control) -> Finding {
        self.findings[usize::from(control.code())]
    }

    /// The controls that were asked, with what they found, in the order of the table.
    pub fn findings(&self) -> impl Iterator<Item = (Control, Finding)> + '_ {
        let asked = |(control, finding): (&Control, &Finding)| (*control, *finding);
        Control::ALL.iter().zip(&self.findings).map(asked).filter(|(_, finding)| finding.outcome != Outcome::NotAsked)
    }
}
