//! How excited the market is: intensities of upward and downward moves of the mid, and of ticks.
//!
//! Two-sided Hawkes process (Hawkes 1971, recursion of Ozaki 1979) with `alpha = beta x (moves caused per move)`:
//! `lambda_up = mu + beta (self R_up + cross R_down)`, `R` faded by `exp(-beta dt)` and raised by one at each move. The base
//! rate is what remains of the measured rate of moves (tau 300 s) once the excited share is taken off,
//! `mu = (1 - self - cross) rate / 2` for either side: the base has no direction, only excitement has.

use crate::decay::Rate;
use crate::feature::Feature::{HawkesDown, HawkesLogRatio, HawkesUp, IntensityS5, IntensityS60, IntensitySurge};
use crate::features::Step;
use crate::frame::Frame;
use crate::spec::HawkesSpec;
use market::math::{exp, ln};

/// The base rate is taken to be at least this, per second, so that the ratio is always finite.
const BASE_MIN: f64 = 1e-3;

/// The recursion of one kind of event: `R = exp(-beta dt) R`, plus one at each event.
#[derive(Debug, Clone, Copy)]
struct Excitement(f64);

impl Excitement {
    #[inline]
    fn fade(&mut self, w: f64) {
        self.0 = if self.0 > 1e-20 { self.0 * w } else { 0.0 };
    }

    #[inline]
    fn excite(&mut self) {
        self.0 += 1.0;
    }
}

impl market::State for Excitement {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut market::Reader<'_>) -> Result<(), market::Torn> {
        self.0.load(from)
    }
}

/// The running state of the intensities.
#[derive(Debug, Clone)]
pub(crate) struct Intensities {
    spec: HawkesSpec,
    up: Excitement,
    down: Excitement,
    moves: Rate,
    ticks_s5: Rate,
    ticks_s60: Rate,
}

market::state!(Intensities { up, down, moves, ticks_s5, ticks_s60 });

impl Intensities {
    pub(crate) fn new(spec: &HawkesSpec) -> Self {
        Self {
            spec: spec.bounded(),
            up: Excitement(0.0),
            down: Excitement(0.0),
            moves: Rate::NONE,
            ticks_s5: Rate::NONE,
            ticks_s60: Rate::NONE,
        }
    }

    pub(crate) fn on_tick(&mut self, step: &Step, frame: &mut Frame) {
        let w = exp(-self.spec.decay_per_second * step.seconds);
        self.up.fade(w);
        self.down.fade(w);
        if step.change > 0.0 {
            self.up.excite();
        } else if step.change < 0.0 {
            self.down.excite();
        }
        self.moves.add(step.weights.s300, f64::from(step.change != 0.0));
        let (up, down) = self.lambdas();
        let ready = step.seen >= 300.0;
        frame.set(HawkesUp, up, ready);
        frame.set(HawkesDown, down, ready);
        frame.set(HawkesLogRatio, ln(up / down), ready);

        self.ticks_s5.add(step.weights.s5, 1.0);
        self.ticks_s60.add(step.weights.s60, 1.0);
        let (s5, s60) = (self.ticks_s5.per_second(5.0), self.ticks_s60.per_second(60.0));
        frame.set(IntensityS5, s5, step.seen >= 5.0);
        frame.set(IntensityS60, s60, step.seen >= 60.0);
        frame.set(IntensitySurge, ln(s5 / s60), step.seen >= 60.0);
    }

    /// The intensities of an upward and of a downward move, per second, just after the last tick.
    fn lambdas(&self) -> (f64, f64) {
        let HawkesSpec { decay_per_second: beta, self_excitation, cross_excitation } = self.spec;
        let share = 1.0 - self_excitation - cross_excitation;
        let base = (0.5 * share * self.moves.per_second(300.0)).max(BASE_MIN);
        let excited = |same: f64, other: f64| base + beta * (self_excitation * same + cross_excitation * other);
        (excited(self.up.0, self.down.0), excited(self.down.0, self.up.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oracle_4_univariate_intensity_and_likelihood() {
        let (mu, alpha, beta, end) = (0.8, 0.5, 1.5, 3.0);
        let times = [0.5, 0.7, 1.2, 2.0, 2.1];
        let (mut excitement, mut before, mut likelihood) = (Excitement(0.0), 0.0, 0.0);
        let mut lambdas = Vec::new();
        for time in times {
            excitement.fade(exp(-beta * (time - before)));
            lambdas.push(mu + alpha * excitement.0);
            likelihood += ln(mu + alpha * excitement.0) - alpha / beta * (1.0 - exp(-beta * (end - time)));
            excitement.excite();
            before = time;
        }
        for (lambda, oracle) in lambdas.iter().zip([0.8, 1.170_409, 1.211_152, 1.074_434, 1.466_561]) {
            assert!((lambda - oracle).abs() < 1e-6, "{lambda} {oracle}");
        }
        assert!((likelihood - mu * end + 3.284_557_463_187_436).abs() < 1e-9, "{likelihood}");
    }

    #[test]
    fn the_two_sides_mirror_each_other_and_move_by_their_shares() {
        let spec = HawkesSpec { decay_per_second: 2.0, self_excitation: 0.5, cross_excitation: 0.1 };
        let mut intensities = Intensities::new(&spec);
        intensities.up.excite();
        let (up, down) = intensities.lambdas();
        assert!((up - BASE_MIN - 1.0).abs() < 1e-12 && (down - BASE_MIN - 0.2).abs() < 1e-12);
        std::mem::swap(&mut intensities.up, &mut intensities.down);
        assert_eq!(intensities.lambdas(), (down, up));
    }
}
