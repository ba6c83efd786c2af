//! Adaptive conformal inference: how wide an interval must be to miss as often as declared, whatever the stream does.
//!
//! `alpha' = alpha + gamma (target - missed)` (Gibbs & Candes 2021, arXiv 2106.00170); the width is the
//! `ceil((n + 1)(1 - alpha))`-th smallest of the last scores. Test: signals.md 7 #29. A score is how far the truth was
//! from the centre of the interval.

use crate::guard::{LARGEST, load_exactly, within};
use market::{Reader, State, Torn};

/// The numbers of an [`Aci`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AciSpec {
    /// Share of intervals that may miss (1e-4 to 0.9999).
    pub miscoverage: f64,
    /// Step size of the level (0 to 0.5); 0.005 to 0.05 is usual.
    pub gamma: f64,
    /// How many scores are remembered (8 to 65536).
    pub capacity: usize,
}

/// The last scores, and the level that makes their quantile miss as declared.
#[derive(Debug, Clone)]
pub struct Aci {
    spec: AciSpec,
    alpha: f64,
    /// Scores in the order of arrival, from `next` on when full.
    ring: Vec<f64>,
    /// The same scores in ascending order.
    sorted: Vec<f64>,
    len: usize,
    next: usize,
    resolved: u64,
    missed: u64,
}

impl Aci {
    /// An instance without scores. Allocates everything it will ever use.
    pub fn new(spec: &AciSpec) -> Self {
        let spec = AciSpec {
            miscoverage: within(spec.miscoverage, 1e-4, 0.9999),
            gamma: within(spec.gamma, 0.0, 0.5),
            capacity: spec.capacity.clamp(8, 65_536),
        };
        Self {
            alpha: spec.miscoverage,
            ring: vec![0.0; spec.capacity],
            sorted: vec![0.0; spec.capacity],
            len: 0,
            next: 0,
            resolved: 0,
            missed: 0,
            spec,
        }
    }

    /// Half the interval's width, in the scores' unit. `None` when no finite width is wide enough: too few scores for
    /// the level, or a level at or below zero. Zero at a level of one or more.
    pub fn width(&self) -> Option<f64> {
        if self.alpha >= 1.0 {
            return Some(0.0);
        }
        // Within 0 and capacity + 2, so the cast is exact.
        let rank = within(((self.len as f64 + 1.0) * (1.0 - self.alpha)).ceil(), 0.0, self.len as f64 + 1.0) as usize;
        if rank == 0 { Some(0.0) } else { self.sorted[..self.len].get(rank - 1).copied() }
    }

    /// Takes the score of an interval that was [`Self::width`] wide and has resolved. A score (its absolute value
    /// counts) that is NaN changes nothing.
    pub fn resolve(&mut self, score: f64) {
        if score.is_nan() {
            return;
        }
        let score = score.abs().min(LARGEST);
        let missed = self.alpha >= 1.0 || self.width().is_some_and(|width| score > width);
        self.resolve_as(score, missed);
    }

    /// The same for a width that was given out earlier, when labels come late: the caller says whether it missed.
    pub fn resolve_as(&mut self, score: f64, missed: bool) {
        if score.is_nan() {
            return;
        }
        let error = f64::from(u8::from(missed));
        self.alpha += self.spec.gamma * (self.spec.miscoverage - error);
        self.alpha = within(self.alpha, -1.0, 2.0);
        self.resolved = self.resolved.saturating_add(1);
        self.missed = self.missed.saturating_add(u64::from(missed));
        self.remember(score.abs().min(LARGEST));
    }

    /// Replaces the oldest score; two binary searches and one move of at most `capacity` numbers.
    fn remember(&mut self, score: f64) {
        let mut len = self.len;
        if len == self.spec.capacity {
            let oldest = self.ring[self.next];
            let at = self.sorted[..len].partition_point(|s| *s < oldest);
            self.sorted.copy_within(at + 1..len, at);
            len -= 1;
        }
        let at = self.sorted[..len].partition_point(|s| *s < score);
        self.sorted.copy_within(at..len, at + 1);
        self.sorted[at] = score;
        self.len = len + 1;
        self.ring[self.next] = score;
        self.next = (self.next + 1) % self.spec.capacity;
    }

    /// The level now; its long-run effect is the declared miscoverage.
    pub const fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The share of intervals that missed; `None` before the first.
    pub fn miscoverage(&self) -> Option<f64> {
        (self.resolved > 0).then(|| self.missed as f64 / self.resolved as f64)
    }

    /// How many intervals resolved.
    pub const fn resolved(&self) -> u64 {
        self.resolved
    }
}

impl State for Aci {
    fn save(&self, out: &mut Vec<u8>) {
        self.alpha.save(out);
        self.ring.save(out);
        self.sorted.save(out);
        self.len.save(out);
        self.next.save(out);
        self.resolved.save(out);
        self.missed.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.alpha.load(from)?;
        load_exactly(&mut self.ring, from)?;
        load_exactly(&mut self.sorted, from)?;
        self.len.load(from)?;
        self.next.load(from)?;
        self.resolved.load(from)?;
        self.missed.load(from)?;
        if self.len <= self.spec.capacity && self.next < self.spec.capacity { Ok(()) } else { Err(Torn) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lcg, anything, check_restore, close};
    use proptest::prelude::*;

    const SPEC: AciSpec = AciSpec { miscoverage: 0.1, gamma: 0.02, capacity: 256 };

    #[test]
    fn oracle_29_variance_doubles_and_coverage_holds() {
        for seed in [1, 2, 3, 4, 5] {
            let (mut aci, mut noise) = (Aci::new(&SPEC), Lcg::new(seed));
            for i in 0..5_000 {
                let sd = if i < 2_500 { 1.0 } else { std::f64::consts::SQRT_2 };
                aci.resolve(sd * noise.normal());
            }
            close(aci.miscoverage().unwrap(), 0.10, 0.01);
        }
    }

    #[test]
    fn coverage_holds_while_variance_doubles_again_and_again() {
        let (mut aci, mut noise) = (Aci::new(&SPEC), Lcg::new(6));
        let mut fixed = 0;
        for i in 0..5_000 {
            let x = f64::from(1 << (i / 500)) * noise.normal();
            fixed += u64::from(x.abs() > 1.645);
            aci.resolve(x);
        }
        close(aci.miscoverage().unwrap(), 0.10, 0.01);
        assert!(fixed > 3_000, "a fixed width would have missed most of the time");
    }

    #[test]
    fn the_width_is_the_conformal_quantile_of_the_last_scores() {
        let spec = AciSpec { gamma: 0.0, capacity: 32, ..SPEC };
        let (mut aci, mut noise) = (Aci::new(&spec), Lcg::new(8));
        let mut scores = Vec::new();
        for _ in 0..200 {
            let score = (noise.uniform() * 20.0).floor();
            aci.resolve(score);
            scores.push(score);
            let mut last: Vec<f64> = scores.iter().rev().take(32).copied().collect();
            last.sort_by(f64::total_cmp);
            let rank = ((last.len() + 1) as f64 * 0.9).ceil() as usize;
            assert_eq!(aci.width(), last.get(rank - 1).copied());
        }
    }

    #[test]
    fn it_is_restored() {
        let new = || Aci::new(&AciSpec { capacity: 32, ..SPEC });
        check_restore(new, |m, i| m.resolve((i * 31 % 17) as f64));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(
            stream in prop::collection::vec((anything(), any::<bool>(), any::<bool>()), 1..80),
            (miscoverage, gamma, capacity) in (anything(), anything(), 0..20_usize),
        ) {
            let mut aci = Aci::new(&AciSpec { miscoverage, gamma, capacity });
            for (score, late, missed) in stream {
                if late { aci.resolve_as(score, missed) } else { aci.resolve(score) }
                prop_assert!(aci.width().is_none_or(|w| w.is_finite() && w >= 0.0));
                prop_assert!(aci.alpha().is_finite());
                prop_assert!(aci.sorted[..aci.len].is_sorted());
            }
        }
    }
}
