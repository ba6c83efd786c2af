//! What an agent says: a calibrated probability per side, or why it says nothing.

use market::{Reader, Side, State, Torn};

/// Who votes. The regime filter does not vote: it gates and gives context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKind {
    /// Online logistic regression on order flow.
    Flow,
    /// Kalman fair value and lead-lag basis, through the barrier formula.
    FairValue,
    /// Hawkes bursts of up and down moves.
    Burst,
    /// Momentum on several time frames.
    Momentum,
    /// Reversion from stretched levels.
    Reversion,
    /// Boosted trees, trained beforehand.
    Trees,
    /// A recurrent net, trained beforehand.
    Sequence,
    /// What is said in the news.
    News,
}

market::state_enum!(AgentKind { Flow, FairValue, Burst, Momentum, Reversion, Trees, Sequence, News });

/// How many agents vote.
pub const AGENTS: usize = AgentKind::ALL.len();

impl AgentKind {
    /// The agent's name, for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::FairValue => "fair_value",
            Self::Burst => "burst",
            Self::Momentum => "momentum",
            Self::Reversion => "reversion",
            Self::Trees => "trees",
            Self::Sequence => "sequence",
            Self::News => "news",
        }
    }
}

/// Why an agent says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Abstain {
    /// The frame is older than the tick by more than is allowed.
    Stale,
    /// Too few labels have come back to know what its probability is worth.
    Uncalibrated,
    /// The features are far from all it has seen.
    OutOfDomain,
    /// A blackout was declared.
    Blackout,
    /// A feature it needs, or its own memory, is not ready.
    #[default]
    WarmUp,
    /// It produced something that is not a number, and stays out until restarted.
    Fault,
    /// It has looked, and has nothing to say.
    NoOpinion,
    /// No trained model has taken its seat.
    NoModel,
}

market::state_enum!(Abstain { Stale, Uncalibrated, OutOfDomain, Blackout, WarmUp, Fault, NoOpinion, NoModel });

impl Abstain {
    /// The reason in a word, for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Uncalibrated => "uncalibrated",
            Self::OutOfDomain => "out_of_domain",
            Self::Blackout => "blackout",
            Self::WarmUp => "warm_up",
            Self::Fault => "fault",
            Self::NoOpinion => "no_opinion",
            Self::NoModel => "no_model",
        }
    }
}

/// A calibrated opinion about one side.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Opinion {
    /// The agent's own log-odds beyond the null's, before calibration.
    pub raw: f64,
    /// Calibrated log-odds, clipped to those of [.02, .98].
    pub logit: f64,
    /// Calibrated probability that the side's barrier is reached in profit.
    pub p: f64,
}

market::state!(Opinion { raw, logit, p });

/// What one agent says about both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vote {
    /// The opinion about buying and about selling, or why there is none.
    pub sides: Result<[Opinion; 2], Abstain>,
    /// How much the agent is trusted beyond its weight: `clamp(1 - width/width_ref, 0, 1)`.
    pub confidence: f64,
    /// The width of the conformal interval on `p`.
    pub width: f64,
}

impl Vote {
    /// No opinion, with the reason.
    pub const fn abstained(reason: Abstain) -> Self {
        Self { sides: Err(reason), confidence: 0.0, width: 1.0 }
    }

    /// The opinion about one side, or why there is none.
    ///
    /// # Errors
    /// The reason of the abstention.
    pub fn about(&self, side: Side) -> Result<Opinion, Abstain> {
        self.sides.map(|sides| sides[place(side)])
    }
}

/// The place of a side in a pair: buy first.
pub const fn place(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// Both sides, in the order of their places.
pub const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

impl Default for Vote {
    fn default() -> Self {
        Self::abstained(Abstain::WarmUp)
    }
}

impl State for Vote {
    fn save(&self, out: &mut Vec<u8>) {
        self.sides.err().map_or(u8::MAX, Abstain::code).save(out);
        self.sides.unwrap_or_default().save(out);
        self.confidence.save(out);
        self.width.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let code = from.u8()?;
        let mut sides = [Opinion::default(); 2];
        sides.load(from)?;
        self.sides = if code == u8::MAX { Ok(sides) } else { Err(*Abstain::ALL.get(usize::from(code)).ok_or(Torn)?) };
        self.confidence.load(from)?;
        self.width.load(from)
    }
}
