//! What the council's opinions are worth at this quote, and whether that is enough (signals.md 6.2).
//!
//! ```text
//! p0   = (S - c)/(S + a)                       with the spread c of this quote: no opinion means the null, not 0.5
//! L    = sum_i w_i c_i (logit p_i - logit p0)  over awake agents, w renormalised over them
//! p    = sigmoid(logit p0 + beta L)
//! EV   = p a - (1 - p) S - k;   EV_lo the same with p - z se(p)
//! ```
//!
//! The standard error of p adds three independent parts, none of which the others know of:
//!
//! ```text
//! se^2 = p (1 - p)/n  +  sum_i w_i^2 (p_i - mean p)^2  +  sum_i w_i^2 x_i^2
//! ```
//!
//! the sampling error of a frequency seen over n labels (the weighted mean of the agents' own, each counted by its
//! uniqueness, with the memory of the calibration), the standard error of the weighted mean from the agents'
//! disagreement, and the agents' measured miscalibration `x_i`: what the conformal interval is wider than sampling
//! alone explains.

use market::{Price, Side, Tick, Time, math};
use models::pool::clipped_logit;

use crate::artefact::TRAINED;
use crate::barrier::Barrier;
use crate::canary::Assignment;
use crate::council::{Council, CouncilSpec, Standing};
use crate::meta::MetaSilence;
use crate::regime::RegimeView;
use crate::vote::{AGENTS, Abstain, SIDES, place};

/// How one strategy uses the council.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecideSpec {
    /// The strategy's own weight of each agent, multiplied with what was learned; zero switches the agent off.
    pub prior: [f64; AGENTS],
    /// How far the pool is extremised; clipped to [.5, 2].
    pub beta: f64,
    /// The least expected value after costs, at the lower bound, in points.
    pub margin_points: f64,
    /// How many standard errors below p the lower bound lies.
    pub z: f64,
    /// The least number of agents that must have an opinion.
    pub awake_min: usize,
    /// The regime gate must be at least this far open, and not shut.
    pub gate_min: f64,
    /// The meta model must give the chosen side at least this probability of a net profit. Without one seated it has no
    /// say, unless it is demanded.
    pub meta_min: f64,
    /// Nothing is traded while the meta model has nothing to say.
    pub meta_required: bool,
}

impl DecideSpec {
    fn is_sound(&self) -> bool {
        self.prior.iter().all(|prior| prior.is_finite() && *prior >= 0.0)
            && [self.beta, self.margin_points, self.z, self.gate_min, self.meta_min].iter().all(|x| x.is_finite())
            && self.z >= 0.0
    }
}

/// Why no side is traded, in the order in which the reasons are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A specification or a result is not a usable number.
    Fault,
    /// The regime filter has not seen enough to know where we are.
    WarmingUp,
    /// No agent that the strategy wants has an opinion.
    AllAbstained,
    /// Fewer agents than the strategy demands have one.
    TooFewAgents,
    /// The lower bound of the expected value is not above the margin on either side.
    BelowMargin,
    /// It would be worth it, but the regime forbids it.
    GateClosed,
    /// It would be worth it, but the meta model gives the side too low a probability of a net profit.
    MetaDeclined,
    /// The strategy demands the meta model's word, and it has none.
    MetaSilent,
}

market::state_enum!(Reason {
    Fault,
    WarmingUp,
    AllAbstained,
    TooFewAgents,
    BelowMargin,
    GateClosed,
    MetaDeclined,
    MetaSilent
});

impl Reason {
    /// The reason in a word, for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::WarmingUp => "warming_up",
            Self::AllAbstained => "all_abstained",
            Self::TooFewAgents => "too_few_agents",
            Self::BelowMargin => "below_margin",
            Self::GateClosed => "gate_closed",
            Self::MetaDeclined => "meta_declined",
            Self::MetaSilent => "meta_silent",
        }
    }
}

/// What one agent brought to a decision. Pairs are (buy, sell).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Part {
    /// Why it brought nothing, if so; the numbers are then zero.
    pub abstained: Option<Abstain>,
    /// Its raw log-odds beyond the null's.
    pub raw: [f64; 2],
    /// Its calibrated probability.
    pub p: [f64; 2],
    /// Its weight among the awake: the strategy's prior times the learned weight, renormalised.
    pub weight: f64,
    /// Its confidence.
    pub confidence: f64,
    /// How many labels its calibration rests on, each counted by its uniqueness.
    pub labels: f64,
    /// How far its probabilities were off beyond what sampling explains, as a standard deviation.
    pub miscalibration: f64,
    /// What it adds to the pooled log-odds: beta x weight x confidence x (logit p - logit p0).
    pub contribution: [f64; 2],
}

impl Part {
    /// Nobody spoke in time.
    const ABSENT: Self = Self {
        abstained: Some(Abstain::Stale),
        raw: [0.0; 2],
        p: [0.0; 2],
        weight: 0.0,
        confidence: 0.0,
        labels: 0.0,
        miscalibration: 0.0,
        contribution: [0.0; 2],
    };
}

/// One side of a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The side.
    pub side: Side,
    /// The price at which it would be entered.
    pub entry: Price,
    /// The pool `L`, before beta.
    pub pooled: f64,
    /// Log-odds after the pool: base + beta L.
    pub logit: f64,
    /// The pooled probability.
    pub p: f64,
    /// Its standard error.
    pub se: f64,
    /// Its lower bound.
    pub p_lo: f64,
    /// The expected net profit, in points.
    pub ev: f64,
    /// The same at the lower bound.
    pub ev_lo: f64,
}

/// The whole arithmetic of one decision, traded or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The time of the quote.
    pub time: Time,
    /// What is decided about.
    pub barrier: Barrier,
    /// What the strategy demanded.
    pub spec: DecideSpec,
    /// The spread, in points: the part of the cost that p0 contains. The other is the barrier's commission.
    pub spread_points: f64,
    /// The win rate without skill at this spread.
    pub p0: f64,
    /// Its log-odds: where the sum of the contributions starts.
    pub base: f64,
    /// The beta used, clipped.
    pub beta: f64,
    /// What each agent brought, by its number.
    pub parts: [Part; AGENTS],
    /// How many agents were awake.
    pub awake: usize,
    /// The regime.
    pub regime: RegimeView,
    /// Buy and sell.
    pub views: [View; 2],
    /// The side with the higher lower bound.
    pub best: Side,
    /// The meta model's probability that the better side earns more than its costs. It is asked only when nothing else
    /// forbids the trade.
    pub meta: Option<f64>,
    /// Why it was asked and has said nothing, if so.
    pub meta_silent: Option<MetaSilence>,
    /// How often it had changed which models may speak: one number, so that no decision mixes two sets of them.
    pub epoch: u32,
    /// Where a challenger was a canary: whose word stood, by which block.
    pub assigned: [Option<Assignment>; TRAINED],
}

impl Decision {
    /// The better side's arithmetic.
    pub const fn view(&self) -> &View {
        &self.views[place(self.best)]
    }

    /// How far the contributions and the base miss the log-odds, the worse side: at most 1e-6, or the record is wrong.
    /// Infinite when something is not a number.
    pub fn discrepancy(&self) -> f64 {
        SIDES.iter().fold(0.0, |worst: f64, side| {
            let i = place(*side);
            let sum: f64 = self.parts.iter().map(|part| part.contribution[i]).sum();
            let missed = (self.base + sum - self.views[i].logit).abs();
            if missed <= worst {
                worst
            } else if missed.is_nan() {
                f64::INFINITY
            } else {
                missed
            }
        })
    }
}

/// Not trading: the reason, and the arithmetic up to there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoTrade {
    /// Why.
    pub reason: Reason,
    /// The arithmetic.
    pub decision: Decision,
}

/// Evaluates both sides at this quote; only the better one may be traded, and it is `decision.best`.
///
/// # Errors
/// [`NoTrade`] with the reason, and with the same arithmetic.
#[expect(clippy::result_large_err, reason = "both outcomes carry the arithmetic, so neither is larger")]
pub fn decide(council: &Council, spec: &DecideSpec, tick: &Tick) -> Result<Decision, NoTrade> {
    let mut decision = judge(council.standing(), council.spec(), spec, tick)?;
    // Asked last and only about what would be traded: a forest costs more than all of the rest.
    let word = council.meta().word(decision.best, council.barrier());
    (decision.meta, decision.meta_silent) = (word.ok(), word.err());
    match word {
        Ok(p) if p < spec.meta_min => Err(NoTrade { reason: Reason::MetaDeclined, decision }),
        Err(_) if spec.meta_required => Err(NoTrade { reason: Reason::MetaSilent, decision }),
        Ok(_) | Err(_) => Ok(decision),
    }
}

/// The same, from what the council says.
#[expect(clippy::result_large_err, reason = "both outcomes carry the arithmetic, so neither is larger")]
fn judge(standing: &Standing, council: &CouncilSpec, spec: &DecideSpec, tick: &Tick) -> Result<Decision, NoTrade> {
    let decision = weigh(standing, council, spec, tick);
    match objection(&decision) {
        Some(reason) => Err(NoTrade { reason, decision }),
        None => Ok(decision),
    }
}

/// The first reason not to trade, read from the arithmetic alone.
fn objection(decision: &Decision) -> Option<Reason> {
    let Decision { spec, barrier, .. } = decision;
    let numbers = decision.views.iter().flat_map(|view| [view.p, view.se, view.ev, view.ev_lo]);
    if !spec.is_sound() || barrier.check().is_err() || !numbers.into_iter().all(f64::is_finite) {
        return Some(Reason::Fault);
    }
    if !decision.regime.is_warm() {
        return Some(Reason::WarmingUp);
    }
    if decision.awake == 0 {
        return Some(Reason::AllAbstained);
    }
    if decision.awake < spec.awake_min {
        return Some(Reason::TooFewAgents);
    }
    if decision.view().ev_lo <= spec.margin_points {
        return Some(Reason::BelowMargin);
    }
    let gate = decision.regime.gate;
    (gate <= 0.0 || gate < spec.gate_min).then_some(Reason::GateClosed)
}

fn weigh(standing: &Standing, council: &CouncilSpec, spec: &DecideSpec, tick: &Tick) -> Decision {
    let barrier = council.barrier;
    let spread_points = tick.spread().as_f64();
    let p0 = barrier.null(spread_points);
    let base = clipped_logit(p0);
    let beta = spec.beta.clamp(0.5, 2.0);
    let stale = standing.heard.is_none_or(|heard| tick.time.since(heard) > council.age_max);
    let mut parts = if stale { [Part::ABSENT; AGENTS] } else { parts(standing, spec) };
    for (part, vote) in parts.iter_mut().zip(&standing.opinions) {
        let Ok(opinions) = vote.sides else { continue };
        part.contribution = opinions.map(|opinion| beta * part.weight * part.confidence * (opinion.logit - base));
    }
    let views = SIDES.map(|side| value(&parts, side, tick, &(barrier, base, beta, spec.z)));
    let [buy, sell] = &views;
    Decision {
        time: tick.time,
        barrier,
        spec: *spec,
        spread_points,
        p0,
        base,
        beta,
        parts,
        awake: parts.iter().filter(|part| part.weight > 0.0).count(),
        regime: standing.regime,
        views,
        best: if sell.ev_lo > buy.ev_lo { Side::Sell } else { Side::Buy },
        meta: None,
        meta_silent: None,
        epoch: standing.epoch,
        assigned: standing.assigned,
    }
}

/// Who is awake for this strategy, and with what weight.
fn parts(standing: &Standing, spec: &DecideSpec) -> [Part; AGENTS] {
    let mut parts: [Part; AGENTS] = std::array::from_fn(|i| {
        let vote = &standing.opinions[i];
        match vote.sides {
            Err(reason) => Part { abstained: Some(reason), ..Part::default() },
            Ok(opinions) => Part {
                abstained: None,
                raw: opinions.map(|opinion| opinion.raw),
                p: opinions.map(|opinion| opinion.p),
                weight: spec.prior[i] * standing.weights[i],
                confidence: vote.confidence,
                labels: standing.evidence[i].labels,
                miscalibration: standing.evidence[i].miscalibration,
                contribution: [0.0; 2],
            },
        }
    });
    let total: f64 = parts.iter().map(|part| part.weight).sum();
    if total > 0.0 {
        for part in &mut parts {
            part.weight /= total;
        }
    }
    parts
}

fn value(parts: &[Part; AGENTS], side: Side, tick: &Tick, terms: &(Barrier, f64, f64, f64)) -> View {
    let (barrier, base, beta, z) = terms;
    let i = place(side);
    let sum: f64 = parts.iter().map(|part| part.contribution[i]).sum();
    let logit = base + sum;
    let p = math::sigmoid(logit);
    let se = standard_error(parts, i, p);
    let p_lo = (p - z * se).max(0.0);
    View {
        side,
        entry: tick.entry(side),
        pooled: sum / beta,
        logit,
        p,
        se,
        p_lo,
        ev: barrier.value(p),
        ev_lo: barrier.value(p_lo),
    }
}

/// See the head of this file. Nobody awake: nothing is known, one half.
fn standard_error(parts: &[Part; AGENTS], side: usize, p: f64) -> f64 {
    let mean: f64 = parts.iter().map(|part| part.weight * part.p[side]).sum();
    let labels: f64 = parts.iter().map(|part| part.weight * part.labels).sum();
    if labels <= 0.0 {
        return 0.5;
    }
    let spread: f64 = parts
        .iter()
        .map(|part| {
            let off = part.p[side] - mean;
            part.weight * part.weight * (off * off + part.miscalibration * part.miscalibration)
        })
        .sum();
    math::sqrt(p * (1.0 - p) / labels + spread)
}

#[cfg(test)]
mod tests;
