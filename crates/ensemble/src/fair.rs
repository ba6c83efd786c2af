//! Fair value: where the price belongs, and what that is worth for a barrier (agent A4 of signals.md 6.1).
//!
//! A Kalman local level follows the mid, and where a leader is quoted also the mid plus the leader's basis. Its
//! variances are in seconds of price variance (level: one per second), so that the filter keeps its shape when
//! volatility changes; times the variance per second of the price they are in square points.
//!
//! The gap between level and mid is expected to close over the time that the trade needs: the longer of the
//! declared reversion time and the expected time to leave the brackets without drift, U D / sigma^2, and at most
//! the horizon. That gives the posterior of the drift, and the barrier formula is averaged over it. Whether gaps do
//! close is left to the calibration, which may shrink the opinion to nothing.

use features::{Feature, Frame};
use market::{Span, Tick, Time, math};
use models::barrier::{DriftBelief, hit_probabilities_averaged};
use models::pool::clipped_logit;
use models::{LocalLevel, LocalLevelSpec};

use crate::barrier::Barrier;
use crate::inputs::{Inputs, WIDTH};
use crate::vote::Abstain;

/// How fair value is filtered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FairValueSpec {
    /// The noise of our own mid, in seconds of price variance.
    pub noise_seconds: f64,
    /// The noise of the leader's mid plus basis, in seconds of price variance.
    pub leader_noise_seconds: f64,
    /// The least time in which a gap is expected to close.
    pub reversion: Span,
}

/// The filter of fair value.
#[derive(Debug, Clone)]
pub(crate) struct FairValue {
    spec: FairValueSpec,
    level: LocalLevel,
    heard: Option<Time>,
}

market::state!(FairValue { level, heard });

/// What the filter sees now.
#[derive(Debug, Clone, Copy)]
struct Gap {
    /// Level less mid, in points.
    points: f64,
    /// Its variance, in square points.
    variance: f64,
    /// Variance of the mid per second, in square points.
    sigma_squared: f64,
}

impl FairValue {
    pub(crate) fn new(spec: FairValueSpec) -> Self {
        let level = LocalLevel::new(&LocalLevelSpec {
            process_variance_per_second: 1.0,
            observation_variance: spec.noise_seconds,
            initial_mean: 0.0,
            initial_variance: 1e12,
        });
        Self { spec, level, heard: None }
    }

    /// Takes the next quote.
    pub(crate) fn on_tick(&mut self, frame: &Frame, tick: &Tick) {
        let elapsed = self.heard.map_or(Span(0), |heard| tick.time.since(heard));
        self.heard = Some(self.heard.map_or(tick.time, |heard| heard.max(tick.time)));
        let _ = self.level.observe(elapsed, tick.mid());
        if let Some(basis) = frame.get(Feature::LeaderBasis) {
            let _ = self.level.observe_with(Span(0), tick.mid() + basis, self.spec.leader_noise_seconds);
        }
    }

    fn gap(&self, frame: &Frame, tick: &Tick) -> Result<Gap, Abstain> {
        let sigma = frame.get(Feature::SigmaS60).ok_or(Abstain::WarmUp)?;
        let sigma_squared = sigma * sigma / 60.0;
        if self.heard.is_none() {
            return Err(Abstain::WarmUp);
        }
        if sigma_squared <= 0.0 {
            return Err(Abstain::NoOpinion);
        }
        let points = self.level.mean() - tick.mid();
        Ok(Gap { points, variance: self.level.variance() * sigma_squared, sigma_squared })
    }

    /// What the domain watches: the gap and the basis, in sigmas of one second.
    ///
    /// # Errors
    /// [`Abstain::WarmUp`] until volatility is known, [`Abstain::NoOpinion`] when there is none.
    pub(crate) fn inputs(&self, frame: &Frame, tick: &Tick) -> Result<Inputs, Abstain> {
        let gap = self.gap(frame, tick)?;
        let sigma = math::sqrt(gap.sigma_squared);
        let mut inputs = [0.0; WIDTH];
        inputs[0] = gap.points / sigma;
        inputs[1] = frame.value(Feature::LeaderBasis) / sigma;
        Ok(inputs)
    }

    /// Log-odds beyond the null's, for buying and selling.
    ///
    /// # Errors
    /// As [`FairValue::inputs`]; [`Abstain::NoOpinion`] also when the spread leaves no room for the stop.
    pub(crate) fn raw(&self, frame: &Frame, tick: &Tick, barrier: &Barrier) -> Result<[f64; 2], Abstain> {
        let gap = self.gap(frame, tick)?;
        let spread = tick.spread().as_f64().max(0.0);
        let (up, down) = (barrier.target.as_f64() + spread, barrier.stop.as_f64() - spread);
        if down <= 0.0 {
            return Err(Abstain::NoOpinion);
        }
        let exit = up * down / gap.sigma_squared;
        let time = exit.max(self.spec.reversion.as_secs()).min(barrier.horizon.as_secs()).max(1e-3);
        let (drift, deviation) = (gap.points / time, math::sqrt(gap.variance) / time);
        let sigma = math::sqrt(gap.sigma_squared);
        let null = clipped_logit(barrier.null(spread));
        // Not a number is a fault, and the seat will see it.
        let both = hit_probabilities_averaged(up, down, DriftBelief { mean: drift, deviation }, sigma);
        Ok(both.map_or([f64::NAN; 2], |both| both.map(|p| clipped_logit(p) - null)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BARRIER, COUNCIL};
    use market::{Lots, Price, SymbolId};

    fn tick(millis: i64, mid: i64) -> Tick {
        let (time, bid, ask) = (Time::from_millis(millis), Price(mid - 1), Price(mid + 1));
        Tick { symbol: SymbolId(0), time, seen: time, bid, ask, bid_lots: Lots(0), ask_lots: Lots(0) }
    }

    /// The mid stood at 1000 for a while, then printed `last` beside the leader's basis: what both sides look like.
    fn check(last: i64, basis: Option<f64>) -> [f64; 2] {
        let mut fair = FairValue::new(COUNCIL.agents.fair_value);
        let frame = Frame::empty(Time(0)).with(Feature::SigmaS60, 17.0);
        (0..100).for_each(|i| fair.on_tick(&frame, &tick(i * 500, 1_000)));
        let frame = basis.map_or(frame, |basis| frame.with(Feature::LeaderBasis, basis));
        let last = tick(50_000, last);
        fair.on_tick(&frame, &last);
        fair.raw(&frame, &last, &BARRIER).unwrap()
    }

    #[test]
    fn buys_below_fair_value_and_follows_the_leader() {
        let [buy, sell] = check(1_000, None);
        assert!(buy.abs() < 0.02 && (buy - sell).abs() < 1e-12, "{buy} {sell}");
        let [buy, sell] = check(990, None);
        assert!(buy > 0.1 && sell < -0.1, "{buy} {sell}");
        let [mirrored_sell, mirrored_buy] = check(1_010, None);
        assert!((buy - mirrored_buy).abs() < 1e-9 && (sell - mirrored_sell).abs() < 1e-9);
        let [buy, sell] = check(1_000, Some(5.0));
        assert!(buy > 0.1 && sell < -0.1, "{buy} {sell}");
    }

    #[test]
    fn says_nothing_without_volatility_or_room() {
        let mut fair = FairValue::new(COUNCIL.agents.fair_value);
        let frame = Frame::empty(Time(0));
        fair.on_tick(&frame, &tick(0, 1_000));
        assert_eq!(fair.raw(&frame, &tick(0, 1_000), &BARRIER), Err(Abstain::WarmUp));
        let still = frame.with(Feature::SigmaS60, 0.0);
        assert_eq!(fair.inputs(&still, &tick(0, 1_000)), Err(Abstain::NoOpinion));
        let wide = Tick { ask: Price(1_020), ..tick(0, 1_000) };
        assert_eq!(fair.raw(&frame.with(Feature::SigmaS60, 9.0), &wide, &BARRIER), Err(Abstain::NoOpinion));
    }
}
