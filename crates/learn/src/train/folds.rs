//! What may learn from what: blocks of time, with every row left out whose label reaches into the block that is held out.

use crate::fault::Fault;

/// Rows to learn from, and rows to be judged on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// What may be learned from.
    pub train: Vec<u32>,
    /// What it is judged on.
    pub test: Vec<u32>,
}

/// The life of each row: from its features to its last label, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Lives<'a> {
    /// When the features were seen; rising.
    pub times: &'a [i64],
    /// When the last label was known.
    pub ended: &'a [i64],
}

impl Lives<'_> {
    /// Holds out a stretch of `rows`: from the rest it keeps what ended before the stretch began, and what began later
    /// than `embargo` after its last label ended.
    pub fn hold_out(&self, rows: &[u32], stretch: std::ops::Range<usize>, embargo: i64) -> Fold {
        let test = rows[stretch.clone()].to_vec();
        let time = |row: &u32| self.times[*row as usize];
        let ended = |row: &u32| self.ended[*row as usize].max(time(row));
        let begin = test.first().map_or(i64::MAX, time);
        let end = test.iter().map(ended).max().unwrap_or(i64::MIN).saturating_add(embargo);
        let before = rows[..stretch.start].iter().filter(|row| ended(row) < begin);
        let after = rows[stretch.end..].iter().filter(|row| time(row) > end);
        Fold { train: before.chain(after).copied().collect(), test }
    }

    /// Parts `rows` (rising) into `count` stretches of equal length and holds out each in turn.
    ///
    /// # Errors
    /// [`Fault::TooLittle`] when there are fewer than 10 rows for each.
    pub fn folds(&self, rows: &[u32], count: usize, embargo: i64) -> Result<Vec<Fold>, Fault> {
        let count = count.max(2);
        if rows.len() < count * 10 {
            return Err(Fault::TooLittle("rows", rows.len(), count * 10));
        }
        let edge = |nth: usize| nth * rows.len() / count;
        Ok((0..count).map(|nth| self.hold_out(rows, edge(nth)..edge(nth + 1), embargo)).collect())
    }

    /// Holds out the last `share` of `rows`.
    pub fn tail(&self, rows: &[u32], share: f64) -> Fold {
        let held = ((rows.len() as f64 * share.clamp(0.0, 0.9)) as usize).min(rows.len());
        self.hold_out(rows, rows.len() - held..rows.len(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_life_reaches_into_what_is_held_out(
            steps in prop::collection::vec((0_i64..5, 0_i64..40), 60..200), count in 2_usize..6, embargo in 0_i64..10,
        ) {
            let mut now = 0;
            let times: Vec<i64> = steps.iter().map(|(step, _)| { now += step; now }).collect();
            let ended: Vec<i64> = times.iter().zip(&steps).map(|(time, (_, life))| time + life).collect();
            let lives = Lives { times: &times, ended: &ended };
            let rows: Vec<u32> = (0..times.len() as u32).collect();
            let folds = lives.folds(&rows, count, embargo).unwrap();
            let tested: Vec<u32> = folds.iter().flat_map(|fold| fold.test.clone()).collect();
            prop_assert_eq!(tested, rows.clone());
            for fold in folds {
                for row in &rows {
                    let row_at = *row as usize;
                    let apart = fold.test.iter().all(|test| {
                        let test = *test as usize;
                        ended[row_at] < times[test].min(times[fold.test[0] as usize]) || times[row_at] > ended[test] + embargo
                    });
                    prop_assert_eq!(fold.train.contains(row), apart && !fold.test.contains(row));
                }
            }
        }
    }
}
