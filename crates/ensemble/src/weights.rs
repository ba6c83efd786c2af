//! Who is listened to: fixed share with sleeping experts, one vector of weights per regime (signals.md 1.5 and 6.2).
//!
//! A label counts by its uniqueness, and in each regime as far as that regime was believed when the sample was taken:
//! both the loss and the share that is dealt out are scaled by that, or the share of many overlapping labels, or of
//! regimes that are not there, would level all weights. Whoever abstained then, or is faulted, keeps its weight to the
//! bit: the awake share what they had together.

use market::{Reader, State, Torn, math};
use models::STATES;

use crate::vote::AGENTS;

/// How weights learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightSpec {
    /// Learning rate of the exponential weights; 1 with log loss is Bayes.
    pub eta: f64,
    /// Share that is dealt out evenly to the awake at each label of uniqueness one; about 1/(labels that a state of
    /// affairs lasts).
    pub alpha: f64,
    /// No awake agent's weight falls below this.
    pub floor: f64,
    /// No awake agent's weight rises above this.
    pub cap: f64,
}

/// The weights of all agents in all regimes. Each vector sums to one.
#[derive(Debug, Clone)]
pub struct Weights {
    spec: WeightSpec,
    regimes: [[f64; AGENTS]; STATES],
}

impl State for Weights {
    fn save(&self, out: &mut Vec<u8>) {
        self.regimes.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.regimes.load(from)
    }
}

impl Weights {
    /// Everybody is listened to alike.
    pub const fn new(spec: WeightSpec) -> Self {
        Self { spec, regimes: [[1.0 / AGENTS as f64; AGENTS]; STATES] }
    }

    /// The weights by regime.
    pub const fn regimes(&self) -> &[[f64; AGENTS]; STATES] {
        &self.regimes
    }

    /// The weights mixed by the regimes' probabilities.
    pub fn mixed(&self, posterior: &[f64; STATES]) -> [f64; AGENTS] {
        std::array::from_fn(|agent| {
            self.regimes.iter().zip(posterior).map(|(weights, believed)| weights[agent] * believed).sum()
        })
    }

    /// Learns one label of a `uniqueness`, taken when the regimes were believed with `posterior`. `losses` holds the
    /// loss of each agent that was awake then.
    pub fn learn(&mut self, losses: &[Option<f64>; AGENTS], uniqueness: f64, posterior: &[f64; STATES]) {
        for (weights, believed) in self.regimes.iter_mut().zip(posterior) {
            step(weights, losses, &self.spec, uniqueness * believed);
        }
    }
}

fn step(weights: &mut [f64; AGENTS], losses: &[Option<f64>; AGENTS], spec: &WeightSpec, scale: f64) {
    let awake = losses.iter().flatten().count();
    let mass: f64 = weights.iter().zip(losses).filter(|(_, loss)| loss.is_some()).map(|(weight, _)| weight).sum();
    // The least loss is taken off all: the same weights, and no underflow.
    let least = losses.iter().flatten().fold(f64::INFINITY, |least, loss| least.min(*loss));
    if awake < 2 || !least.is_finite() || scale <= 0.0 {
        return;
    }
    let mut next = *weights;
    let mut total = 0.0;
    for (weight, loss) in next.iter_mut().zip(losses) {
        let Some(loss) = loss else { continue };
        *weight *= math::exp(-spec.eta * scale * (loss - least));
        total += *weight;
    }
    let share = (spec.alpha * scale).clamp(0.0, 1.0);
    for (weight, loss) in next.iter_mut().zip(losses) {
        if loss.is_some() {
            *weight = (1.0 - share) * *weight * mass / total + share * mass / awake as f64;
        }
    }
    bound(&mut next, losses, (spec.floor, spec.cap), mass);
    if next.iter().all(|weight| weight.is_finite() && *weight >= 0.0) {
        *weights = next;
    }
}

/// Brings the weights of the awake between floor and cap and keeps their sum; leaves them when that cannot be.
fn bound(weights: &mut [f64; AGENTS], losses: &[Option<f64>; AGENTS], limits: (f64, f64), mass: f64) {
    let (floor, cap) = limits;
    let awake = losses.iter().flatten().count() as f64;
    if awake * floor > mass || awake * cap < mass {
        return;
    }
    // Each round pins at least one weight to a limit, or is the last.
    let mut pinned = losses.map(|loss| loss.is_none());
    for _ in 0..AGENTS {
        let free = |weights: &[f64; AGENTS], pinned: &[bool; AGENTS]| -> f64 {
            weights.iter().zip(pinned).filter(|(_, pinned)| !**pinned).map(|(weight, _)| weight).sum()
        };
        let held: f64 = (0..AGENTS).filter(|i| pinned[*i] && losses[*i].is_some()).map(|i| weights[i]).sum();
        let stretch = (mass - held) / free(weights, &pinned);
        let (mut below, mut above) = (0.0, 0.0);
        for i in 0..AGENTS {
            if !pinned[i] {
                weights[i] *= stretch;
                below += (floor - weights[i]).max(0.0);
                above += (weights[i] - cap).max(0.0);
            }
        }
        if below <= 0.0 && above <= 0.0 {
            return;
        }
        // Pinning only the larger violation keeps the rest feasible (as in projecting on a box and a plane).
        for i in (0..AGENTS).filter(|i| losses[*i].is_some()) {
            if !pinned[i] && above >= below && weights[i] > cap {
                (weights[i], pinned[i]) = (cap, true);
            } else if !pinned[i] && above < below && weights[i] < floor {
                (weights[i], pinned[i]) = (floor, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOSSES: [[f64; 3]; 3] = [[0.1, 0.5, 0.9], [0.2, 0.4, 0.6], [0.9, 0.1, 0.5]];

    /// The oracle of signals.md 7 #22 among three awake agents, while the others sleep.
    fn check(alpha: f64, expected: [f64; 3]) {
        let mut weights = Weights::new(WeightSpec { eta: 0.5, alpha, floor: 0.0, cap: 1.0 });
        for losses in LOSSES {
            let [a, b, c] = losses.map(Some);
            let mut all = [None; AGENTS];
            (all[0], all[2], all[3]) = (a, b, c);
            weights.learn(&all, 1.0, &[1.0, 0.0, 0.0]);
        }
        let each = 1.0 / AGENTS as f64;
        let [a, asleep, b, c, ..] = weights.regimes()[0];
        for (weight, expected) in [a, b, c].into_iter().zip(expected) {
            assert!((weight / (3.0 * each) - expected).abs() < 1e-8, "{weight} {expected}");
        }
        assert_eq!(asleep, each, "the sleeping keep their weight to the bit");
        assert_eq!(weights.regimes()[1], [each; AGENTS], "a regime that was not believed learns nothing");
    }

    #[test]
    fn hedge_and_fixed_share_oracle() {
        check(0.0, [0.360_296_62, 0.398_189_34, 0.241_514_04]);
        check(0.05, [0.351_754_58, 0.395_334_73, 0.252_910_69]);
    }

    fn losses() -> impl Strategy<Value = [Option<f64>; AGENTS]> {
        let one = prop::option::of(0.0..5.0_f64);
        prop::collection::vec(one, AGENTS).prop_map(|all| std::array::from_fn(|i| all[i]))
    }

    proptest! {
        #[test]
        fn weights_stay_a_distribution_within_their_limits(
            steps in prop::collection::vec((losses(), 0.0..1.0_f64, 0.0..1.0_f64), 1..60),
        ) {
            let mut weights = Weights::new(WeightSpec { eta: 1.0, alpha: 0.002, floor: 0.02, cap: 0.6 });
            for (losses, a, b) in steps {
                let posterior = [a * b, a * (1.0 - b), 1.0 - a];
                let before = *weights.regimes();
                weights.learn(&losses, b, &posterior);
                for (before, after) in before.iter().zip(weights.regimes()) {
                    prop_assert!((after.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    for i in 0..AGENTS {
                        prop_assert!(after[i] >= 0.02 - 1e-12 && after[i] <= 0.6 + 1e-12, "{after:?}");
                        prop_assert!(losses[i].is_some() || after[i] == before[i]);
                    }
                }
                prop_assert!((weights.mixed(&posterior).iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }

        #[test]
        fn the_better_agent_gains(better in 0_usize..AGENTS) {
            let mut weights = Weights::new(WeightSpec { eta: 1.0, alpha: 0.002, floor: 0.02, cap: 0.6 });
            for _ in 0..200 {
                let losses = std::array::from_fn(|i| Some(if i == better { 0.5 } else { 0.7 }));
                weights.learn(&losses, 1.0, &[0.0, 1.0, 0.0]);
            }
            let weights = weights.regimes()[1];
            prop_assert!((weights[better] - 0.6).abs() < 1e-12);
            prop_assert!(weights.iter().all(|weight| *weight >= 0.02));
        }
    }
}
