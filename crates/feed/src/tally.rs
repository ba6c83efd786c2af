//! Statistics of a stream, exact and in bounded memory: spreads are counted as whole points.

use std::collections::BTreeMap;

use market::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::decode::Record;

/// Spread quantiles by nearest rank over all quotes on the grid, crossed ones included, in pips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SpreadPips {
    /// The smallest; negative when crossed.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// 95 % are at most this.
    pub p95: f64,
    /// 99 % are at most this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quiet {
    /// How long, in seconds.
    pub seconds: f64,
    /// The time of the last record before it.
    pub from: String,
}

/// The times of one kind of record.
#[derive(Debug, Clone, Copy, Default)]
struct Rhythm {
    first: Option<Time>,
    last: Time,
    same: u64,
    longest: Span,
    longest_from: Time,
}

impl Rhythm {
    fn heard(&mut self, time: Time) {
        if self.first.is_none() {
            self.first = Some(time);
        } else {
            let silence = time.since(self.last);
            self.same += u64::from(silence.0 == 0);
            if silence > self.longest {
                (self.longest, self.longest_from) = (silence, self.last);
            }
        }
        self.last = time;
    }

    /// Adds what followed.
    fn followed_by(&mut self, next: &Self) {
        let Some(first) = next.first else { return };
        self.heard(first);
        self.same += next.same;
        if next.longest > self.longest {
            (self.longest, self.longest_from) = (next.longest, next.longest_from);
        }
        self.last = next.last;
    }
}

/// Spreads from -2048 to 6143 points are counted in an array, others in a map.
const LOWEST: i64 = -2_048;
const COUNTED: usize = 8_192;

/// The statistics of a stream.
#[derive(Debug, Clone)]
pub struct Tally {
    near: Vec<u64>,
    far: BTreeMap<i64, u64>,
    quotes: Rhythm,
    trades: Rhythm,
    /// Records by hour of the UTC day.
    pub by_hour: [u64; 24],
    /// Records by hour since the epoch.
    pub calendar: BTreeMap<i64, u64>,
    /// The calendar hour being counted, and its count.
    current: (i64, u64),
}

impl Tally {
    /// Statistics of nothing.
    pub fn new() -> Self {
        Self {
            near: vec![0; COUNTED],
            far: BTreeMap::new(),
            quotes: Rhythm::default(),
            trades: Rhythm::default(),
            by_hour: [0; 24],
            calendar: BTreeMap::new(),
            current: (i64::MIN, 0),
        }
    }

    /// Counts a record.
    pub fn count(&mut self, record: &Record) {
        let time = record.time();
        match record {
            Record::Quote(tick) => {
                self.spread(tick.spread().0);
                self.quotes.heard(time);
            }
            Record::Trade(_) => self.trades.heard(time),
        }
        let hour = time.0.div_euclid(Span::HOUR.0);
        if hour != self.current.0 {
            self.settle();
            self.current = (hour, 0);
        }
        self.current.1 += 1;
    }

    fn spread(&mut self, points: i64) {
        match self.near.get_mut(points.wrapping_sub(LOWEST) as usize) {
            Some(count) => *count += 1,
            None => *self.far.entry(points).or_default() += 1,
        }
    }

    fn settle(&mut self) {
        let (hour, count) = std::mem::take(&mut self.current);
        if count > 0 {
            *self.calendar.entry(hour).or_default() += count;
            self.by_hour[hour.rem_euclid(24) as usize] += count;
        }
    }

    /// Ends the counting; call before reading the hours.
    pub fn close(&mut self) {
        self.settle();
    }

    /// Adds the statistics of what followed. Both must be closed.
    pub fn followed_by(&mut self, next: &Self) {
        for (mine, theirs) in self.near.iter_mut().zip(&next.near) {
            *mine += theirs;
        }
        for (points, count) in &next.far {
            *self.far.entry(*points).or_default() += count;
        }
        for (mine, theirs) in self.by_hour.iter_mut().zip(next.by_hour) {
            *mine += theirs;
        }
        for (hour, count) in &next.calendar {
            *self.calendar.entry(*hour).or_default() += count;
        }
        self.quotes.followed_by(&next.quotes);
        self.trades.followed_by(&next.trades);
    }

    /// The quotes' times where there are quotes, else the trades'.
    fn rhythm(&self) -> &Rhythm {
        if self.quotes.first.is_some() { &self.quotes } else { &self.trades }
    }

    /// The times of the first and the last record, in the order of reading.
    pub fn period(&self) -> Option<(Time, Time)> {
        let firsts = [&self.quotes, &self.trades].into_iter().filter_map(|r| r.first.map(|first| (first, r.last)));
        firsts.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Records with the time of the record before them.
    pub fn same_time(&self) -> u64 {
        self.rhythm().same
    }

    /// The longest silence.
    pub fn longest_quiet(&self) -> Option<Quiet> {
        let rhythm = self.rhythm();
        let quiet = Quiet { seconds: rhythm.longest.0 as f64 / 1e9, from: rhythm.longest_from.to_string() };
        (rhythm.longest.0 > 0).then_some(quiet)
    }

    /// The spread quantiles, where there are quotes; `pip` in points.
    pub fn spread_pips(&self, pip: market::Points) -> Option<SpreadPips> {
        let below = self.far.range(..LOWEST).map(|(points, count)| (*points, *count));
        let near = self.near.iter().enumerate().filter(|(_, count)| **count > 0);
        let near = near.map(|(at, count)| (at as i64 + LOWEST, *count));
        let above = self.far.range(LOWEST..).map(|(points, count)| (*points, *count));
        let all: Vec<(i64, u64)> = below.chain(near).chain(above).collect();
        let total: u64 = all.iter().map(|(_, count)| count).sum();
        let (first, last) = (all.first()?, all.last()?);
        let pips = |points: i64| points as f64 / pip.as_f64();
        let at_share = |thousandths: u64| {
            let rank = (total * thousandths).div_ceil(1_000).max(1);
            let mut seen = 0;
            let found = all.iter().find(|(_, count)| {
                seen += count;
                seen >= rank
            });
            pips(found.unwrap_or(last).0)
        };
        let (p50, p95, p99) = (at_share(500), at_share(950), at_share(990));
        Some(SpreadPips { min: pips(first.0), p50, p95, p99, max: pips(last.0) })
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Lots, Points, Price, SymbolId, Tick};
    use proptest::prelude::*;

    fn quote(millis: i64, spread: i64) -> Record {
        let time = Time::from_millis(millis);
        let (bid, ask) = (Price(100_000), Price(100_000 + spread));
        Record::Quote(Tick { symbol: SymbolId(0), time, seen: time, bid, ask, bid_lots: Lots(0), ask_lots: Lots(0) })
    }

    proptest! {
        #[test]
        fn quantiles_and_parts_agree_with_sorting_it_all(
            rows in proptest::collection::vec((0_i64..100_000_000, -9_000_i64..9_000), 1..200), cut in 0_usize..200
        ) {
            let mut rows = rows;
            rows.sort_unstable();
            let cut = cut.min(rows.len());
            let (mut whole, mut head, mut tail) = (Tally::new(), Tally::new(), Tally::new());
            for (at, (millis, spread)) in rows.iter().enumerate() {
                let record = quote(*millis, *spread);
                whole.count(&record);
                if at < cut { head.count(&record) } else { tail.count(&record) }
            }
            for tally in [&mut whole, &mut head, &mut tail] { tally.close(); }
            head.followed_by(&tail);
            let mut sorted: Vec<i64> = rows.iter().map(|(_, spread)| *spread).collect();
            sorted.sort_unstable();
            let rank = |p: f64| sorted[((p * sorted.len() as f64).ceil() as usize).max(1) - 1] as f64;
            let spread = whole.spread_pips(Points(1)).unwrap();
            prop_assert_eq!((spread.min, spread.p50, spread.max), (rank(0.0), rank(0.5), rank(1.0)));
            prop_assert_eq!(Some(spread), head.spread_pips(Points(1)));
            prop_assert_eq!(whole.longest_quiet(), head.longest_quiet());
            prop_assert_eq!(whole.same_time(), head.same_time());
            prop_assert_eq!(&whole.calendar, &head.calendar);
            prop_assert_eq!(whole.by_hour.iter().sum::<u64>(), rows.len() as u64);
        }
    }
}
