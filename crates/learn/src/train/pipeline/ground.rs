//! The rows of a training: what is learned from, and what is only judged on.

use std::path::Path;

use ensemble::Barrier;
use market::{Points, Span};

use crate::dataset::meta::file_sha256;
use crate::dataset::read::{Columns, Dataset, SideLabels};
use crate::fault::Fault;
use crate::train::folds::Lives;
use crate::train::gru::TwoSides;
use crate::train::pipeline::spec::TrainSpec;

/// A dataset cut in two by time.
pub struct Ground {
    /// The dataset.
    pub data: Dataset,
    /// SHA-256 of its file.
    pub digest: String,
    /// When each row was.
    pub times: Vec<i64>,
    /// The labels of a buy and of a sell.
    pub sides: [SideLabels; 2],
    /// How far the mid moved from the latency to the horizon, NaN where nobody knows.
    pub moved: Vec<f64>,
    /// When the last label of each row was known.
    pub ended: Vec<i64>,
    /// Rows that may be learned from: their labels were known before the test begins.
    pub develop: Vec<u32>,
    /// Rows that are only judged on.
    pub test: Vec<u32>,
    /// What the labels are about.
    pub barrier: Barrier,
    /// Whether `test` is left unjudged.
    pub sealed: bool,
}

impl Ground {
    /// Reads what every stage needs and cuts it.
    ///
    /// # Errors
    /// [`Fault`] when the dataset cannot be read or one part is empty.
    pub fn of(path: &Path, spec: &TrainSpec) -> Result<Self, Fault> {
        let data = Dataset::open(path)?;
        let (digest, _) = file_sha256(path)?;
        let times = data.times()?;
        if times.windows(2).any(|pair| pair[1] < pair[0]) {
            return Err(Fault::content(path, &"its times go back: build it again"));
        }
        let sides = [data.labels(0)?, data.labels(1)?];
        let moved = data.column("moved")?;
        let ended: Vec<i64> = sides[0].ended.iter().zip(&sides[1].ended).map(|(buy, sell)| *buy.max(sell)).collect();
        let from = spec.test_from(&times).0;
        let rows = || (0..times.len() as u32).filter(|row| sides.iter().any(|side| side.weight[*row as usize] > 0.0));
        let develop: Vec<u32> = rows().filter(|row| ended[*row as usize] < from).collect();
        let test: Vec<u32> = rows().filter(|row| times[*row as usize] >= from).collect();
        if develop.is_empty() || test.is_empty() {
            return Err(Fault::TooLittle("labelled rows before or after the cut", develop.len().min(test.len()), 1));
        }
        let meta = &data.meta().barrier;
        let barrier = Barrier {
            target: Points(meta.target),
            stop: Points(meta.stop),
            horizon: Span::from_millis(meta.horizon_ms),
            commission_points: meta.commission,
        };
        Ok(Self { data, digest, times, sides, moved, ended, develop, test, barrier, sealed: spec.sealed })
    }

    /// Where the two parts end and begin.
    pub(crate) fn cut(&self) -> (usize, usize, Option<u32>) {
        (self.develop.len(), self.test.len(), self.test.first().copied())
    }

    /// The first and the last moment of what lies beyond the cut.
    pub(crate) fn beyond(&self) -> Option<(i64, i64)> {
        let from = self.times[*self.test.first()? as usize];
        Some((from, self.ended.iter().copied().max().unwrap_or(from).max(from)))
    }

    pub(crate) fn lives(&self) -> Lives<'_> {
        Lives { times: &self.times, ended: &self.ended }
    }

    pub(crate) fn both(&self) -> TwoSides<'_> {
        let [buy, sell] = &self.sides;
        TwoSides { came: [&buy.won, &sell.won], weight: [&buy.weight, &sell.weight] }
    }

    /// Which way, whatever it is worth: did the mid rise from the latency to the horizon? Rows where it stood still do not count,
    /// the others as the mean of both sides.
    pub(crate) fn direction(&self) -> SideLabels {
        let [buy, sell] = &self.sides;
        let weigh = |row: usize| {
            let known = buy.weight[row] > 0.0 && sell.weight[row] > 0.0;
            let moves = self.moved[row].is_finite() && self.moved[row] != 0.0;
            if known && moves { f64::midpoint(buy.weight[row], sell.weight[row]) } else { 0.0 }
        };
        let weight = (0..self.data.rows()).map(weigh).collect();
        let won = self.moved.iter().map(|moved| *moved > 0.0).collect();
        SideLabels { won, weight, ended: self.ended.clone(), ..buy.clone() }
    }

    /// The labels of the chosen side of each row.
    pub(crate) fn chosen(&self, side: &[u8]) -> SideLabels {
        let of = |row: usize| &self.sides[usize::from(side[row])];
        let rows = 0..self.data.rows();
        SideLabels {
            won: rows.clone().map(|row| of(row).won[row]).collect(),
            net: rows.clone().map(|row| of(row).net[row]).collect(),
            weight: rows.clone().map(|row| of(row).weight[row]).collect(),
            ended: rows.map(|row| of(row).ended[row]).collect(),
        }
    }
}
