//! Columns of numbers as bytes: a feature is cut at quantiles of the training rows into at most 254 bins, and one more
//! for what is missing. Three million rows of 64 features are 192 MB.

use rayon::prelude::*;

use crate::dataset::read::Columns;
use crate::fault::Fault;

/// The most bins of values that a feature has.
pub const BINS_MAX: usize = 254;
/// The bin of a missing value.
pub const MISSING: u8 = 255;
/// How many places a histogram of one feature has.
pub(crate) const WIDTH: usize = 256;
/// The most features of one model.
pub const FEATURES_MAX: usize = 4_096;
/// Quantiles are taken from at most so many training rows, evenly spaced.
const SAMPLE: usize = 200_000;

/// Where one feature is cut: bin `b` holds what is above edge `b - 1` and at most edge `b`.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges {
    edges: Vec<f64>,
}

impl Edges {
    /// Edges so that the given values fall into at most `bins` (2 to 254) bins of about equal count; each lies halfway
    /// between two values that occur, so equal values never part. Values that are not finite are left out.
    pub fn of(values: &mut Vec<f64>, bins: usize) -> Self {
        let bins = bins.clamp(2, BINS_MAX);
        values.retain(|value| value.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        let mut edges = Vec::new();
        let mut distinct: Vec<(f64, usize)> = Vec::new();
        for value in values.iter() {
            match distinct.last_mut() {
                Some((last, count)) if *last == *value => *count += 1,
                _ => distinct.push((*value, 1)),
            }
        }
        if distinct.len() <= bins {
            edges.extend(distinct.windows(2).map(|pair| between(pair[0].0, pair[1].0)));
            return Self { edges };
        }
        // Greedy: a bin is full when it holds its share of what is left.
        let (mut left, mut free, mut held) = (values.len(), bins, 0);
        for pair in distinct.windows(2) {
            held += pair[0].1;
            if free > 1 && held * free >= left {
                edges.push(between(pair[0].0, pair[1].0));
                left -= held;
                (held, free) = (0, free - 1);
            }
        }
        Self { edges }
    }

    /// The bin of a value.
    pub fn bin(&self, value: f64) -> u8 {
        if value.is_nan() {
            return MISSING;
        }
        self.edges.partition_point(|edge| *edge < value) as u8
    }

    /// How many bins of values there are.
    pub const fn bins(&self) -> usize {
        self.edges.len() + 1
    }

    /// The largest value that still falls into a bin that is not the last.
    pub fn edge(&self, bin: u8) -> f64 {
        self.edges.get(usize::from(bin)).copied().unwrap_or(f64::MAX)
    }
}

/// A number at least the lower and below the upper.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

/// Rows as bytes, row after row.
#[derive(Debug, Clone)]
pub struct Binned {
    names: Vec<String>,
    edges: Vec<Edges>,
    rows: usize,
    bins: Vec<u8>,
}

impl Binned {
    /// Cuts columns at quantiles of the rows in `fit` (all when empty) and bins every row; holds the bytes and, beside
    /// them, a few columns at a time.
    ///
    /// # Errors
    /// [`Fault`] when a column cannot be read, or there are no rows, no features or too many.
    pub fn of(columns: &dyn Columns, names: &[String], fit: &[u32], bins: usize) -> Result<Self, Fault> {
        let rows = columns.rows();
        if rows == 0 || u32::try_from(rows).is_err() {
            return Err(Fault::TooLittle("rows", rows, 1));
        }
        if names.is_empty() || names.len() > FEATURES_MAX {
            return Err(Fault::Asked(
                "features",
                format!("there are {}, but 1 to {FEATURES_MAX} can be used", names.len()),
            ));
        }
        let width = names.len();
        let mut matrix = vec![0_u8; rows * width];
        let mut edges = Vec::with_capacity(width);
        // A few columns at a time: what they hold as numbers is bounded, and threads have something to do.
        for (first, part) in names.chunks(8).enumerate() {
            let cut: Vec<Result<(Edges, Vec<u8>), Fault>> =
                part.par_iter().map(|name| one(&columns.column(name)?, rows, fit, bins)).collect();
            let mut places = Vec::new();
            for found in cut {
                let (found, column) = found?;
                edges.push(found);
                places.push(column);
            }
            matrix.par_chunks_mut(width).enumerate().for_each(|(row, cells)| {
                for (place, column) in places.iter().enumerate() {
                    cells[first * 8 + place] = column[row];
                }
            });
        }
        Ok(Self { names: names.to_vec(), edges, rows, bins: matrix })
    }

    /// The bins of a row, by feature.
    #[inline]
    pub fn row(&self, row: u32) -> &[u8] {
        let (width, row) = (self.names.len(), row as usize);
        &self.bins[row * width..(row + 1) * width]
    }

    /// The features that are not the same in every row.
    pub fn varying(&self) -> Vec<usize> {
        let mut still: Vec<usize> = (0..self.names.len()).collect();
        let mut varying = Vec::new();
        for row in 1..self.rows as u32 {
            let (first, bins) = (self.row(0), self.row(row));
            still.retain(|feature| {
                let same = bins[*feature] == first[*feature];
                if !same {
                    varying.push(*feature);
                }
                same
            });
            if still.is_empty() {
                break;
            }
        }
        varying.sort_unstable();
        varying
    }

    /// How many rows there are.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The features in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a feature is cut.
    pub fn edges(&self, feature: usize) -> &Edges {
        &self.edges[feature]
    }
}

fn one(values: &[f64], rows: usize, fit: &[u32], bins: usize) -> Result<(Edges, Vec<u8>), Fault> {
    if values.len() != rows {
        return Err(Fault::Asked("features", "a column has another length than the dataset".into()));
    }
    let among = if fit.is_empty() { rows } else { fit.len() };
    let step = among.div_ceil(SAMPLE).max(1);
    let at = |place: usize| if fit.is_empty() { place } else { fit[place] as usize };
    let mut sample: Vec<f64> = (0..among).step_by(step).filter_map(|place| values.get(at(place)).copied()).collect();
    let edges = Edges::of(&mut sample, bins);
    let binned = values.iter().map(|value| edges.bin(*value)).collect();
    Ok((edges, binned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_bin_is_what_lies_between_its_edges(values in prop::collection::vec(-50_i32..50, 1..400), bins in 2_usize..12) {
            let values: Vec<f64> = values.into_iter().map(|v| f64::from(v) / 3.0).collect();
            let edges = Edges::of(&mut values.clone(), bins);
            prop_assert!(edges.bins() <= bins);
            for value in &values {
                let bin = edges.bin(*value);
                prop_assert!(*value <= edges.edge(bin));
                prop_assert!(bin == 0 || *value > edges.edge(bin - 1));
                prop_assert!(usize::from(bin) < edges.bins());
            }
        }

        #[test]
        fn bins_hold_about_as_much(count in 500_usize..2_000, bins in 2_usize..60) {
            let mut values: Vec<f64> = (0..count).map(|i| (i * 7_919 % count) as f64).collect();
            let edges = Edges::of(&mut values.clone(), bins);
            prop_assert_eq!(edges.bins(), bins);
            let mut held = vec![0; bins];
            values.drain(..).for_each(|value| held[usize::from(edges.bin(value))] += 1);
            let fair = count / bins;
            prop_assert!(held.iter().all(|n| (fair.saturating_sub(1)..=fair + 2).contains(n)), "{held:?}");
        }
    }

    #[test]
    fn neighbours_infinities_and_nothing() {
        let next = f64::from_bits(1.0_f64.to_bits() + 1);
        let edges = Edges::of(&mut vec![1.0, next], 10);
        assert_eq!((edges.bin(1.0), edges.bin(next)), (0, 1));
        let edges = Edges::of(&mut vec![f64::MAX, f64::MIN, f64::NAN, f64::INFINITY], 10);
        assert_eq!((edges.bins(), edges.bin(f64::MIN), edges.bin(f64::MAX), edges.bin(f64::INFINITY)), (2, 0, 1, 1));
        assert_eq!(edges.bin(f64::NAN), MISSING);
        assert_eq!(Edges::of(&mut vec![], 10).bins(), 1);
    }
}
