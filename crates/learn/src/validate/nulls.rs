//! What no skill would have earned at the same exits: the null models B0 to B5, hour by hour.
//!
//! B0 to B2 make as many entries as the rule and all of them count, also where trades would overlap: so a rule does not
//! look better for trading less. B3 and B4 pause for a horizon after each entry. B5 is not trading.

use market::{Side, Span, Time};
use models::FtrlSpec;
use report::superior::{Draws, superior};

use crate::dataset::read::Columns;
use crate::fault::Fault;
use crate::nulls::{
    Entry, FEATURES, LogisticSpec, Row, Rule, logistic_entries, random_entries, random_sides, rule_entries, shifted,
};
use crate::train::pipeline::ground::Ground;
use crate::validate::rules::{Market, Trade, stretches, sums};

/// The null models by name, in the order of [`Nulls::p_values`].
pub const NAMES: [&str; 7] = [
    "B0 random entries at the same hours",
    "B1 the same times, a coin's side",
    "B2 the same sides, shifted in time",
    "B3 momentum",
    "B3 reversion",
    "B4 a logistic regression on five features",
    "B5 no trade",
];

/// Where the null models trade.
pub struct Nulls<'a> {
    market: Market<'a>,
    rows: &'a [u32],
    /// The moments at which a trade could have been entered.
    allowed: Vec<Time>,
    hours: Vec<i64>,
    /// Results of B3 and B4, hour by hour.
    fixed: Vec<Vec<f64>>,
    paths: u64,
    seed: u64,
}

const HOUR: i64 = Span::HOUR.0;

fn side(side: usize) -> Side {
    if side == 0 { Side::Buy } else { Side::Sell }
}

impl<'a> Nulls<'a> {
    /// Makes what does not depend on a rule. `rows` are those of the walk forward, in order.
    ///
    /// # Errors
    /// [`Fault`] when the dataset cannot be read.
    pub fn new(
        ground: &Ground,
        (market, rows): (Market<'a>, &'a [u32]),
        names: &[String],
        (seed, paths): (u64, u64),
    ) -> Result<Self, Fault> {
        let known = |row: &&u32| market.sides.iter().all(|side| side.weight[**row as usize] > 0.0);
        let allowed = rows.iter().filter(known).map(|row| Time(market.times[*row as usize])).collect();
        let hours = stretches(market.times, rows, HOUR);
        let mut nulls = Self { market, rows, allowed, hours, fixed: Vec::new(), paths, seed };
        let pause = Span(ground.barrier.horizon.0.max(1));
        let prices = prices(ground)?;
        for follow in [true, false] {
            let threshold = ground.barrier.target.as_f64() / 2.0 / prices.first().map_or(1.0, |(_, price)| *price);
            let rule = Rule { lookback: Span::MINUTE, pause, threshold, follow };
            let entries = rule_entries(&prices, &rule).unwrap_or_default();
            nulls.fixed.push(nulls.hourly(&nulls.entered(&entries)));
        }
        let spec = LogisticSpec {
            ftrl: FtrlSpec { alpha: 0.02, beta: 1.0, l1: 0.0, l2: 2.0 },
            labels_min: 100,
            margin: 0.02,
            pause,
        };
        let entries = logistic_entries(&seen(ground, names)?, &spec).unwrap_or_default();
        nulls.fixed.push(nulls.hourly(&nulls.entered(&entries)));
        nulls.fixed.push(vec![0.0; nulls.hours.len()]);
        Ok(nulls)
    }

    /// The entries that lie on rows of the walk forward, as trades.
    fn entered(&self, entries: &[Entry]) -> Vec<Trade> {
        let trade = |entry: &Entry| {
            let place = self.rows.partition_point(|row| self.market.times[*row as usize] < entry.time.0);
            let row = *self.rows.get(place).filter(|row| self.market.times[**row as usize] == entry.time.0)?;
            self.market.trade(row, usize::from(entry.side == Side::Sell))
        };
        entries.iter().filter_map(trade).collect()
    }

    /// The net results hour by hour, in points.
    pub fn hourly(&self, trades: &[Trade]) -> Vec<f64> {
        let results = trades.iter().map(|trade| (trade.time, trade.net));
        sums(&self.hours, HOUR, results).iter().map(|day| day.sum).collect()
    }

    /// The trades of one path of B0, B1 or B2 for a rule's trades.
    fn drawn(&self, trades: &[Trade], model: usize, path: u64) -> Vec<Trade> {
        let entries: Vec<Entry> =
            trades.iter().map(|trade| Entry { time: trade.time, side: side(trade.side) }).collect();
        let entries = match model {
            0 => random_entries(&entries, &self.allowed, self.seed, path).unwrap_or_default(),
            1 => random_sides(&entries, self.seed, path),
            _ => shifted(&entries, &self.allowed, self.seed, path).unwrap_or_default(),
        };
        self.entered(&entries)
    }

    /// A rule's entries with a coin's side.
    pub fn coin(&self, trades: &[Trade]) -> Vec<Trade> {
        self.drawn(trades, 1, self.paths)
    }

    /// The win rate of B0 for these trades, over all its paths; `None` without one.
    pub fn win_rate(&self, trades: &[Trade]) -> Option<f64> {
        let (mut won, mut all) = (0_usize, 0_usize);
        for path in 0..self.paths {
            let drawn = self.drawn(trades, 0, path);
            won += drawn.iter().filter(|trade| trade.won).count();
            all += drawn.len();
        }
        (all > 0).then(|| won as f64 / all as f64)
    }

    /// What a null model earned hour by hour on average, for a rule's trades.
    fn benchmark(&self, model: usize, trades: &[Trade]) -> Vec<f64> {
        if model >= 3 {
            return self.fixed[model - 3].clone();
        }
        let mut mean = vec![0.0; self.hours.len()];
        for path in 0..self.paths {
            for (mean, sum) in mean.iter_mut().zip(self.hourly(&self.drawn(trades, model, path))) {
                *mean += sum / self.paths as f64;
            }
        }
        mean
    }

    /// Hansen's p value of the rules against each null model, consistent; rules without a trade are left out. `None` where
    /// it cannot be computed.
    pub fn p_values(&self, rules: &[Vec<Trade>]) -> Vec<Option<f64>> {
        let traded: Vec<&Vec<Trade>> = rules.iter().filter(|trades| !trades.is_empty()).collect();
        let earned: Vec<Vec<f64>> = traded.iter().map(|trades| self.hourly(trades)).collect();
        let p = |model: usize| {
            let nulls: Vec<Vec<f64>> = traded.iter().map(|trades| self.benchmark(model, trades)).collect();
            let mut gains = Vec::with_capacity(self.hours.len() * traded.len());
            for hour in 0..self.hours.len() {
                gains.extend(earned.iter().zip(&nulls).map(|(earned, null)| earned[hour] - null[hour]));
            }
            let block = 12.0_f64.min(self.hours.len() as f64 / 2.0).max(1.0);
            let draws = Draws { count: report::superior::DRAWS, block, seed: self.seed };
            superior(&gains, traded.len(), &draws).ok().map(|found| found.studentised.consistent)
        };
        (0..NAMES.len()).map(p).map(|p| p.filter(|p| p.is_finite())).collect()
    }

    /// The table of all rules, hour by hour, row by row.
    pub fn table(&self, rules: &[Vec<Trade>]) -> Vec<f64> {
        let earned: Vec<Vec<f64>> = rules.iter().map(|trades| self.hourly(trades)).collect();
        (0..self.hours.len()).flat_map(|hour| earned.iter().map(move |rule| rule[hour])).collect()
    }
}

fn prices(ground: &Ground) -> Result<Vec<(Time, f64)>, Fault> {
    let (bid, ask) = (ground.data.column("bid")?, ground.data.column("ask")?);
    let price = |row: &u32| {
        let row = *row as usize;
        (Time(ground.times[row]), f64::midpoint(bid[row], ask[row]))
    };
    Ok(ground.develop.iter().map(price).collect())
}

/// The rows of B4: five features of the logistic regression, and which side came off better.
fn seen(ground: &Ground, names: &[String]) -> Result<Vec<Row>, Fault> {
    let columns = names.iter().take(FEATURES).map(|name| ground.data.column(name)).collect::<Result<Vec<_>, _>>()?;
    let [buy, sell] = &ground.sides;
    let row = |row: &u32| {
        let row = *row as usize;
        let features = std::array::from_fn(|nth| columns.get(nth).map_or(f64::NAN, |column| column[row]));
        let known = Time(ground.ended[row].max(ground.times[row]));
        Row { time: Time(ground.times[row]), features, known, up: buy.net[row] > sell.net[row] }
    };
    Ok(ground.develop.iter().map(row).collect())
}
