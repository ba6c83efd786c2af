//! How good probabilities are: order, skill and calibration, of both sides and of direction apart.

use market::Span;
use market::math::{ln, logit, sigmoid};
use models::scores::calibration;
use report::auc::{BINS, auc_delong};
use report::bootstrap::{Day, expectancy_interval};

use crate::dataset::read::SideLabels;
use crate::train::metrics;
use crate::train::pipeline::ground::Ground;
use crate::validate::figures::{Bin, Ends, Quality};
use crate::validate::fit::Said;

/// A forecast: when, its label's end, what was said, the base rate that was known, what came, how much it counts.
#[derive(Debug, Clone, Copy)]
struct Forecast {
    time: i64,
    ended: i64,
    p: f64,
    base: f64,
    came: bool,
    weight: f64,
}

/// The rows that were asked about, and the share of wins in what was learned from: of buys, sells, and of direction.
pub struct Asked<'a> {
    /// Rows, rising.
    pub rows: &'a [u32],
    /// What was said of them.
    pub said: &'a Said,
    /// The base rates that were known when it was said, by row.
    pub base: &'a [[f64; 3]],
}

/// The base rates of rows to learn from: of buys, of sells, of direction.
pub fn bases(ground: &Ground, train: &[u32]) -> [f64; 3] {
    let direction = ground.direction();
    [&ground.sides[0], &ground.sides[1], &direction].map(|labels| {
        let (mut won, mut mass) = (0.0, 0.0);
        for row in train {
            let row = *row as usize;
            mass += labels.weight[row];
            won += if labels.won[row] { labels.weight[row] } else { 0.0 };
        }
        (won / mass).clamp(1e-6, 1.0 - 1e-6)
    })
}

/// The qualities of what was said of buys, of sells, of both together, and of direction.
pub fn all(ground: &Ground, asked: &Asked<'_>, seed: u64) -> Vec<Quality> {
    let direction = ground.direction();
    let [buy, sell] = &asked.said.p;
    let between: Vec<f64> = buy.iter().zip(sell).map(|(buy, sell)| sigmoid(logit(*buy) - logit(*sell))).collect();
    let of = |p: &[f64], labels: &SideLabels, base: usize| forecasts(ground, asked, (p, base), labels);
    let (buys, sells) = (of(buy, &ground.sides[0], 0), of(sell, &ground.sides[1], 1));
    let mut both: Vec<Forecast> = [buys.clone(), sells.clone()].concat();
    both.sort_by_key(|forecast| forecast.time);
    let named = [("buy", buys), ("sell", sells), ("both", both), ("direction", of(&between, &direction, 2))];
    named.into_iter().filter_map(|(name, forecasts)| quality(name, &forecasts, seed)).collect()
}

fn forecasts(ground: &Ground, asked: &Asked<'_>, (p, base): (&[f64], usize), labels: &SideLabels) -> Vec<Forecast> {
    let one = |(nth, row): (usize, &u32)| {
        let row = *row as usize;
        let known = labels.weight[row] > 0.0 && !p[nth].is_nan();
        known.then(|| Forecast {
            time: ground.times[row],
            ended: labels.ended[row],
            p: p[nth].clamp(1e-6, 1.0 - 1e-6),
            base: asked.base[nth][base],
            came: labels.won[row],
            weight: labels.weight[row],
        })
    };
    asked.rows.iter().enumerate().filter_map(one).collect()
}

/// One after the other: each begins after the one before has ended.
fn apart(forecasts: &[Forecast]) -> Vec<Forecast> {
    let mut kept: Vec<Forecast> = Vec::new();
    for forecast in forecasts {
        if kept.last().is_none_or(|last| forecast.time > last.ended) {
            kept.push(*forecast);
        }
    }
    kept
}

fn loss(p: f64, came: bool) -> f64 {
    -ln(if came { p } else { 1.0 - p })
}

fn quality(of: &str, forecasts: &[Forecast], seed: u64) -> Option<Quality> {
    let column = |of: fn(&Forecast) -> f64| forecasts.iter().map(of).collect::<Vec<f64>>();
    let (p, base, weight) = (column(|f| f.p), column(|f| f.base), column(|f| f.weight));
    let came: Vec<bool> = forecasts.iter().map(|f| f.came).collect();
    let effective: f64 = weight.iter().sum();
    let brier = metrics::brier(&p, &came, &weight)?;
    let kept = apart(forecasts);
    let pairs: Vec<(f64, bool)> = kept.iter().map(|f| (f.p, f.came)).collect();
    let auc = auc_delong(&pairs, 0.95).ok();
    let plain = kept.iter().map(|f| loss(f.base, f.came)).sum::<f64>() / kept.len().max(1) as f64;
    let gains = blocks(&kept);
    let gain = kept.iter().map(|f| loss(f.base, f.came) - loss(f.p, f.came)).sum::<f64>() / kept.len().max(1) as f64;
    let interval = expectancy_interval(&gains, seed);
    let bin = |bin: &models::scores::CalibrationBin| Bin { said: bin.forecast, came: bin.observed, count: bin.count };
    Some(Quality {
        of: of.to_owned(),
        rows: forecasts.len(),
        effective,
        won: forecasts.iter().filter(|f| f.came).map(|f| f.weight).sum::<f64>() / effective,
        auc: metrics::auc(&p, &came, &weight)?,
        log_loss_skill: 1.0 - metrics::log_loss(&p, &came, &weight)? / metrics::log_loss(&base, &came, &weight)?,
        brier,
        brier_skill: 1.0 - brier / metrics::brier(&base, &came, &weight)?,
        ece: metrics::calibration_error(&p, &came, &weight, BINS)?,
        apart: kept.len(),
        auc_apart: auc.map(|auc| auc.value),
        auc_interval: auc.map(|auc| auc.interval.into()),
        skill_apart: (plain > 0.0).then(|| gain / plain),
        skill_interval: interval.filter(|_| plain > 0.0).map(|i| Ends { low: i.low / plain, high: i.high / plain }),
        reliability: calibration(&pairs, BINS).iter().map(bin).collect(),
    })
}

/// What was gained over the base rate, by UTC day, or by hour where there are fewer than ten days.
fn blocks(kept: &[Forecast]) -> Vec<Day> {
    let by = |length: i64| {
        let mut all: Vec<(i64, Day)> = Vec::new();
        for f in kept {
            let at = f.time.div_euclid(length);
            if all.last().is_none_or(|(last, _)| *last != at) {
                all.push((at, Day::default()));
            }
            if let Some((_, day)) = all.last_mut() {
                day.sum += loss(f.base, f.came) - loss(f.p, f.came);
                day.count += 1;
            }
        }
        all
    };
    let days = by(Span::DAY.0);
    let chosen = if days.len() >= 10 { days } else { by(Span::HOUR.0) };
    chosen.into_iter().map(|(_, day)| day).collect()
}
