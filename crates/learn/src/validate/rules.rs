//! A small declared family of trading rules, traded one trade at a time at the labels' own prices.
//!
//! An entry is filled at the first quote at least the latency later, at the side that one has to pay; the exit is the
//! exit-side quote that ended it. Net is after spread and commission. Costs times m take (m - 1) x (spread when it was
//! decided + commission) from each trade: to first order what wider quotes would do.

use ensemble::Barrier;
use market::Time;
use market::math::sqrt;
use report::bootstrap::Day;

use crate::dataset::read::SideLabels;
use crate::validate::fit::Said;

/// Enters the likelier side when it is good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Its expected value is above this share of the target; with `second`, the second model's is above zero too.
    Worth {
        /// The share of the target.
        margin: f64,
        /// Whether the second model must agree.
        second: bool,
    },
    /// It is as likely as this place of [`Said::top`] says: the tenth, the hundredth. So something is always traded, and
    /// seen.
    Likeliest(usize),
}

const fn worth(margin: f64, second: bool) -> Rule {
    Rule::Worth { margin, second }
}

/// The family. It is declared here and nowhere else: every one of it is a trial.
pub const FAMILY: [Rule; 10] = [
    worth(0.0, false),
    worth(0.05, false),
    worth(0.1, false),
    worth(0.2, false),
    worth(0.0, true),
    worth(0.05, true),
    worth(0.1, true),
    worth(0.2, true),
    Rule::Likeliest(0),
    Rule::Likeliest(1),
];

/// What was said of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// The probability of a buy, and of a sell.
    pub p: [f64; 2],
    /// The second model's of the likelier side.
    pub meta: f64,
    /// As [`Said::top`].
    pub top: [f64; 2],
}

impl Said {
    /// What was said of the `nth` row.
    pub fn of(&self, nth: usize) -> Heard {
        let two = |columns: &[Vec<f64>; 2]| [columns[0][nth], columns[1][nth]];
        Heard { p: two(&self.p), meta: self.meta[nth], top: two(&self.top) }
    }
}

impl Rule {
    /// The rule in words.
    pub fn text(&self) -> String {
        match self {
            Self::Worth { margin, second: false } => format!("value above {margin} of the target"),
            Self::Worth { margin, second: true } => format!("value above {margin} of the target, second model agrees"),
            Self::Likeliest(0) => "the likeliest tenth".into(),
            Self::Likeliest(_) => "the likeliest hundredth".into(),
        }
    }

    /// The side to enter: 0 buys, 1 sells.
    pub fn side(&self, barrier: &Barrier, said: &Heard) -> Option<usize> {
        let side = usize::from(said.p[1] > said.p[0]);
        let good = match self {
            Self::Worth { margin, second } => {
                barrier.value(said.p[side]) > margin * barrier.target.as_f64()
                    && (!second || barrier.value(said.meta) > 0.0)
            }
            Self::Likeliest(place) => said.p[side] >= said.top[*place],
        };
        good.then_some(side)
    }
}

/// A trade. Money in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trade {
    /// The row at which it was decided.
    pub row: u32,
    /// 0 buys, 1 sells.
    pub side: usize,
    /// When it was decided.
    pub time: Time,
    /// When it ended.
    pub ended: Time,
    /// After spread and commission.
    pub net: f64,
    /// Whether net is above zero.
    pub won: bool,
    /// The spread when it was decided.
    pub spread: f64,
}

/// What rows came to, and when.
#[derive(Clone, Copy)]
pub struct Market<'a> {
    /// When each row was.
    pub times: &'a [i64],
    /// Its spread, in points.
    pub spread: &'a [f64],
    /// The labels of both sides.
    pub sides: &'a [SideLabels; 2],
}

impl Market<'_> {
    /// The trade of a row and side; `None` where nobody knows what came of it.
    pub fn trade(&self, row: u32, side: usize) -> Option<Trade> {
        let (place, labels) = (row as usize, &self.sides[side]);
        (labels.weight[place] > 0.0).then(|| Trade {
            row,
            side,
            time: Time(self.times[place]),
            ended: Time(labels.ended[place]),
            net: labels.net[place],
            won: labels.net[place] > 0.0,
            spread: self.spread[place].max(0.0),
        })
    }

    /// One trade at a time over rows in their order: a row while one is open is passed over.
    pub fn trades(&self, rows: &[u32], choose: impl Fn(usize) -> Option<usize>) -> Vec<Trade> {
        let mut trades: Vec<Trade> = Vec::new();
        for (nth, row) in rows.iter().enumerate() {
            let busy = trades.last().is_some_and(|last| self.times[*row as usize] <= last.ended.0);
            if !busy && let Some(side) = choose(nth) {
                trades.extend(self.trade(*row, side));
            }
        }
        trades
    }

    /// The trades of a rule on what was said of rows.
    pub fn of_rule(&self, rule: &Rule, barrier: &Barrier, rows: &[u32], said: &Said) -> Vec<Trade> {
        self.trades(rows, |nth| rule.side(barrier, &said.of(nth)))
    }
}

/// Stretches of time that results are summed over, in order; those without a row are left out: the market was closed.
pub fn stretches(times: &[i64], rows: &[u32], length: i64) -> Vec<i64> {
    let mut all: Vec<i64> = rows.iter().map(|row| times[*row as usize].div_euclid(length)).collect();
    all.dedup();
    all
}

/// The sum of results in each stretch; one that ends beyond the last belongs to the last.
pub fn sums(stretches: &[i64], length: i64, results: impl Iterator<Item = (Time, f64)>) -> Vec<Day> {
    let mut days = vec![Day::default(); stretches.len()];
    for (time, result) in results {
        let at = time.0.div_euclid(length);
        let place = stretches.partition_point(|stretch| *stretch < at).min(stretches.len().saturating_sub(1));
        if let Some(day) = days.get_mut(place) {
            day.sum += result;
            day.count += 1;
        }
    }
    days
}

/// Mean over standard deviation (n - 1); `None` of fewer than two or without variation.
pub fn sharpe(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    let deviation = sqrt(squares / (n - 1.0));
    (values.len() > 1 && deviation > 1e-12 * mean.abs()).then_some(mean / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Points, Span};

    const DAY: i64 = Span::DAY.0;

    fn labels(net: &[f64], life: i64) -> SideLabels {
        let n = net.len() as i64;
        SideLabels {
            won: net.iter().map(|net| *net > 0.0).collect(),
            net: net.to_vec(),
            weight: net.iter().map(|net| if *net == 0.0 { 0.0 } else { 1.0 }).collect(),
            ended: (0..n).map(|row| 10 * row + life).collect(),
        }
    }

    #[test]
    fn one_at_a_time_and_only_what_is_known() {
        let sides = [labels(&[5.0, 6.0, 0.0, -7.0, 8.0], 15), labels(&[-1.0; 5], 0)];
        let times = [0, 10, 20, 30, 40];
        let market = Market { times: &times, spread: &[2.0; 5], sides: &sides };
        let rows: Vec<u32> = (0..5).collect();
        let found: Vec<u32> = market.trades(&rows, |_| Some(0)).iter().map(|trade| trade.row).collect();
        // Row 1 lies within the first trade, row 2 has no label, row 4 lies within the trade of row 3.
        assert_eq!(found, [0, 3]);
        assert_eq!(market.trades(&rows, |nth| (nth == 4).then_some(1))[0].net, -1.0);
    }

    #[test]
    fn the_likelier_side_above_its_margin() {
        let barrier = Barrier { target: Points(20), stop: Points(20), horizon: Span::MINUTE, commission_points: 2.0 };
        let side = |rule: Rule, p: [f64; 2], meta: f64| rule.side(&barrier, &Heard { p, meta, top: [0.55, 0.7] });
        // 0.6 x 20 - 0.4 x 20 - 2 = 2: above zero, not above 4.
        assert_eq!(side(worth(0.0, false), [0.5, 0.6], f64::NAN), Some(1));
        assert_eq!(side(worth(0.2, false), [0.5, 0.6], 0.9), None);
        assert_eq!(side(worth(0.2, true), [0.9, 0.6], 0.5), None);
        assert_eq!(side(worth(0.2, true), [0.9, 0.6], 0.6), Some(0));
        assert_eq!(side(worth(0.0, false), [f64::NAN, f64::NAN], 0.9), None);
        assert_eq!(side(Rule::Likeliest(0), [0.5, 0.6], 0.0), Some(1));
        assert_eq!(side(Rule::Likeliest(1), [0.5, 0.6], 0.0), None);
        assert_eq!(side(Rule::Likeliest(0), [f64::NAN, f64::NAN], 0.0), None);
    }

    #[test]
    fn sums_by_hand() {
        let times = [0, 5, 3 * DAY, 3 * DAY + 1, 5 * DAY];
        let days = stretches(&times, &[0, 1, 2, 3, 4], DAY);
        assert_eq!(days, [0, 3, 5]);
        let results = [(Time(1), 2.0), (Time(DAY), 3.0), (Time(9 * DAY), 4.0)];
        let sums: Vec<(f64, u64)> =
            sums(&days, DAY, results.into_iter()).iter().map(|day| (day.sum, day.count)).collect();
        assert_eq!(sums, [(2.0, 1), (3.0, 1), (4.0, 1)]);
        assert_eq!(sharpe(&[1.0, 3.0]), Some(2.0 / sqrt(2.0)));
        assert_eq!((sharpe(&[1.0]), sharpe(&[1.0, 1.0])), (None, None));
    }
}
