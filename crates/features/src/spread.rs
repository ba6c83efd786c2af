//! What it costs to cross, and whether that is more than usual.

use crate::decay::Ewma;
use crate::feature::Feature::{SinceWidening, Spread, SpreadEwma60, SpreadExcess, SpreadPerSigma};
use crate::features::Step;
use crate::frame::Frame;
use crate::sigma::Sigmas;

/// Where the count of seconds since the last widening stops.
const SECONDS_MAX: f64 = 3_600.0;

/// The running state of the spread.
#[derive(Debug, Clone)]
pub(crate) struct SpreadDynamics {
    widening: f64,
    ewma: Ewma,
    since_widening: f64,
}

market::state!(SpreadDynamics { ewma, since_widening });

impl SpreadDynamics {
    pub(crate) const fn new(widening: f64) -> Self {
        Self { widening, ewma: Ewma::NONE, since_widening: 0.0 }
    }

    pub(crate) fn on_tick(&mut self, step: &Step, sigmas: &Sigmas, frame: &mut Frame) {
        let ready = step.seen >= 60.0;
        let widened = ready && step.spread > self.widening * self.ewma.mean;
        self.since_widening = if widened { 0.0 } else { (self.since_widening + step.seconds).min(SECONDS_MAX) };
        self.ewma.update(step.weights.s60, step.spread);
        let (divisors, sigmas_ready) = sigmas.divisors();
        frame.set(Spread, step.spread, true);
        frame.set(SpreadEwma60, self.ewma.mean, ready);
        frame.set(SpreadExcess, step.spread - self.ewma.mean, ready);
        frame.set(SpreadPerSigma, step.spread / divisors[3], sigmas_ready[3]);
        frame.set(SinceWidening, self.since_widening, ready);
    }
}
