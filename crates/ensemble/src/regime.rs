//! Where we are: three regimes, and whether something has just changed. It gates and gives context; it does not vote.
//!
//! Every `cadence` the hidden Markov model takes one step on log realised variance, log spread and log intensity, each
//! in deviations from its own slow mean, and the change point detector one step on the return since the last step in
//! deviations of its slow sigma: a shift of level or of volatility both break its run.

use features::{Feature, Frame};
use market::{Span, Tick, Time, math};
use models::{Bocpd, BocpdSpec, Hmm, HmmSpec, STATES};

use crate::domain::{Centre, Domain, DomainSpec, Reach};

/// How many numbers the regimes are told from.
pub const REGIME_INPUTS: usize = 3;

/// How the regime is found, and what it allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegimeSpec {
    /// The time between two steps.
    pub cadence: Span,
    /// The slow scale of the three numbers. Outside of this domain every agent abstains.
    pub domain: DomainSpec,
    /// The regimes, in deviations of (log realised variance, log spread, log intensity).
    pub hmm: HmmSpec<REGIME_INPUTS>,
    /// The change point detector, in deviations of the return per step.
    pub change: BocpdSpec,
    /// A change counts as recent for this many steps.
    pub recent_steps: usize,
    /// How far each regime opens the gate, 0 to 1.
    pub openness: [f64; STATES],
    /// How much of the gate a certain recent change shuts, 0 to 1.
    pub change_shuts: f64,
}

/// The regime as the others see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegimeView {
    /// The probability of each regime.
    pub posterior: [f64; STATES],
    /// How far entries are allowed, 0 to 1: the mean openness, less what a recent change shuts. Zero until warm.
    pub gate: f64,
    /// The probability that something changed within the last `recent_steps`.
    pub change_probability: f64,
    /// How the three numbers lie to what was seen before; `Unknown` until warm.
    pub reach: Reach,
}

market::state!(RegimeView { posterior, gate, change_probability, reach });

impl RegimeView {
    /// Whether enough was seen to tell the regimes apart.
    pub const fn is_warm(&self) -> bool {
        !matches!(self.reach, Reach::Unknown)
    }
}

/// The regime filter.
#[derive(Debug, Clone)]
pub(crate) struct Regime {
    spec: RegimeSpec,
    domain: Domain<REGIME_INPUTS>,
    returns: Domain<1>,
    hmm: Hmm<REGIME_INPUTS>,
    change: Bocpd,
    /// When the last step was, and the mid then.
    last: Option<(Time, f64)>,
    view: RegimeView,
}

market::state!(Regime { domain, returns, hmm, change, last, view });

impl Regime {
    pub(crate) fn new(spec: &RegimeSpec) -> Self {
        let hmm = Hmm::new(&spec.hmm);
        let posterior = *hmm.posterior();
        Self {
            spec: *spec,
            domain: Domain::new(spec.domain, Centre::Mean),
            returns: Domain::new(spec.domain, Centre::Zero),
            hmm,
            change: Bocpd::new(&spec.change),
            last: None,
            view: RegimeView { posterior, gate: 0.0, change_probability: 1.0, reach: Reach::Unknown },
        }
    }

    pub(crate) const fn view(&self) -> &RegimeView {
        &self.view
    }

    /// Takes a step when one is due and the frame knows the three numbers.
    pub(crate) fn on_tick(&mut self, frame: &Frame, tick: &Tick) {
        if self.last.is_some_and(|(time, _)| tick.time.since(time) < self.spec.cadence) {
            return;
        }
        let Some(inputs) = inputs(frame) else { return };
        let before = self.last.replace((tick.time, tick.mid()));
        if let Some((time, mid)) = before {
            self.on_return(tick.time.since(time), tick.mid() - mid);
        }
        let standardised = self.domain.standardise(&inputs);
        let reach = self.domain.reach(&standardised);
        self.domain.learn(&inputs);
        if reach == Reach::Unknown {
            return;
        }
        let _ = self.hmm.observe(&standardised);
        let posterior = *self.hmm.posterior();
        let open: f64 = posterior.iter().zip(&self.spec.openness).map(|(p, open)| p * open.clamp(0.0, 1.0)).sum();
        let change_probability = self.change.probability_at_most(self.spec.recent_steps);
        let shut = self.spec.change_shuts.clamp(0.0, 1.0) * change_probability;
        self.view = RegimeView { posterior, gate: open * (1.0 - shut), change_probability, reach };
    }

    /// A return over a longer pause than a step counts as one of that step's length, by the root of time.
    fn on_return(&mut self, elapsed: Span, points: f64) {
        let steps = (elapsed.as_secs() / self.spec.cadence.as_secs().max(1e-9)).max(1.0);
        let step = [points / math::sqrt(steps)];
        let [standardised] = self.returns.standardise(&step);
        let is_known = self.returns.reach(&[0.0]) != Reach::Unknown;
        self.returns.learn(&step);
        if is_known {
            let _ = self.change.observe(standardised);
        }
    }
}

/// Log realised variance, log spread, log intensity; none below what a point or a tick an hour comes to.
fn inputs(frame: &Frame) -> Option<[f64; REGIME_INPUTS]> {
    let realised = frame.get(Feature::RealisedS60)?;
    let spread = frame.get(Feature::SpreadEwma60)?;
    let intensity = frame.get(Feature::IntensityS60)?;
    Some([math::ln(realised.max(0.25)), math::ln(spread.max(0.25)), math::ln(intensity.max(1e-3))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{COUNCIL, Noise};
    use market::{Lots, Price, SymbolId};

    /// Steps of a market whose realised variance, spread and intensity are the usual ones times `level`, whose returns
    /// have a deviation of `sigma` points.
    fn walk(regime: &mut Regime, noise: &mut Noise, steps: i64, level: f64, sigma: f64) {
        let (mut time, mut mid) = regime.last.unwrap_or((Time(0), 100_000.0));
        for _ in 0..steps {
            time = time.plus(COUNCIL.regime.cadence);
            mid += sigma * noise.normal();
            let (bid, lots) = (Price(mid as i64), Lots(0));
            let ask = Price(mid as i64 + 2);
            let tick = Tick { symbol: SymbolId(0), time, seen: time, bid, ask, bid_lots: lots, ask_lots: lots };
            let mut frame = Frame::empty(time);
            for feature in [Feature::RealisedS60, Feature::SpreadEwma60, Feature::IntensityS60] {
                frame = frame.with(feature, 30.0 * level * math::exp(0.3 * noise.normal()));
            }
            regime.on_tick(&frame, &tick);
        }
    }

    #[test]
    fn shut_until_warm_then_open_then_shut_when_wild() {
        let (mut regime, mut noise) = (Regime::new(&COUNCIL.regime), Noise(1));
        assert!(!regime.view().is_warm() && regime.view().gate == 0.0);
        walk(&mut regime, &mut noise, 1_000, 1.0, 10.0);
        let calm = *regime.view();
        assert!(calm.is_warm() && calm.gate > 0.8 && calm.posterior[1] > 0.8, "{calm:?}");
        assert!((calm.posterior.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        walk(&mut regime, &mut noise, 8, 2.0, 10.0);
        assert!(regime.view().posterior[2] > 0.8 && regime.view().gate < 0.6, "{:?}", regime.view());
    }

    #[test]
    fn a_change_of_volatility_shuts_the_gate_for_a_while() {
        let (mut regime, mut noise) = (Regime::new(&COUNCIL.regime), Noise(2));
        walk(&mut regime, &mut noise, 1_000, 1.0, 10.0);
        assert!(regime.view().change_probability < 0.1, "{:?}", regime.view());
        let mut highest = 0.0_f64;
        for _ in 0..6 {
            walk(&mut regime, &mut noise, 1, 1.0, 60.0);
            highest = highest.max(regime.view().change_probability);
        }
        assert!(highest > 0.5, "{highest}");
        walk(&mut regime, &mut noise, 60, 1.0, 60.0);
        assert!(regime.view().change_probability < 0.2, "{:?}", regime.view());
    }
}
