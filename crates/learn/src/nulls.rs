//! What no skill looks like: lists of entries that a strategy must beat under the same exits, costs and gate.
//!
//! B0 random entries at the same hours, B1 the same times with a coin's side, B2 the same sides at shifted times, B3 a
//! momentum or reversion rule, B4 a logistic regression on five features, B5 nothing. Source: signals.md 2.8, point 5.
//! They say when and which way; the caller runs them through the same desk. Each draws from its own stream of the seed:
//! path 7 is the same whether or not path 6 was drawn.

use std::collections::VecDeque;

use market::{Side, Span, Time};
use models::{Ftrl, FtrlSpec};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use report::Fault;

/// An entry: when, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub time: Time,
    /// Which way.
    pub side: Side,
}

/// The random numbers of one path of one null model.
fn random(seed: u64, model: u64, path: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream((model << 48) | (path & 0xffff_ffff_ffff));
    random
}

fn coin(random: &mut ChaCha8Rng) -> Side {
    if random.random::<bool>() { Side::Buy } else { Side::Sell }
}

fn in_order(what: &'static str, times: impl Iterator<Item = Time>) -> Result<(), Fault> {
    let mut before = Time(i64::MIN);
    for (place, time) in times.enumerate() {
        if time < before {
            return Err(Fault::Order { what, place });
        }
        before = time;
    }
    Ok(())
}

/// B0: as many entries at moments drawn from `allowed` (the moments at which the strategy might have entered, in order)
/// within the same hours of the day, with a coin's side. An hour without a moment takes any. In order of time.
///
/// # Errors
/// No allowed moment, or moments out of order.
pub fn random_entries(entries: &[Entry], allowed: &[Time], seed: u64, path: u64) -> Result<Vec<Entry>, Fault> {
    if allowed.is_empty() {
        return Err(Fault::TooFew { what: "allowed moments", found: 0, needed: 1 });
    }
    in_order("allowed moments", allowed.iter().copied())?;
    let mut by_hour: Vec<Vec<Time>> = vec![Vec::new(); 24];
    for time in allowed {
        by_hour[usize::from(time.hour())].push(*time);
    }
    let mut random = random(seed, 0, path);
    let mut drawn: Vec<Entry> = entries
        .iter()
        .map(|entry| {
            let hour = &by_hour[usize::from(entry.time.hour())];
            let from = if hour.is_empty() { allowed } else { hour };
            Entry { time: from[random.random_range(0..from.len())], side: coin(&mut random) }
        })
        .collect();
    drawn.sort_by_key(|entry| entry.time);
    Ok(drawn)
}

/// B1: the same times, the side of a coin.
pub fn random_sides(entries: &[Entry], seed: u64, path: u64) -> Vec<Entry> {
    let mut random = random(seed, 1, path);
    entries.iter().map(|entry| Entry { side: coin(&mut random), ..*entry }).collect()
}

/// B2: the same sides in the same rhythm, but all moved by one random distance along `allowed` (moments in order) and
/// around its end. The distance is at least a twentieth of the moments, each way. In order of time.
///
/// # Errors
/// Fewer than 20 allowed moments, or moments out of order.
pub fn shifted(entries: &[Entry], allowed: &[Time], seed: u64, path: u64) -> Result<Vec<Entry>, Fault> {
    let n = allowed.len();
    if n < 20 {
        return Err(Fault::TooFew { what: "allowed moments", found: n, needed: 20 });
    }
    in_order("allowed moments", allowed.iter().copied())?;
    let distance = random(seed, 2, path).random_range(n / 20..=n - n / 20);
    let mut moved: Vec<Entry> = entries
        .iter()
        .map(|entry| {
            let place = allowed.partition_point(|time| *time < entry.time);
            Entry { time: allowed[(place + distance) % n], side: entry.side }
        })
        .collect();
    moved.sort_by_key(|entry| entry.time);
    Ok(moved)
}

/// B3: a rule that looks back once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// How far it looks back, above zero.
    pub lookback: Span,
    /// The least time between two entries, above zero.
    pub pause: Span,
    /// The least size of the relative move, at least 0.
    pub threshold: f64,
    /// Whether it goes with the move (momentum) or against it (reversion).
    pub follow: bool,
}

/// B3: entries after moves of `prices` (times in order, prices above zero) larger than a threshold. The move is from the
/// last price at least the lookback ago: nothing of the future is in it.
///
/// # Errors
/// Prices out of order, not above zero or not finite; numbers of the rule out of range.
pub fn rule_entries(prices: &[(Time, f64)], rule: &Rule) -> Result<Vec<Entry>, Fault> {
    in_order("prices", prices.iter().map(|(time, _)| *time))?;
    let bad = prices.iter().position(|(_, price)| !(price.is_finite() && *price > 0.0));
    if let Some(place) = bad {
        return Err(Fault::NotFinite { what: "prices (above zero)", place });
    }
    let (low, high) = (1.0, i64::MAX as f64);
    for (what, found) in [("lookback in nanoseconds", rule.lookback.0), ("pause in nanoseconds", rule.pause.0)] {
        if found < 1 {
            return Err(Fault::Outside { what, found: found as f64, low, high });
        }
    }
    if !(0.0..=1e6).contains(&rule.threshold) {
        return Err(Fault::Outside { what: "threshold", found: rule.threshold, low: 0.0, high: 1e6 });
    }
    let (mut entries, mut back, mut free_from) = (Vec::new(), 0, Time(i64::MIN));
    for (time, price) in prices {
        let then = time.minus(rule.lookback);
        while back + 1 < prices.len() && prices[back + 1].0 <= then {
            back += 1;
        }
        let (was_at, was) = prices[back];
        let change = price / was - 1.0;
        if was_at > then || change == 0.0 || change.abs() < rule.threshold || *time < free_from {
            continue;
        }
        let side = if (change > 0.0) == rule.follow { Side::Buy } else { Side::Sell };
        entries.push(Entry { time: *time, side });
        free_from = time.plus(rule.pause);
    }
    Ok(entries)
}

/// How many features B4 looks at.
pub const FEATURES: usize = 5;

/// One row of B4: what is seen at a time, and what became of the price when the label was known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// When it is seen.
    pub time: Time,
    /// What is seen; a feature that is not finite counts as its mean.
    pub features: [f64; FEATURES],
    /// When the label is known, not before `time`.
    pub known: Time,
    /// Whether the price went up.
    pub up: bool,
}

/// How B4 learns and enters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticSpec {
    /// How fast it learns.
    pub ftrl: FtrlSpec,
    /// How many labels it learns before its first entry.
    pub labels_min: u64,
    /// The least distance of its probability from one half, 0 to 0.5.
    pub margin: f64,
    /// The least time between two entries, above zero.
    pub pause: Span,
}

/// Running mean and variance of the features (Welford 1962).
#[derive(Debug, Clone, Copy, Default)]
struct Scale {
    count: f64,
    mean: [f64; FEATURES],
    squares: [f64; FEATURES],
}

impl Scale {
    fn learn(&mut self, features: &[f64; FEATURES]) {
        self.count += 1.0;
        for (i, x) in features.iter().enumerate() {
            let x = if x.is_finite() { x.clamp(-1e100, 1e100) } else { self.mean[i] };
            let d = x - self.mean[i];
            self.mean[i] += d / self.count;
            self.squares[i] += d * (x - self.mean[i]);
        }
    }

    /// The features in standard deviations, at most 8, and a one.
    fn scaled(&self, features: &[f64; FEATURES]) -> [f64; FEATURES + 1] {
        std::array::from_fn(|i| {
            if i == FEATURES {
                return 1.0;
            }
            let sd = market::math::sqrt(self.squares[i] / (self.count - 1.0).max(1.0));
            let z = (features[i] - self.mean[i]) / sd;
            if z.is_finite() { z.clamp(-8.0, 8.0) } else { 0.0 }
        })
    }
}

/// B4: an online logistic regression on five features. It learns a label when it is known, not before, and enters where
/// its probability is far enough from one half. Rows in order of time.
///
/// # Errors
/// Rows out of order, a label known before its row, a margin or pause out of range.
pub fn logistic_entries(rows: &[Row], spec: &LogisticSpec) -> Result<Vec<Entry>, Fault> {
    in_order("rows", rows.iter().map(|row| row.time))?;
    if let Some(place) = rows.iter().position(|row| row.known < row.time) {
        return Err(Fault::Order { what: "labels (known not before their rows)", place });
    }
    if !(0.0..=0.5).contains(&spec.margin) {
        return Err(Fault::Outside { what: "margin", found: spec.margin, low: 0.0, high: 0.5 });
    }
    if spec.pause.0 < 1 {
        let (found, high) = (spec.pause.0 as f64, i64::MAX as f64);
        return Err(Fault::Outside { what: "pause in nanoseconds", found, low: 1.0, high });
    }
    let mut model = Ftrl::<{ FEATURES + 1 }>::new(&spec.ftrl);
    let mut scale = Scale::default();
    let mut waiting: VecDeque<(Time, [f64; FEATURES + 1], bool)> = VecDeque::new();
    let (mut entries, mut free_from) = (Vec::new(), Time(i64::MIN));
    for row in rows {
        // A label teaches what was seen then, in the units of then. One known at this very moment is not used yet.
        let mut still = VecDeque::with_capacity(waiting.len());
        for (known, inputs, up) in waiting.drain(..) {
            if known < row.time {
                model.learn(&inputs, up, 1.0);
            } else {
                still.push_back((known, inputs, up));
            }
        }
        waiting = still;
        let inputs = scale.scaled(&row.features);
        let p = model.predict(&inputs);
        if model.learned() >= spec.labels_min && (p - 0.5).abs() >= spec.margin && row.time >= free_from && p != 0.5 {
            entries.push(Entry { time: row.time, side: if p > 0.5 { Side::Buy } else { Side::Sell } });
            free_from = row.time.plus(spec.pause);
        }
        scale.learn(&row.features);
        waiting.push_back((row.known, inputs, row.up));
    }
    Ok(entries)
}

/// B5: nothing is entered, nothing is lost.
pub const fn flat() -> Vec<Entry> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000_000_000;

    /// Every minute of five days, from 06 to 18.
    fn allowed() -> Vec<Time> {
        let minutes = (0..5 * 1_440).filter(|m| (360..1_080).contains(&(m % 1_440)));
        minutes.map(|m| Time(m * MINUTE)).collect()
    }

    fn entries() -> Vec<Entry> {
        let side = |i: usize| if i.is_multiple_of(3) { Side::Buy } else { Side::Sell };
        allowed().into_iter().step_by(37).enumerate().map(|(i, time)| Entry { time, side: side(i) }).collect()
    }

    fn hours(entries: &[Entry]) -> Vec<u8> {
        let mut hours: Vec<u8> = entries.iter().map(|entry| entry.time.hour()).collect();
        hours.sort_unstable();
        hours
    }

    #[test]
    fn random_entries_keep_the_hours_and_nothing_else() {
        let (entries, allowed) = (entries(), allowed());
        let drawn = random_entries(&entries, &allowed, 1, 0).unwrap();
        assert_eq!(hours(&drawn), hours(&entries));
        assert_ne!(drawn, random_entries(&entries, &allowed, 1, 1).unwrap());
        assert_eq!(drawn, random_entries(&entries, &allowed, 1, 0).unwrap());
        assert!(drawn.iter().all(|entry| allowed.binary_search(&entry.time).is_ok()));
        let buys = |path| {
            let drawn = random_entries(&entries, &allowed, 1, path).unwrap();
            drawn.iter().filter(|entry| entry.side == Side::Buy).count()
        };
        let buys: usize = (0..200).map(buys).sum();
        let all = 200 * entries.len();
        assert!((buys as f64 / all as f64 - 0.5).abs() < 0.02, "{buys} of {all}");
        assert!(random_entries(&entries, &[], 1, 0).is_err());
        assert!(random_entries(&entries, &[Time(2), Time(1)], 1, 0).is_err());
    }

    #[test]
    fn random_sides_keep_the_times() {
        let drawn = random_sides(&entries(), 4, 2);
        assert!(drawn.iter().zip(entries()).all(|(a, b)| a.time == b.time));
        assert!(drawn.iter().zip(entries()).any(|(a, b)| a.side != b.side));
    }

    #[test]
    fn a_shift_keeps_the_rhythm_and_the_number_of_each_side() {
        let (entries, allowed) = (entries(), allowed());
        let place = |entry: &Entry| allowed.binary_search(&entry.time).unwrap();
        for path in 0..50 {
            let moved = shifted(&entries, &allowed, 3, path).unwrap();
            let buys = |entries: &[Entry]| entries.iter().filter(|entry| entry.side == Side::Buy).count();
            assert_eq!((moved.len(), buys(&moved)), (entries.len(), buys(&entries)));
            assert!(moved.is_sorted_by_key(|entry| entry.time));
            let gaps: Vec<usize> = moved.windows(2).map(|two| place(&two[1]) - place(&two[0])).collect();
            // Around the end one gap is another one.
            assert!(gaps.iter().filter(|gap| **gap != 37).count() <= 1, "{gaps:?}");
            let same = moved.iter().filter(|entry| entries.contains(entry)).count();
            assert!(same < entries.len(), "a shift by nothing is no null");
        }
    }

    #[test]
    fn rules_look_back_and_not_ahead() {
        let prices: Vec<(Time, f64)> =
            [1.0, 1.0, 1.02, 1.0, 1.0, 0.97].iter().enumerate().map(|(i, p)| (Time(i as i64 * 10), *p)).collect();
        let rule = Rule { lookback: Span(10), pause: Span(15), threshold: 0.01, follow: true };
        let found = rule_entries(&prices, &rule).unwrap();
        let expected = [Entry { time: Time(20), side: Side::Buy }, Entry { time: Time(50), side: Side::Sell }];
        assert_eq!(found, expected, "the fall at 30 lies within the pause");
        let against = rule_entries(&prices, &Rule { follow: false, ..rule }).unwrap();
        assert_eq!(against[0], Entry { time: Time(20), side: Side::Sell });
        // Cut anywhere, what was entered before stays.
        for cut in 0..prices.len() {
            let before = rule_entries(&prices[..cut], &rule).unwrap();
            assert!(expected.starts_with(&before));
        }
        assert!(rule_entries(&[(Time(0), 0.0)], &rule).is_err());
        assert!(rule_entries(&prices, &Rule { threshold: f64::NAN, ..rule }).is_err());
        assert!(rule_entries(&prices, &Rule { pause: Span(0), ..rule }).is_err());
    }

    fn rows(count: i64, life: i64) -> Vec<Row> {
        let mut random = random(5, 9, 0);
        (0..count)
            .map(|i| {
                let features: [f64; FEATURES] = std::array::from_fn(|_| 2.0 * random.random::<f64>() - 1.0);
                let up = features[1] + 0.3 * (2.0 * random.random::<f64>() - 1.0) > 0.0;
                Row { time: Time(10 * i), features, known: Time(10 * i + life), up }
            })
            .collect()
    }

    const LOGISTIC: LogisticSpec = LogisticSpec {
        ftrl: FtrlSpec { alpha: 0.1, beta: 1.0, l1: 0.0, l2: 1.0 },
        labels_min: 50,
        margin: 0.1,
        pause: Span(30),
    };

    #[test]
    fn the_logistic_finds_a_plain_rule_and_waits_for_its_labels() {
        let rows = rows(2_000, 45);
        let found = logistic_entries(&rows, &LOGISTIC).unwrap();
        let right = |entry: &&Entry| rows[(entry.time.0 / 10) as usize].up == (entry.side == Side::Buy);
        let right = found.iter().filter(right).count();
        assert!(found.len() > 300 && right * 10 > found.len() * 8, "{right} of {}", found.len());
        // 50 labels are known only when row 54 is seen.
        assert!(found[0].time >= Time(540), "{:?}", found[0]);
        let before = logistic_entries(&rows[..1_000], &LOGISTIC).unwrap();
        assert!(found.starts_with(&before), "what comes later changes nothing before");
        let mut late = rows.clone();
        for row in &mut late {
            row.known = Time(i64::MAX);
        }
        assert_eq!(logistic_entries(&late, &LOGISTIC).unwrap(), flat(), "labels that are never known teach nothing");
        assert!(logistic_entries(&rows, &LogisticSpec { margin: 0.6, ..LOGISTIC }).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_breaks_the_logistic(values in prop::collection::vec(proptest::num::f64::ANY, 5..100)) {
            let rows: Vec<Row> = values.windows(5).enumerate().map(|(i, w)| Row {
                time: Time(i as i64), features: [w[0], w[1], w[2], w[3], w[4]], known: Time(i as i64), up: w[0] > w[1],
            }).collect();
            let spec = LogisticSpec { labels_min: 0, margin: 0.0, pause: Span(1), ..LOGISTIC };
            prop_assert!(logistic_entries(&rows, &spec).unwrap().len() <= rows.len());
        }
    }
}
