//! Realised variance, bipower variation and jumps over rolling windows: rings of 60 slots, of one or of five seconds.
//!
//! A slot's change is its last mid less that of the slot before which had ticks; empty slots are not invented.

use crate::feature::Feature;
use crate::frame::Frame;
use crate::second::{Second, slot_ended};
use crate::window::{SLOTS, SlotSums};
use std::f64::consts::FRAC_PI_2;

/// One window.
#[derive(Debug, Clone)]
pub(crate) struct Realised {
    /// Seconds per slot.
    step: i64,
    /// Realised variance, bipower variation, jump.
    features: [Feature; 3],
    last: Option<(i64, f64)>,
    /// The last absolute change.
    change: Option<f64>,
    squares: SlotSums,
    products: SlotSums,
}

market::state!(Realised { last, change, squares, products });

impl Realised {
    pub(crate) const fn new(step: i64, features: [Feature; 3]) -> Self {
        Self { step, features, last: None, change: None, squares: SlotSums::new(), products: SlotSums::new() }
    }

    pub(crate) fn on_second(&mut self, second: &Second, next: i64, seen: f64, frame: &mut Frame) {
        let Some(slot) = slot_ended(second, next, self.step) else { return };
        if let Some((last_slot, last_mid)) = self.last.replace((slot, second.close)) {
            if slot - last_slot > SLOTS {
                self.change = None;
            }
            self.add(slot, second.close - last_mid);
        }
        let present = next.div_euclid(self.step);
        self.squares.advance(present);
        self.products.advance(present);
        let (realised, bipower) = self.variances();
        let ready = seen >= (SLOTS * self.step) as f64;
        for (feature, value) in self.features.into_iter().zip([realised, bipower, (realised - bipower).max(0.0)]) {
            frame.set(feature, value, ready);
        }
    }

    fn add(&mut self, slot: i64, change: f64) {
        let size = change.abs();
        self.squares.put(slot, size * size);
        self.products.put(slot, self.change.map_or(0.0, |before| before * size));
        self.change = Some(size);
    }

    /// `RV = sum r^2` and `BPV = (pi/2) sum |r_i| |r_(i-1)|` (Barndorff-Nielsen and Shephard 2004), in points squared.
    fn variances(&self) -> (f64, f64) {
        (self.squares.sum(), FRAC_PI_2 * self.products.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oracle_3_realised_variance_and_bipower() {
        let mut realised = Realised::new(1, [Feature::RealisedS60, Feature::BipowerS60, Feature::JumpS60]);
        for (slot, change) in [0.1, -0.2, 0.15, 0.05, -0.6, 0.1].into_iter().enumerate() {
            realised.add(slot as i64, change);
        }
        let (rv, bpv) = realised.variances();
        assert!((rv - 0.445).abs() < 1e-9 && (bpv - 0.231_692_458_202_247_24).abs() < 1e-9, "{rv} {bpv}");
    }
}
