//! Memory that fades with event time: `w = exp(-dt / tau)`.

use market::math::exp;

/// The decay over one step for every tau, in seconds, that the crate uses.
///
/// One call to `exp` serves them all: the shorter taus are whole powers of the longest (300 = 5 x 60 = 10 x 30 ...),
/// which costs at most 3e-14 of relative accuracy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) s1: f64,
    pub(crate) s5: f64,
    pub(crate) s30: f64,
    pub(crate) s60: f64,
    pub(crate) s300: f64,
}

impl Weights {
    /// The decays over `seconds`; none when it is not positive.
    #[inline]
    pub(crate) fn over(seconds: f64) -> Self {
        let s300 = if seconds > 0.0 { exp(seconds / -300.0) } else { 1.0 };
        let s60 = fifth(s300);
        let s30 = s60 * s60;
        let s10 = s30 * s30 * s30;
        let s5 = s10 * s10;
        Self { s1: fifth(s5), s5, s30, s60, s300 }
    }

    /// The decays of order flow: 1, 5 and 30 s.
    #[inline]
    pub(crate) const fn flow(&self) -> [f64; 3] {
        [self.s1, self.s5, self.s30]
    }

    /// The decays of moving means: 1, 5, 30, 60 and 300 s.
    #[inline]
    pub(crate) const fn means(&self) -> [f64; 5] {
        [self.s1, self.s5, self.s30, self.s60, self.s300]
    }
}

#[inline]
const fn fifth(x: f64) -> f64 {
    let square = x * x;
    square * square * x
}

/// Decayed sums over several taus: `sum = w sum + x`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums<const N: usize>(pub(crate) [f64; N]);

impl<const N: usize> Sums<N> {
    pub(crate) const NONE: Self = Self([0.0; N]);

    /// Fades and adds.
    #[inline]
    pub(crate) fn add(&mut self, weights: &[f64; N], x: f64) {
        for (sum, w) in self.0.iter_mut().zip(weights) {
            *sum = *sum * w + x;
        }
    }

    /// Sum `i` as a share of the same sum of absolute values, within [-1, 1]; zero when nothing is left.
    #[inline]
    pub(crate) fn share(&self, of: &Self, i: usize) -> f64 {
        if of.0[i] > 1e-9 { (self.0[i] / of.0[i]).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

impl<const N: usize> market::State for Sums<N> {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut market::Reader<'_>) -> Result<(), market::Torn> {
        self.0.load(from)
    }
}

/// An irregular exponentially weighted mean: `m = w m + (1 - w) x`, begun at the first value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ewma {
    pub(crate) mean: f64,
    started: bool,
}

market::state!(Ewma { mean, started });

impl Ewma {
    pub(crate) const NONE: Self = Self { mean: 0.0, started: false };

    #[inline]
    pub(crate) fn update(&mut self, w: f64, x: f64) {
        self.mean = if self.started { self.mean + (1.0 - w) * (x - self.mean) } else { x };
        self.started = true;
    }
}

/// Counts events per second with a fading memory; the missing past of a young count is made up for, so that it is
/// unbiased from the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    sum: f64,
    /// The weight of the time before the first event, `exp(-T / tau)`.
    unseen: f64,
}

market::state!(Rate { sum, unseen });

impl Rate {
    pub(crate) const NONE: Self = Self { sum: 0.0, unseen: 1.0 };

    #[inline]
    pub(crate) fn add(&mut self, w: f64, events: f64) {
        self.sum = self.sum * w + events;
        // Kept away from the subnormal numbers, which are slow.
        self.unseen = if self.unseen > 1e-20 { self.unseen * w } else { 0.0 };
    }

    /// Events per second; meaningless (but finite) before any time has passed.
    #[inline]
    pub(crate) fn per_second(&self, tau: f64) -> f64 {
        self.sum / (tau * (1.0 - self.unseen).max(1e-9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_exp_serves_every_tau() {
        for seconds in [0.0, 1e-6, 0.013, 0.5, 1.5, 40.0, 1e4, 1e12] {
            let w = Weights::over(seconds);
            for (w, tau) in w.means().iter().zip([1.0, 5.0, 30.0, 60.0, 300.0]) {
                let oracle = exp(-seconds / tau);
                assert!((w - oracle).abs() <= 1e-13 * oracle + 1e-300, "{seconds} {tau}: {w} {oracle}");
            }
        }
    }

    #[test]
    fn oracle_2_irregular_ewma() {
        let mut ewma = Ewma::NONE;
        for (dt, x) in [(0.0, 1.0), (0.5, 2.0), (1.5, 4.0)] {
            ewma.update(Weights::over(dt).s1, x);
        }
        assert!((ewma.mean - 3.418_404_396_466_528).abs() < 1e-9, "{}", ewma.mean);
    }

    #[test]
    fn a_steady_rate_is_found_from_the_start() {
        let mut rate = Rate::NONE;
        for i in 0..2_000 {
            rate.add(Weights::over(0.01).s5, 1.0);
            assert!(i < 100 || (rate.per_second(5.0) - 100.0).abs() < 2.0, "{i} {}", rate.per_second(5.0));
        }
    }
}
