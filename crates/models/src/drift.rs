//! Has the mean of a stream moved? Page-Hinkley (Page 1954), as river 0.26.1 computes it.
//!
//! Oracle: signals.md 7 #25. After a drift the next observation starts the test anew.

use crate::guard::{finite, within};

/// What a drift detector answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drift {
    /// Nothing speaks for a change.
    Stable,
    /// The stream changed.
    Drifted,
}

market::state_enum!(Drift { Stable, Drifted });

/// Which changes of the mean count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The mean rose.
    Up,
    /// The mean fell.
    Down,
    /// Either.
    Both,
}

market::state_enum!(Direction { Up, Down, Both });

/// The numbers of a [`PageHinkley`]; river's defaults are 30, 0.005, 50, 0.9999, both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageHinkleySpec {
    /// No drift is reported before this many observations.
    pub min_observations: u64,
    /// Changes smaller than this are tolerated, in the observations' unit (0 to 1e30).
    pub delta: f64,
    /// How much evidence is needed, in the observations' unit (0 to 1e30).
    pub threshold: f64,
    /// What is left of the evidence after each observation (0 to 1).
    pub forgetting: f64,
    /// Which changes count.
    pub direction: Direction,
}

/// Sums how far observations lie from their running mean, and compares with the extreme of that sum.
#[derive(Debug, Clone)]
pub struct PageHinkley {
    spec: PageHinkleySpec,
    count: u64,
    mean: f64,
    rise: f64,
    fall: f64,
    lowest_rise: f64,
    highest_fall: f64,
    drift: Drift,
}

market::state!(PageHinkley { count, mean, rise, fall, lowest_rise, highest_fall, drift });

impl PageHinkley {
    /// A test that has seen nothing.
    pub fn new(spec: &PageHinkleySpec) -> Self {
        let spec = PageHinkleySpec {
            delta: within(spec.delta, 0.0, 1e30),
            threshold: within(spec.threshold, 0.0, 1e30),
            forgetting: within(spec.forgetting, 0.0, 1.0),
            ..*spec
        };
        Self {
            spec,
            count: 0,
            mean: 0.0,
            rise: 0.0,
            fall: 0.0,
            lowest_rise: f64::INFINITY,
            highest_fall: -1.0,
            drift: Drift::Stable,
        }
    }

    /// Takes an observation; one that is not finite changes nothing and is stable.
    pub fn observe(&mut self, x: f64) -> Drift {
        let Some(x) = finite(x) else { return Drift::Stable };
        if self.drift == Drift::Drifted {
            *self = Self::new(&self.spec);
        }
        self.count = self.count.saturating_add(1);
        self.mean += (x - self.mean) / self.count as f64;
        let deviation = x - self.mean;
        self.rise = within(self.spec.forgetting * self.rise + deviation - self.spec.delta, -1e120, 1e120);
        self.fall = within(self.spec.forgetting * self.fall + deviation + self.spec.delta, -1e120, 1e120);
        self.lowest_rise = self.lowest_rise.min(self.rise);
        self.highest_fall = self.highest_fall.max(self.fall);
        if self.count >= self.spec.min_observations {
            let up = self.rise - self.lowest_rise > self.spec.threshold;
            let down = self.highest_fall - self.fall > self.spec.threshold;
            let drifted = match self.spec.direction {
                Direction::Up => up,
                Direction::Down => down,
                Direction::Both => up || down,
            };
            self.drift = if drifted { Drift::Drifted } else { Drift::Stable };
        }
        self.drift
    }

    /// The mean since the last restart.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// How many observations were taken since the last restart.
    pub const fn count(&self) -> u64 {
        self.count
    }
}

/// The stream of oracle #25.
#[cfg(test)]
pub(crate) fn oracle_stream(i: usize) -> f64 {
    let one = if i < 2_000 { 7_919 * i % 10 < 3 } else { 7_919 * (i - 2_000) % 10 < 7 };
    f64::from(u8::from(one))
}

/// Six levels, a thousand observations each, with the noise of the LCG: compared with river itself.
#[cfg(test)]
pub(crate) fn levels() -> Vec<f64> {
    let mut noise = crate::testing::Lcg::new(12345);
    [0.2, 0.5, 0.5, 1.5, 1.4, 0.1]
        .iter()
        .flat_map(|level| (0..1_000).map(move |_| *level))
        .map(|l| l + noise.uniform())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{anything, check_restore};
    use proptest::prelude::*;

    const RIVER: PageHinkleySpec = PageHinkleySpec {
        min_observations: 30,
        delta: 0.005,
        threshold: 50.0,
        forgetting: 1.0 - 0.0001,
        direction: Direction::Both,
    };

    fn drifts(spec: &PageHinkleySpec, stream: impl Iterator<Item = f64>) -> Vec<usize> {
        let mut test = PageHinkley::new(spec);
        stream.enumerate().filter(|(_, x)| test.observe(*x) == Drift::Drifted).map(|(i, _)| i).collect()
    }

    #[test]
    fn oracle_25() {
        assert_eq!(drifts(&RIVER, (0..3_000).map(oracle_stream)), [2_128]);
    }

    #[test]
    fn it_fires_where_river_fires() {
        let spec = PageHinkleySpec { threshold: 20.0, ..RIVER };
        assert_eq!(drifts(&spec, levels().into_iter()), [1_007, 3_018, 4_114, 5_009]);
        let up = drifts(&PageHinkleySpec { direction: Direction::Up, ..spec }, levels().into_iter());
        assert_eq!(up, [1_007, 3_018]);
    }

    #[test]
    fn it_is_restored() {
        check_restore(
            || PageHinkley::new(&PageHinkleySpec { threshold: 3.0, ..RIVER }),
            |m, i| m.observe(((i / 30 + i * 7) % 5) as f64),
        );
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(
            stream in prop::collection::vec(anything(), 1..60),
            spec in (anything(), anything(), anything()),
        ) {
            let mut test = PageHinkley::new(&PageHinkleySpec {
                min_observations: 3, delta: spec.0, threshold: spec.1, forgetting: spec.2, direction: Direction::Both,
            });
            for x in stream {
                test.observe(x);
                prop_assert!([test.mean, test.rise, test.fall, test.highest_fall].into_iter().all(f64::is_finite));
                prop_assert!(!test.lowest_rise.is_nan());
            }
        }
    }
}
