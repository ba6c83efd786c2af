//! The desk's own logistic regression, run over the rows in time: a start that is not cold.

use models::{Ftrl, FtrlSpec};
use serde::{Deserialize, Serialize};

use crate::dataset::read::Columns;
use crate::fault::Fault;
use crate::train::gru::{Inputs, TwoSides};

/// Inputs of the regression: features and one that is always one.
pub const INPUTS: usize = 64;

/// A regression of one side and the scale of its inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// The features in the order of the inputs; after them comes the bias, then zeros.
    pub features: Vec<String>,
    /// What is taken off each input.
    pub mean: Vec<f64>,
    /// What each input is then divided by; the result is clipped to 5 either way.
    pub scale: Vec<f64>,
    /// The weights, as [`Ftrl::weights`]; for a buy and for a sell.
    pub weights: [Vec<f64>; 2],
    /// How many labels were learned.
    pub learned: u64,
}

/// A warm regression of each side, and what it said of every row before it learned it (NaN for rows not passed).
pub struct Ran {
    /// The weights to start from.
    pub model: Logistic,
    /// Log-odds of a buy and of a sell, by row.
    pub said: [Vec<f64>; 2],
}

/// Runs a regression of each side over `rows` (rising): predicts each row, and learns the labels that were known by then,
/// in the order in which they were known. Rows in `quiet` are predicted and not learned.
///
/// # Errors
/// [`Fault`] when a column cannot be read or there are more than 63 features.
pub fn run(
    columns: &dyn Columns,
    features: &[String],
    (times, ended, labels): (&[i64], [&[i64]; 2], TwoSides<'_>),
    (rows, quiet): (&[u32], &[u32]),
    spec: &FtrlSpec,
) -> Result<Ran, Fault> {
    if features.len() >= INPUTS {
        return Err(Fault::Asked(
            "logistic",
            format!("{} features, at most {} can be used", features.len(), INPUTS - 1),
        ));
    }
    let inputs = Inputs::of(columns, features, rows)?;
    let place = |row: u32| {
        let mut x = [0.0; INPUTS];
        x[..features.len()].copy_from_slice(inputs.row(row));
        x[features.len()] = 1.0;
        x
    };
    let mut model = Logistic {
        features: features.to_vec(),
        mean: inputs.mean().to_vec(),
        scale: inputs.scale().to_vec(),
        weights: [vec![], vec![]],
        learned: 0,
    };
    let mut said = [vec![f64::NAN; times.len()], vec![f64::NAN; times.len()]];
    for side in 0..2 {
        let mut ftrl = Ftrl::<INPUTS>::new(spec);
        // A label is learned when it is known, not when its row is seen.
        let mut due: Vec<u32> = rows.iter().copied().filter(|row| labels.weight[side][*row as usize] > 0.0).collect();
        due.sort_by_key(|row| (ended[side][*row as usize], *row));
        let mut next = due.iter().peekable();
        for row in rows {
            while let Some(known) = next.next_if(|known| ended[side][**known as usize] < times[*row as usize]) {
                let at = *known as usize;
                ftrl.learn(&place(*known), labels.came[side][at], labels.weight[side][at]);
            }
            said[side][*row as usize] = ftrl.log_odds(&place(*row));
        }
        for known in next {
            let at = *known as usize;
            ftrl.learn(&place(*known), labels.came[side][at], labels.weight[side][at]);
        }
        for row in quiet {
            said[side][*row as usize] = ftrl.log_odds(&place(*row));
        }
        model.learned += ftrl.learned();
        model.weights[side] = ftrl.weights().to_vec();
    }
    Ok(Ran { model, said })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::auc;
    use market::math::{sigmoid, sin};

    struct Wave(usize);

    impl Columns for Wave {
        fn rows(&self) -> usize {
            self.0
        }
        fn column(&self, _: &str) -> Result<Vec<f64>, Fault> {
            Ok((0..self.0).map(|i| sin(i as f64 * 0.7) * 3.0 + 100.0).collect())
        }
    }

    #[test]
    fn it_learns_only_what_was_known() {
        let count = 2_000;
        let wave = Wave(count);
        let x = wave.column("x").unwrap();
        let came: Vec<bool> =
            (0..count).map(|i| sigmoid(x[i] - 100.0) > ((i * 7_919) % 1_000) as f64 / 1_000.0).collect();
        let other: Vec<bool> = came.iter().map(|came| !came).collect();
        let (times, weight): (Vec<i64>, Vec<f64>) = ((0..count as i64).collect(), vec![1.0; count]);
        let labels = TwoSides { came: [&came, &other], weight: [&weight, &weight] };
        let (rows, quiet): (Vec<u32>, Vec<u32>) = ((0..1_500).collect(), (1_500..2_000).collect());
        let spec = FtrlSpec { alpha: 0.1, beta: 1.0, l1: 0.0, l2: 1.0 };
        let features = vec!["x".to_owned()];
        let with = |life: i64| {
            let ended: Vec<i64> = times.iter().map(|time| time + life).collect();
            run(&wave, &features, (&times, [&ended, &ended], labels), (&rows, &quiet), &spec).unwrap()
        };
        let soon = with(1);
        let scores = |side: usize| soon.said[side][1_500..].to_vec();
        assert!(auc(&scores(0), &came[1_500..], &weight[1_500..]).unwrap() > 0.8);
        assert!(auc(&scores(1), &other[1_500..], &weight[1_500..]).unwrap() > 0.8);
        // Labels that only come after the last row leave every prediction cold.
        let late = with(10_000);
        assert!(late.said[0][..1_500].iter().all(|odds| *odds == 0.0));
        assert!(late.model.weights[0][0] > 0.0 && late.model.learned == 3_000);
        assert!(
            run(&wave, &vec!["x".to_owned(); 64], (&times, [&times, &times], labels), (&rows, &[]), &spec).is_err()
        );
    }
}
