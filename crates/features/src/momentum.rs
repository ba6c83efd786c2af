//! How far the mid is from where it was: against moving means, in sigmas of that scale or in standard deviations around
//! the mean. Never scaled by a minimum and maximum over the sample.

use crate::feature::Feature::{
    self, MomentumS1, MomentumS5, MomentumS30, MomentumS60, MomentumS300, ZScoreS30, ZScoreS60, ZScoreS300,
};
use crate::features::Step;
use crate::frame::Frame;
use crate::sigma::{Sigmas, floor};
use market::Points;

const MOMENTUM: [Feature; 5] = [MomentumS1, MomentumS5, MomentumS30, MomentumS60, MomentumS300];
const TAUS: [f64; 5] = [1.0, 5.0, 30.0, 60.0, 300.0];

/// Moving means of the mid, and the EW variance around each (Finch 2009, eq. 143).
#[derive(Debug, Clone)]
pub(crate) struct Momentum {
    floor: f64,
    started: bool,
    means: [f64; 5],
    variances: [f64; 5],
}

market::state!(Momentum { started, means, variances });

impl Momentum {
    pub(crate) fn new(pip: Points) -> Self {
        Self { floor: floor(pip), started: false, means: [0.0; 5], variances: [0.0; 5] }
    }

    pub(crate) fn on_tick(&mut self, step: &Step, sigmas: &Sigmas, frame: &mut Frame) {
        if !self.started {
            (self.started, self.means) = (true, [step.mid; 5]);
        }
        let weights = step.weights.means();
        let mut distances = [0.0; 5];
        for i in 0..5 {
            let gain = 1.0 - weights[i];
            let distance = step.mid - self.means[i];
            self.means[i] += gain * distance;
            self.variances[i] = weights[i] * (self.variances[i] + gain * distance * distance);
            distances[i] = step.mid - self.means[i];
        }
        let (divisors, ready) = sigmas.divisors();
        for i in 0..5 {
            frame.set(MOMENTUM[i], distances[i] / divisors[i], ready[i] && step.seen >= TAUS[i]);
        }
        for (i, feature) in [(2, ZScoreS30), (3, ZScoreS60), (4, ZScoreS300)] {
            let deviation = self.variances[i].sqrt().max(self.floor);
            frame.set(feature, distances[i] / deviation, step.seen >= TAUS[i]);
        }
    }
}
