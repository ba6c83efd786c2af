//! Online Platt scaling: `p = sigmoid(a l + b)`, learned one label at a time (Platt 1999).
//!
//! The steps are Newton's on the log loss with a decaying memory: the information matrix is
//! `prior + sum keep^age w p (1 - p) (l, 1)(l, 1)'`, and a step is `w (y - p) (l, 1)` divided by it. It starts at
//! `a = 1, b = 0`, the identity, and the prior says how many labels it takes to leave it.

use crate::guard::{finite, probability, within};
use market::math::{sigmoid, sqrt};

/// Log-odds beyond this are clipped before they are used; 3.89 is a probability of 0.98.
const WIDEST: f64 = 8.0;

/// The numbers of a [`Platt`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlattSpec {
    /// How many labels are remembered (10 to 1e9).
    pub memory: f64,
    /// Information that holds `a` and `b` back at first (1e-3 to 1e6); 25 is worth about a hundred labels at p = 1/2.
    pub prior: f64,
    /// The least and the most that `a` may be (0 to 100).
    pub slope: (f64, f64),
    /// The most that `b` may be away from zero (0 to 10).
    pub offset: f64,
}

/// The recalibration of one agent's log-odds.
#[derive(Debug, Clone)]
pub struct Platt {
    spec: PlattSpec,
    a: f64,
    b: f64,
    /// Decayed information: of `a`, of both, of `b`, without the prior.
    information: [f64; 3],
    learned: u64,
}

market::state!(Platt { a, b, information, learned });

impl Platt {
    /// The identity.
    pub fn new(spec: &PlattSpec) -> Self {
        let least = within(spec.slope.0, 0.0, 100.0);
        let spec = PlattSpec {
            memory: within(spec.memory, 10.0, 1e9),
            prior: within(spec.prior, 1e-3, 1e6),
            slope: (least, within(spec.slope.1, least, 100.0)),
            offset: within(spec.offset, 0.0, 10.0),
        };
        Self { spec, a: within(1.0, spec.slope.0, spec.slope.1), b: 0.0, information: [0.0; 3], learned: 0 }
    }

    /// The recalibrated log-odds; log-odds that are not finite count as zero.
    pub fn log_odds(&self, l: f64) -> f64 {
        self.a * usable(l) + self.b
    }

    /// The recalibrated probability, inside (0, 1).
    pub fn probability(&self, l: f64) -> f64 {
        probability(sigmoid(self.log_odds(l)))
    }

    /// Standard error of the recalibrated log-odds, from the information so far and the prior.
    pub fn standard_error(&self, l: f64) -> f64 {
        let l = usable(l);
        let (u, v) = self.solve(l, 1.0);
        sqrt((l * u + v).max(0.0))
    }

    /// Learns the label of an opinion with log-odds `l`. A sample weight (at most 1e3) that is not positive and finite,
    /// or log-odds that are not finite, teach nothing.
    pub fn learn(&mut self, l: f64, label: bool, sample_weight: f64) {
        let Some(l) = finite(l) else { return };
        if !sample_weight.is_finite() || sample_weight <= 0.0 {
            return;
        }
        let (l, weight) = (usable(l), sample_weight.min(1e3));
        let p = self.probability(l);
        let keep = 1.0 - 1.0 / self.spec.memory;
        let curvature = weight * p * (1.0 - p);
        let [aa, ab, bb] = self.information;
        self.information = [keep * aa + curvature * l * l, keep * ab + curvature * l, keep * bb + curvature];
        let pull = weight * (f64::from(u8::from(label)) - p);
        let (da, db) = self.solve(pull * l, pull);
        self.a = within(self.a + da, self.spec.slope.0, self.spec.slope.1);
        self.b = within(self.b + db, -self.spec.offset, self.spec.offset);
        self.learned = self.learned.saturating_add(1);
    }

    /// Divides a vector by the information matrix. The prior keeps the determinant at its square or above.
    fn solve(&self, u: f64, v: f64) -> (f64, f64) {
        let (aa, ab, bb) =
            (self.information[0] + self.spec.prior, self.information[1], self.information[2] + self.spec.prior);
        let determinant = (aa * bb - ab * ab).max(self.spec.prior * self.spec.prior);
        ((bb * u - ab * v) / determinant, (aa * v - ab * u) / determinant)
    }

    /// The slope `a` and the offset `b`.
    pub const fn coefficients(&self) -> (f64, f64) {
        (self.a, self.b)
    }

    /// How many labels were learned.
    pub const fn learned(&self) -> u64 {
        self.learned
    }
}

fn usable(l: f64) -> f64 {
    if l.is_nan() { 0.0 } else { l.clamp(-WIDEST, WIDEST) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use proptest::prelude::*;

    const SPEC: PlattSpec = PlattSpec { memory: 5_000.0, prior: 25.0, slope: (0.25, 4.0), offset: 2.0 };

    /// Labels whose true log-odds are `a l + b`.
    fn teach(platt: &mut Platt, noise: &mut Lcg, labels: usize, (a, b): (f64, f64)) {
        for _ in 0..labels {
            let l = 1.5 * noise.normal();
            platt.learn(l, noise.uniform() < sigmoid(a * l + b), 1.0);
        }
    }

    #[test]
    fn it_finds_the_true_line_and_follows_it() {
        let (mut platt, mut noise) = (Platt::new(&SPEC), Lcg::new(9));
        for truth in [(0.5, -0.3), (1.6, 0.4), (1.0, 0.0)] {
            teach(&mut platt, &mut noise, 30_000, truth);
            let (a, b) = platt.coefficients();
            close(a, truth.0, 0.12);
            close(b, truth.1, 0.12);
        }
        assert!(platt.standard_error(0.0) < 0.06 && platt.standard_error(3.0) > platt.standard_error(0.0));
    }

    /// The same estimate by full Newton steps over all labels at once, with the prior centred on the identity.
    #[test]
    fn it_comes_close_to_the_batch_estimate() {
        let mut noise = Lcg::new(21);
        let labels: Vec<(f64, f64)> = (0..4_000)
            .map(|_| {
                let l = 1.5 * noise.normal();
                (l, f64::from(u8::from(noise.uniform() < sigmoid(0.7 * l + 0.2))))
            })
            .collect();
        let (mut a, mut b) = (1.0, 0.0);
        for _ in 0..30 {
            let mut g = [-25.0 * (a - 1.0), -25.0 * b];
            let mut h = [25.0, 0.0, 25.0];
            for (l, y) in &labels {
                let p = sigmoid(a * l + b);
                g = [g[0] + (y - p) * l, g[1] + (y - p)];
                let c = p * (1.0 - p);
                h = [h[0] + c * l * l, h[1] + c * l, h[2] + c];
            }
            let d = h[0] * h[2] - h[1] * h[1];
            a += (h[2] * g[0] - h[1] * g[1]) / d;
            b += (h[0] * g[1] - h[1] * g[0]) / d;
        }
        let mut platt = Platt::new(&PlattSpec { memory: 1e9, ..SPEC });
        for (l, y) in &labels {
            platt.learn(*l, *y > 0.5, 1.0);
        }
        close(platt.coefficients().0, a, 0.02);
        close(platt.coefficients().1, b, 0.02);
    }

    #[test]
    fn labels_of_no_weight_teach_nothing() {
        let mut platt = Platt::new(&SPEC);
        platt.learn(1.0, true, 0.0);
        platt.learn(1.0, true, f64::INFINITY);
        platt.learn(f64::NAN, true, 1.0);
        assert_eq!((platt.coefficients(), platt.learned()), ((1.0, 0.0), 0));
        close(platt.probability(1.25), sigmoid(1.25), 0.0);
    }

    #[test]
    fn it_is_restored() {
        check_restore(|| Platt::new(&SPEC), |m, i| m.learn((i * 31 % 17) as f64 / 4.0 - 2.0, i % 3 == 0, 0.5));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(
            stream in prop::collection::vec((anything(), any::<bool>(), anything()), 1..80),
            spec in (anything(), anything(), anything(), anything(), anything()),
        ) {
            let mut platt =
                Platt::new(&PlattSpec { memory: spec.0, prior: spec.1, slope: (spec.2, spec.3), offset: spec.4 });
            for (l, label, weight) in stream {
                platt.learn(l, label, weight);
                let p = platt.probability(l);
                prop_assert!(p > 0.0 && p < 1.0 && platt.standard_error(l).is_finite());
                let (a, b) = platt.coefficients();
                prop_assert!((platt.spec.slope.0..=platt.spec.slope.1).contains(&a) && b.abs() <= platt.spec.offset);
            }
        }

        #[test]
        fn it_keeps_the_order_of_opinions(labels in prop::collection::vec((-4.0..4.0_f64, any::<bool>()), 0..80)) {
            let mut platt = Platt::new(&SPEC);
            for (l, label) in labels {
                platt.learn(l, label, 1.0);
            }
            prop_assert!((-7..7).all(|l| platt.probability(f64::from(l)) < platt.probability(f64::from(l + 1))));
        }
    }
}
