//! The micro-price: where the mid is expected to go from here, given the imbalance and the spread.
//!
//! After Stoikov 2018 ("The Micro-Price"): states (imbalance bucket, spread bucket), symmetric in the sign of the
//! imbalance. His fixed point `g(x) = E[dm + g(x')]` is solved online by temporal differences,
//! `g(x) += (dm + 0.95 g(x') - g(x)) / n(x)`, n at most 1,024, so that it adapts; the discount of 0.95 per tick keeps it
//! bounded by 20 times the largest move.

use market::Points;

/// Upper ends of the magnitudes of imbalance; below the first the state is the centre, where the gap is zero by symmetry.
const IMBALANCES: [f64; 4] = [0.1, 0.3, 0.5, 0.7];
/// Upper ends of the spread, in pips.
const SPREADS: [f64; 4] = [0.25, 0.5, 1.0, 2.0];
/// A state is known after this many visits.
const VISITS: u32 = 64;
const MEMORY: u32 = 1_024;
const DISCOUNT: f64 = 0.95;
const STATES: usize = 1 + IMBALANCES.len() * (SPREADS.len() + 1);

/// A state: its place in the table, and the sign of its imbalance (zero at the centre).
#[derive(Debug, Clone, Copy)]
struct Place {
    state: usize,
    sign: f64,
}

/// The table of expected moves, in points.
#[derive(Debug, Clone)]
pub(crate) struct MicroPrice {
    pip: f64,
    gaps: [f64; STATES],
    visits: [u32; STATES],
    /// The state and sign of the tick before.
    state: u8,
    sign: f64,
}

market::state!(MicroPrice { gaps, visits, state, sign });

impl MicroPrice {
    pub(crate) fn new(pip: Points) -> Self {
        Self { pip: pip.0.max(1) as f64, gaps: [0.0; STATES], visits: [0; STATES], state: 0, sign: 0.0 }
    }

    /// Learns from the change of the mid since the last tick, and answers with the expected further move (points) from the
    /// present state and whether that state is known.
    pub(crate) fn on_tick(&mut self, imbalance: f64, spread: f64, change: f64) -> (f64, bool) {
        let place = self.place(imbalance, spread);
        let ahead = place.sign * self.gaps[place.state];
        // A snapshot may hold any byte, so the place is looked up with care.
        let before = usize::from(self.state).min(STATES - 1);
        let visits = self.visits[before].saturating_add(1).min(MEMORY);
        self.visits[before] = visits;
        let surprise = self.sign * (change + DISCOUNT * ahead) - self.gaps[before];
        self.gaps[before] += surprise / f64::from(visits);
        (self.state, self.sign) = (place.state as u8, place.sign);
        (place.sign * self.gaps[place.state], self.visits[place.state] >= VISITS)
    }

    fn place(&self, imbalance: f64, spread: f64) -> Place {
        let size = imbalance.abs();
        let strength = IMBALANCES.iter().filter(|end| size >= **end).count();
        if strength == 0 {
            return Place { state: 0, sign: 0.0 };
        }
        let width = SPREADS.iter().filter(|end| spread >= **end * self.pip).count();
        Place { state: 1 + (strength - 1) * (SPREADS.len() + 1) + width, sign: imbalance.signum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The obvious twin: counts every transition of a known chain and iterates the fixed point over the whole sample.
    fn batch(samples: &[(f64, f64)]) -> f64 {
        let mut gap = 0.0;
        for _ in 0..500 {
            let (mut sum, mut n) = (0.0, 0.0);
            for pair in samples.windows(2) {
                let sign = |imbalance: f64| if imbalance.abs() < 0.1 { 0.0 } else { imbalance.signum() };
                if sign(pair[0].0) != 0.0 {
                    sum += sign(pair[0].0) * (pair[1].1 + DISCOUNT * sign(pair[1].0) * gap);
                    n += 1.0;
                }
            }
            gap = sum / n;
        }
        gap
    }

    /// A chain with two states: pressure of +-0.9 lasts with odds 3 in 4; the mid follows pressure by 2 points half the time.
    fn chain(seed: u64, ticks: usize) -> Vec<(f64, f64)> {
        let (mut x, mut imbalance) = (seed, 0.0);
        let mut draw = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 11) as f64 / 9_007_199_254_740_992.0
        };
        let mut samples = Vec::new();
        for _ in 0..ticks {
            let change = if draw() < 0.5 { 2.0 * f64::signum(imbalance) * f64::from(imbalance != 0.0) } else { 0.0 };
            if draw() > 0.75 {
                imbalance = [-0.9, 0.0, 0.9][(draw() * 3.0) as usize];
            }
            samples.push((imbalance, change));
        }
        samples
    }

    #[test]
    fn online_equals_batch_and_the_theory() {
        let samples = chain(12_345, 60_000);
        let mut micro = MicroPrice::new(Points(10));
        let mut last = (0.0, false);
        for (imbalance, change) in &samples {
            let answer = micro.on_tick(*imbalance, 8.0, *change);
            if *imbalance == 0.9 {
                last = answer;
            } else if *imbalance == 0.0 {
                assert_eq!(answer.0, 0.0, "the centre expects nothing");
            }
        }
        // g = 1 + 0.95 g (3/4 + 1/12 - 1/12): stays, or is drawn anew, up or down alike.
        let theory = 1.0 / (1.0 - 0.95 * 0.75);
        assert!((batch(&samples) - theory).abs() < 0.1, "{}", batch(&samples));
        assert!(last.1 && (last.0 - theory).abs() < 0.25, "{last:?} {theory}");
    }
}
