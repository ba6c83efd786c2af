//! A window that is cut when its older part no longer looks like its newer part: ADWIN2.
//!
//! Source: Bifet & Gavalda 2007, Learning from time-changing data with adaptive windowing; the sums of squares of
//! merged buckets are those of Babcock et al. 2003. Semantics of river 0.26.1, restart after a drift included. Oracle:
//! signals.md 7 #25. Row r holds buckets of 2^r observations; memory is fixed, and a full last row drops its oldest
//! bucket, so the window holds about `max_buckets * 2^rows` observations at most.

use crate::drift::Drift;
use crate::guard::{finite, within};
use market::math::{ln, sqrt};
use market::{Reader, State, Torn};

/// The most rows a window has.
const ROWS: usize = 24;
/// The most buckets a row has, with the one that makes it overflow.
const WIDTH: usize = 9;

/// The numbers of an [`Adwin`]; river's defaults are 0.002, 32, 5, 5, 10.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdwinSpec {
    /// Chance of a false alarm (1e-12 to 1).
    pub delta: f64,
    /// The window is examined every so many observations (at least 1).
    pub clock: u64,
    /// Buckets of each size before two are merged (2 to 8).
    pub max_buckets: usize,
    /// Neither part of a cut is shorter than this (at least 1 observation).
    pub min_part: u64,
    /// No window of at most this many observations is examined (at least 1).
    pub grace: u64,
    /// Sizes of buckets (1 to 24): what bounds the window. 24 holds 40 million observations and more.
    pub rows: usize,
}

/// Observations that were summed up together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bucket {
    sum: f64,
    /// Sum of squared distances from the bucket's mean.
    squares: f64,
}

market::state!(Bucket { sum, squares });

/// The window.
#[derive(Debug, Clone)]
pub struct Adwin {
    spec: AdwinSpec,
    /// Oldest bucket first in each row, biggest buckets in the last row.
    rows: [[Bucket; WIDTH]; ROWS],
    lens: [u8; ROWS],
    total: Bucket,
    width: u64,
    ticks: u64,
    drift: Drift,
    drifts: u64,
}

impl Adwin {
    /// An empty window.
    pub fn new(spec: &AdwinSpec) -> Self {
        let spec = AdwinSpec {
            delta: within(spec.delta, 1e-12, 1.0),
            clock: spec.clock.max(1),
            max_buckets: spec.max_buckets.clamp(2, WIDTH - 1),
            min_part: spec.min_part.max(1),
            grace: spec.grace.max(1),
            rows: spec.rows.clamp(1, ROWS),
        };
        Self {
            spec,
            rows: [[Bucket::default(); WIDTH]; ROWS],
            lens: [0; ROWS],
            total: Bucket::default(),
            width: 0,
            ticks: 0,
            drift: Drift::Stable,
            drifts: 0,
        }
    }

    /// Takes an observation; one that is not finite changes nothing and is stable. On a drift the window is what is
    /// left after the cut; the next observation starts an empty one.
    pub fn observe(&mut self, x: f64) -> Drift {
        let Some(x) = finite(x) else { return Drift::Stable };
        if self.drift == Drift::Drifted {
            *self = Self { drifts: self.drifts, ..Self::new(&self.spec) };
        }
        self.insert(x);
        self.ticks = self.ticks.saturating_add(1);
        if self.ticks.is_multiple_of(self.spec.clock) && self.width > self.spec.grace {
            while self.has_cut() {
                self.drop_oldest();
                self.drift = Drift::Drifted;
            }
        }
        self.drifts = self.drifts.saturating_add(u64::from(self.drift == Drift::Drifted));
        self.drift
    }

    fn insert(&mut self, x: f64) {
        let count = self.width as f64;
        if self.width > 0 {
            let d = x - self.total.sum / count;
            self.total.squares += count * d * d / (count + 1.0);
        }
        self.total.sum += x;
        self.width += 1;
        self.push(0, Bucket { sum: x, squares: 0.0 });
        for row in 0..self.spec.rows {
            if usize::from(self.lens[row]) <= self.spec.max_buckets {
                break;
            }
            if row + 1 == self.spec.rows {
                self.drop_oldest();
            } else {
                self.merge_oldest(row);
            }
        }
    }

    fn push(&mut self, row: usize, bucket: Bucket) {
        self.rows[row][usize::from(self.lens[row])] = bucket;
        self.lens[row] += 1;
    }

    /// Takes the oldest buckets out of a row.
    fn shift(&mut self, row: usize, count: usize) {
        self.rows[row].copy_within(count.., 0);
        self.lens[row] -= count as u8;
    }

    fn merge_oldest(&mut self, row: usize) {
        let size = size_of_bucket(row) as f64;
        let [a, b] = [self.rows[row][0], self.rows[row][1]];
        let d = (a.sum - b.sum) / size;
        self.push(row + 1, Bucket { sum: a.sum + b.sum, squares: a.squares + b.squares + size * 0.5 * d * d });
        self.shift(row, 2);
    }

    fn drop_oldest(&mut self) {
        let Some(row) = self.lens.iter().rposition(|len| *len > 0) else { return };
        let gone = self.rows[row][0];
        let size = size_of_bucket(row);
        self.shift(row, 1);
        self.width -= size;
        self.total.sum -= gone.sum;
        if self.width == 0 {
            self.total = Bucket::default();
            return;
        }
        let (size, left) = (size as f64, self.width as f64);
        let d = gone.sum / size - self.total.sum / left;
        let squares = self.total.squares - gone.squares - size * left * d * d / (size + left);
        self.total.squares = squares.max(0.0);
    }

    /// Whether some cut of the window leaves two parts whose means differ too much to be chance.
    fn has_cut(&self) -> bool {
        let (mut older, mut older_sum) = (0_u64, 0.0);
        let oldest_first = (0..self.spec.rows).rev().flat_map(|row| {
            self.rows[row][..usize::from(self.lens[row])].iter().map(move |bucket| (size_of_bucket(row), bucket.sum))
        });
        let evidence = ln(2.0 * ln(self.width as f64) / self.spec.delta);
        let variance = self.total.squares / self.width as f64;
        for (size, sum) in oldest_first {
            older += size;
            older_sum += sum;
            let newer = self.width - older;
            if older < self.spec.min_part || newer < self.spec.min_part {
                continue;
            }
            let part = |n: u64| 1.0 / ((n - self.spec.min_part) as f64 + 1.0);
            let m = part(older) + part(newer);
            let bound = sqrt(2.0 * m * variance * evidence) + 2.0 / 3.0 * evidence * m;
            let gap = older_sum / older as f64 - (self.total.sum - older_sum) / newer as f64;
            if gap.abs() > bound {
                return true;
            }
        }
        false
    }

    /// How many observations the window holds.
    pub const fn width(&self) -> u64 {
        self.width
    }

    /// The mean of the window; `None` while it is empty.
    pub fn mean(&self) -> Option<f64> {
        (self.width > 0).then(|| self.total.sum / self.width as f64)
    }

    /// The variance within the window; `None` while it is empty.
    pub fn variance(&self) -> Option<f64> {
        (self.width > 0).then(|| self.total.squares / self.width as f64)
    }

    /// How many drifts were found so far.
    pub const fn drifts(&self) -> u64 {
        self.drifts
    }
}

const fn size_of_bucket(row: usize) -> u64 {
    1 << row
}

impl State for Adwin {
    fn save(&self, out: &mut Vec<u8>) {
        self.rows.save(out);
        self.lens.save(out);
        self.total.save(out);
        self.width.save(out);
        self.ticks.save(out);
        self.drift.save(out);
        self.drifts.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.rows.load(from)?;
        self.lens.load(from)?;
        self.total.load(from)?;
        self.width.load(from)?;
        self.ticks.load(from)?;
        self.drift.load(from)?;
        self.drifts.load(from)?;
        let held: u64 = (0..ROWS).map(|row| u64::from(self.lens[row]) * size_of_bucket(row)).sum();
        let fits = self.lens.iter().all(|len| usize::from(*len) <= self.spec.max_buckets);
        if fits && held == self.width { Ok(()) } else { Err(Torn) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::{levels, oracle_stream};
    use crate::testing::{anything, check_restore, close};
    use proptest::prelude::*;

    const RIVER: AdwinSpec = AdwinSpec { delta: 0.002, clock: 32, max_buckets: 5, min_part: 5, grace: 10, rows: 24 };

    fn run(spec: &AdwinSpec, stream: impl Iterator<Item = f64>) -> (Adwin, Vec<(usize, u64)>) {
        let mut adwin = Adwin::new(spec);
        let mut found = Vec::new();
        for (i, x) in stream.enumerate() {
            if adwin.observe(x) == Drift::Drifted {
                found.push((i, adwin.width()));
            }
        }
        (adwin, found)
    }

    #[test]
    fn oracle_25() {
        assert_eq!(run(&RIVER, (0..3_000).map(oracle_stream)).1, [(2_079, 224)]);
        assert_eq!(run(&AdwinSpec { clock: 1, ..RIVER }, (0..3_000).map(oracle_stream)).1, [(2_057, 1_034)]);
    }

    #[test]
    fn it_fires_where_river_fires() {
        let (adwin, found) = run(&RIVER, levels().into_iter());
        assert_eq!(found, [(1_023, 768), (3_039, 64), (4_383, 1_088), (5_023, 48)]);
        assert_eq!((adwin.width(), adwin.drifts()), (976, 4));
        close(adwin.total.squares, 78.925_605_395_605_53, 1e-9);
        close(adwin.total.sum, 587.898_740_597_767_1, 1e-9);
        let (_, found) = run(&AdwinSpec { clock: 1, ..RIVER }, levels().into_iter());
        assert_eq!(found, [(1_021, 766), (3_012, 1_479), (4_227, 1_087), (5_010, 463)]);
        let spec = AdwinSpec { delta: 0.05, clock: 8, max_buckets: 3, ..RIVER };
        let (adwin, found) = run(&spec, levels().into_iter());
        assert_eq!(found, [(1_015, 504), (3_015, 32), (4_151, 624), (5_007, 152)]);
        close(adwin.total.squares, 80.053_705_096_697_6, 1e-9);
    }

    #[test]
    fn few_rows_bound_the_window() {
        let spec = AdwinSpec { rows: 4, delta: 1e-9, ..RIVER };
        let xs: Vec<f64> = levels()[..1_000].to_vec();
        let (adwin, found) = run(&spec, xs.iter().copied());
        assert!(found.is_empty());
        assert!((40..=75).contains(&adwin.width()), "{}", adwin.width());
        let window = &xs[1_000 - adwin.width() as usize..];
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        close(adwin.mean().unwrap(), mean, 1e-9);
        let squares: f64 = window.iter().map(|x| (x - mean) * (x - mean)).sum();
        close(adwin.variance().unwrap(), squares / window.len() as f64, 1e-9);
    }

    #[test]
    fn it_is_restored() {
        let xs = levels();
        check_restore(|| Adwin::new(&AdwinSpec { clock: 1, ..RIVER }), |m, i| m.observe(xs[i * 31 % 6_000]));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(
            stream in prop::collection::vec(anything(), 1..200),
            (delta, clock, max_buckets, rows) in (anything(), 0..4_u64, 0..12_usize, 0..6_usize),
        ) {
            let mut adwin = Adwin::new(&AdwinSpec { delta, clock, max_buckets, min_part: 0, grace: 0, rows });
            for x in stream {
                adwin.observe(x);
                prop_assert!(adwin.mean().is_none_or(f64::is_finite));
                prop_assert!(adwin.variance().is_none_or(|v| v.is_finite() && v >= 0.0));
                let held: u64 = (0..ROWS).map(|row| u64::from(adwin.lens[row]) * size_of_bucket(row)).sum();
                prop_assert_eq!(held, adwin.width());
            }
        }
    }
}
