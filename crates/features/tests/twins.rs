//! The clever windows against slow, obvious twins that keep every tick.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::{Event, features, walk};
use features::{Feature, Frame, Groups};
use market::math::{exp, ln};
use market::{Lots, Span, Tick, Time};
use std::collections::BTreeMap;

/// Every tick so far, with obvious answers.
struct Obvious {
    ticks: Vec<(Time, f64)>,
}

impl Obvious {
    fn slot(time: Time, seconds: i64) -> i64 {
        time.0.div_euclid(Span::from_secs(seconds).0)
    }

    /// Open slots by number: high, low, close.
    fn bars(&self, seconds: i64) -> BTreeMap<i64, (f64, f64, f64)> {
        let mut bars = BTreeMap::new();
        for (time, mid) in &self.ticks {
            let bar = bars.entry(Self::slot(*time, seconds)).or_insert((*mid, *mid, *mid));
            *bar = (f64::max(bar.0, *mid), f64::min(bar.1, *mid), *mid);
        }
        bars
    }

    /// High and low of this second and the ones before.
    fn range(&self, seconds: i64) -> (f64, f64) {
        let oldest = Self::slot(self.ticks.last().unwrap().0, 1) - seconds;
        let mids = || self.ticks.iter().rev().take_while(|tick| Self::slot(tick.0, 1) >= oldest).map(|tick| tick.1);
        (mids().fold(f64::MIN, f64::max), mids().fold(f64::MAX, f64::min))
    }

    /// Realised variance and bipower variation of the closed slots within 60 before the present one.
    fn variances(&self, seconds: i64) -> (f64, f64) {
        let bars: Vec<_> = self.bars(seconds).into_iter().map(|(slot, bar)| (slot, bar.2)).collect();
        let present = bars.last().unwrap().0;
        let changes: Vec<_> = bars[..bars.len() - 1]
            .windows(2)
            .map(|pair| (pair[1].0, pair[1].0 - pair[0].0, pair[1].1 - pair[0].1))
            .collect();
        let (mut realised, mut bipower) = (0.0, 0.0);
        for (i, (slot, gap, change)) in changes.iter().enumerate() {
            if present - slot > 60 {
                continue;
            }
            realised += change * change;
            if i > 0 && *gap <= 60 {
                bipower += (change * changes[i - 1].2).abs();
            }
        }
        (realised, std::f64::consts::FRAC_PI_2 * bipower)
    }

    /// Variance per second of the changes between closed slots, and of the tick changes within them, each sample faded by
    /// the slots that later samples span; silences of more than 60 slots are dropped.
    fn variance_rates(&self, seconds: i64) -> (f64, f64) {
        let bars: Vec<_> = self.bars(seconds).into_iter().map(|(slot, bar)| (slot, bar.2)).collect();
        let (mut later, mut weights, mut closes, mut bounces) = (0.0, 0.0, 0.0, 0.0);
        for pair in bars[..bars.len() - 1].windows(2).rev() {
            let slots = pair[1].0 - pair[0].0;
            if slots > 60 {
                continue;
            }
            let squares: f64 = self
                .ticks
                .windows(2)
                .filter(|two| Self::slot(two[1].0, seconds) == pair[1].0)
                .map(|two| (two[1].1 - two[0].1) * (two[1].1 - two[0].1))
                .sum();
            let weight = (1.0 - exp(slots as f64 / -60.0)) * exp(later / -60.0);
            later += slots as f64;
            weights += weight;
            let change = pair[1].1 - pair[0].1;
            closes += weight * change * change / (slots * seconds) as f64;
            bounces += weight * squares / (slots * seconds) as f64;
        }
        (closes / weights, bounces / weights)
    }

    /// Wilder's average, from all the true ranges.
    fn atr(&self, seconds: i64) -> Option<f64> {
        let bars: Vec<_> = self.bars(seconds).into_values().collect();
        let ranges: Vec<f64> = bars[..bars.len() - 1]
            .windows(2)
            .map(|pair| {
                let (close, high, low) = (pair[0].2, pair[1].0, pair[1].1);
                (high - low).max((high - close).abs()).max((low - close).abs())
            })
            .collect();
        let (first, rest) = ranges.split_at_checked(14)?;
        Some(rest.iter().fold(first.iter().sum::<f64>() / 14.0, |atr, range| (13.0 * atr + range) / 14.0))
    }
}

/// Decayed sums written out: every tick's part times `exp(-age / tau)`.
struct Decayed<'a> {
    ticks: &'a [Tick],
}

impl Decayed<'_> {
    fn age(&self, i: usize) -> f64 {
        self.ticks[self.ticks.len() - 1].time.since(self.ticks[i].time).as_secs()
    }

    fn sum(&self, tau: f64, part: impl Fn(usize) -> f64) -> f64 {
        (0..self.ticks.len()).map(|i| part(i) * exp(-self.age(i) / tau)).sum()
    }

    fn mean(&self, tau: f64, value: impl Fn(&Tick) -> f64) -> f64 {
        self.sum(tau, |i| {
            let gain = if i == 0 { 1.0 } else { 1.0 - exp((self.age(i) - self.age(i - 1)) / tau) };
            gain * value(&self.ticks[i])
        })
    }

    /// The root of the mean squared distance, by the recursion of the mean and this definition of the variance.
    fn deviation(&self, tau: f64) -> f64 {
        let mut variance = 0.0;
        for i in 1..self.ticks.len() {
            let w = exp((self.age(i) - self.age(i - 1)) / tau);
            let distance = self.ticks[i].mid() - Decayed { ticks: &self.ticks[..i] }.mean(tau, Tick::mid);
            variance = w * (variance + (1.0 - w) * distance * distance);
        }
        variance.sqrt()
    }

    fn mid_change(&self, i: usize) -> f64 {
        if i == 0 { 0.0 } else { self.ticks[i].mid() - self.ticks[i - 1].mid() }
    }

    fn flow(&self, i: usize) -> f64 {
        if i == 0 {
            return 0.0;
        }
        let (now, before) = (self.ticks[i], self.ticks[i - 1]);
        let part = |counts: bool, lots: Lots| if counts { lots.as_f64() } else { 0.0 };
        part(now.bid >= before.bid, now.bid_lots)
            - part(now.bid <= before.bid, before.bid_lots)
            - part(now.ask <= before.ask, now.ask_lots)
            + part(now.ask >= before.ask, before.ask_lots)
    }

    fn rate(&self, tau: f64, counts: impl Fn(usize) -> bool) -> f64 {
        self.sum(tau, |i| f64::from(counts(i))) / (tau * (1.0 - exp(-self.age(0) / tau)))
    }

    /// Intensity of moves of this sign, with the parameters of the common spec.
    fn hawkes(&self, sign: f64) -> f64 {
        let excited = |sign: f64| self.sum(1.0 / 0.7, |i| f64::from(self.mid_change(i) * sign > 0.0));
        let base = 0.5 * 0.4 * self.rate(300.0, |i| self.mid_change(i) != 0.0);
        base + 0.7 * (0.4 * excited(sign) + 0.2 * excited(-sign))
    }

    fn compare(&self, frame: &Frame) {
        let spread = self.mean(60.0, |tick| tick.spread().as_f64());
        close(frame.get(Feature::SpreadEwma60), spread, "spread");
        for (tau, feature, share) in
            [(1.0, Feature::OfiS1, Feature::OfiShareS1), (30.0, Feature::OfiS30, Feature::OfiShareS30)]
        {
            let (net, gross) = (self.sum(tau, |i| self.flow(i)), self.sum(tau, |i| self.flow(i).abs()));
            close(frame.get(feature), net, "flow");
            close(frame.get(share), net / gross, "share of flow");
        }
        for (tau, feature) in [(5.0, Feature::IntensityS5), (60.0, Feature::IntensityS60)] {
            close(frame.get(feature), self.rate(tau, |_| true), "intensity");
        }
        close(frame.get(Feature::HawkesUp), self.hawkes(1.0), "up");
        close(frame.get(Feature::HawkesLogRatio), ln(self.hawkes(1.0) / self.hawkes(-1.0)), "log ratio");
        let mid = self.ticks[self.ticks.len() - 1].mid();
        let scales: [(f64, _, _, f64); 5] = [
            (1.0, Feature::MomentumS1, Feature::SigmaS10, 10.0),
            (5.0, Feature::MomentumS5, Feature::SigmaS10, 10.0),
            (30.0, Feature::MomentumS30, Feature::SigmaS60, 60.0),
            (60.0, Feature::MomentumS60, Feature::SigmaS60, 60.0),
            (300.0, Feature::MomentumS300, Feature::SigmaS300, 300.0),
        ];
        for (tau, momentum, sigma, seconds) in scales {
            let sigma = (frame.get(sigma).unwrap() * (tau / seconds).sqrt()).max(1.0);
            close(frame.get(momentum), (mid - self.mean(tau, Tick::mid)) / sigma, momentum.name());
        }
        let z = (mid - self.mean(60.0, Tick::mid)) / self.deviation(60.0).max(1.0);
        close(frame.get(Feature::ZScoreS60), z, "z score");
    }
}

#[test]
fn decayed_features_equal_their_twins() {
    let mut stream = features(Groups::ALL);
    let mut ticks = Vec::new();
    for event in walk(8, 2_000, 2_000) {
        let Event::Tick(tick) = event else { continue };
        stream.on_tick(&tick);
        ticks.push(tick);
        if ticks.len() % 60 == 0 && stream.frame().is_ready(Feature::SigmaS300) {
            Decayed { ticks: &ticks }.compare(stream.frame());
        }
    }
    assert!(stream.frame().is_ready(Feature::SigmaS300));
}

fn close(found: Option<f64>, oracle: f64, what: &str) {
    let found = found.unwrap_or(f64::NAN);
    assert!((found - oracle).abs() <= 1e-9 * oracle.abs().max(1.0), "{what}: {found}, obviously {oracle}");
}

fn compare(obvious: &Obvious, frame: &Frame, seen: f64) {
    let mid = obvious.ticks.last().unwrap().1;
    for (seconds, position, width) in
        [(60, Feature::RangeS60, Feature::RangeWidthS60), (300, Feature::RangeS300, Feature::RangeWidthS300)]
    {
        if seen >= seconds as f64 {
            let (high, low) = obvious.range(seconds);
            assert_eq!(frame.get(width), Some(high - low));
            let place = if high > low { (mid - low) / (high - low) } else { 0.5 };
            assert_eq!(frame.get(position), Some(place));
        }
    }
    let windows = [
        (1, [Feature::RealisedS60, Feature::BipowerS60, Feature::JumpS60]),
        (5, [Feature::RealisedS300, Feature::BipowerS300, Feature::JumpS300]),
    ];
    for (seconds, [realised, bipower, jump]) in windows {
        // Ready is judged when a slot ends, hence the slack of one slot.
        if seen >= (61 * seconds) as f64 + 30.0 {
            let (rv, bpv) = obvious.variances(seconds);
            close(frame.get(realised), rv, "realised");
            close(frame.get(bipower), bpv, "bipower");
            close(frame.get(jump), (rv - bpv).max(0.0), "jump");
        }
    }
    if obvious.ticks.len().is_multiple_of(100) {
        let rates = [1, 6, 30].map(|seconds| obvious.variance_rates(seconds));
        let sigmas = [(10.0, Feature::SigmaS10), (60.0, Feature::SigmaS60), (300.0, Feature::SigmaS300)];
        for ((rate, _), (seconds, feature)) in rates.into_iter().zip(sigmas) {
            if frame.is_ready(feature) {
                close(frame.get(feature), (rate * seconds).sqrt(), feature.name());
            }
        }
        if frame.is_ready(Feature::NoiseRatio) {
            close(frame.get(Feature::NoiseRatio), rates[0].1 / rates[0].0, "noise");
        }
    }
    for (minutes, feature) in [(1, Feature::AtrM1), (5, Feature::AtrM5), (15, Feature::AtrM15)] {
        match obvious.atr(minutes * 60) {
            Some(atr) => close(frame.get(feature), atr, feature.name()),
            None => assert_eq!(frame.get(feature), None, "{feature:?}"),
        }
    }
}

/// Streams with ticks up to `gap_millis` apart; every `silent`-th event a long silence.
fn check(seed: u64, events: usize, gap_millis: i64, silent: usize) {
    let mut stream = features(Groups::ALL);
    let mut obvious = Obvious { ticks: Vec::new() };
    let mut late = Span(0);
    for (i, event) in walk(seed, events, gap_millis).into_iter().enumerate() {
        if i % silent == silent - 1 {
            late = Span(late.0 + Span::from_secs(17 * (i as i64 % 40)).0);
        }
        let Event::Tick(tick) = event else { continue };
        let tick = Tick { time: tick.time.plus(late), ..tick };
        stream.on_tick(&tick);
        obvious.ticks.push((tick.time, tick.mid()));
        compare(&obvious, stream.frame(), tick.time.since(obvious.ticks[0].0).as_secs());
    }
}

#[test]
fn windows_equal_their_twins() {
    check(1, 1_500, 700, 100);
    check(2, 1_500, 5_000, 333);
    check(3, 1_200, 30_000, 50);
}
