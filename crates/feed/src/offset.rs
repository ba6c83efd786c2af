//! Do two sources keep the same clock? One-minute returns of the same market agree only when the clocks do.

use market::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::decode::Record;
use crate::error::{Fault, FeedError};
use crate::source::{FeedSpec, Source};

/// Lags tried, in minutes to each side. Offsets below a minute are not seen.
const LAGS: i64 = 720;
/// The fewest pairs of returns on which a correlation counts.
const PAIRS: u64 = 240;
/// The least correlation of two sources of one market.
const AGREES: f64 = 0.5;
/// By how much another lag must beat no lag.
const MARGIN: f64 = 0.1;
/// The most minutes looked at, from the first on: two years.
const MINUTES: i64 = 2 * 366 * 1_440;

/// What follows from the correlations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum OffsetVerdict {
    /// The clocks agree to the minute.
    Aligned,
    /// The first source's stamps are this many minutes ahead of the second's for the same events; negative when behind.
    Shifted {
        /// Minutes.
        minutes: i32,
    },
    /// It could not be found out. Never to be taken for agreement.
    Unknown {
        /// Why.
        why: String,
    },
}

/// How far apart two sources' clocks are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockOffset {
    /// The lag with the highest correlation, in minutes: the first source's stamp less the second's.
    pub lag_minutes: Option<i32>,
    /// The correlation of minute returns at that lag.
    pub correlation: Option<f64>,
    /// The correlation at no lag.
    pub correlation_at_zero: Option<f64>,
    /// Pairs of returns behind the highest correlation.
    pub pairs: u64,
    /// Pairs at no lag.
    pub pairs_at_zero: u64,
    /// What follows.
    pub verdict: OffsetVerdict,
}

impl ClockOffset {
    /// Whether the two sources may be merged.
    ///
    /// # Errors
    /// [`Fault::ClocksDiffer`] or [`Fault::ClocksUnknown`].
    pub fn merge_allowed(&self) -> Result<(), FeedError> {
        let fault = match &self.verdict {
            OffsetVerdict::Aligned => return Ok(()),
            OffsetVerdict::Shifted { minutes } => {
                Fault::ClocksDiffer(*minutes, (self.correlation.unwrap_or(0.0) * 1000.0) as i32)
            }
            OffsetVerdict::Unknown { why } => Fault::ClocksUnknown(why.clone()),
        };
        Err(FeedError::new("", fault))
    }
}

/// Mids at the end of each minute, from the first minute on; not a number where there was no record.
struct Minutes {
    first: i64,
    mids: Vec<f64>,
}

impl Minutes {
    fn of(spec: FeedSpec) -> Result<Self, FeedError> {
        let mut minutes = Self { first: 0, mids: vec![] };
        for judged in Source::open(vec![spec], None)? {
            let judged = judged?;
            let mid = match judged.record {
                Record::Quote(tick) => tick.mid(),
                Record::Trade(trade) => trade.price.as_f64(),
            };
            if judged.judgement.believed() {
                minutes.put(judged.record.time(), mid);
            }
        }
        Ok(minutes)
    }

    fn put(&mut self, time: Time, mid: f64) {
        let minute = time.0.div_euclid(Span::MINUTE.0);
        if self.mids.is_empty() {
            self.first = minute;
        }
        let at = minute - self.first;
        if (0..MINUTES).contains(&at) {
            let at = at as usize;
            if at >= self.mids.len() {
                self.mids.resize(at + 1, f64::NAN);
            }
            self.mids[at] = mid;
        }
    }

    /// Relative changes from minute to minute, where both have records.
    fn returns(&self) -> Vec<f64> {
        let changes = self.mids.windows(2).map(|pair| (pair[1] - pair[0]) / pair[0]);
        std::iter::once(f64::NAN).chain(changes).collect()
    }
}

/// Pearson's correlation of `a[i + shift]` with `b[i]` where both are numbers, and the number of pairs.
fn correlation(a: &[f64], b: &[f64], shift: i64) -> (u64, Option<f64>) {
    let (mut n, mut sa, mut sb, mut saa, mut sbb, mut sab) = (0_u64, 0.0, 0.0, 0.0, 0.0, 0.0);
    let from = (-shift).max(0);
    let to = (b.len() as i64).min(a.len() as i64 - shift);
    for i in from..to {
        let (x, y) = (a[(i + shift) as usize], b[i as usize]);
        if x.is_nan() || y.is_nan() {
            continue;
        }
        n += 1;
        sa += x;
        sb += y;
        saa += x * x;
        sbb += y * y;
        sab += x * y;
    }
    let count = n as f64;
    let (va, vb, vab) = (saa - sa * sa / count, sbb - sb * sb / count, sab - sa * sb / count);
    let usable = n >= PAIRS && va > 0.0 && vb > 0.0;
    (n, usable.then(|| vab / market::math::sqrt(va * vb)))
}

/// Estimates how far the clock of `a` is ahead of the clock of `b`, in whole minutes within half a day to each side.
///
/// # Errors
/// When a file cannot be read to its end.
pub fn offset(a: FeedSpec, b: FeedSpec) -> Result<ClockOffset, FeedError> {
    Ok(compared(&Minutes::of(a)?, &Minutes::of(b)?))
}

fn compared(a: &Minutes, b: &Minutes) -> ClockOffset {
    let (ra, rb) = (a.returns(), b.returns());
    let shift = |lag: i64| b.first - a.first + lag;
    let (pairs_at_zero, correlation_at_zero) = correlation(&ra, &rb, shift(0));
    let mut best: Option<(i64, u64, f64)> = None;
    for lag in -LAGS..=LAGS {
        let (pairs, Some(found)) = correlation(&ra, &rb, shift(lag)) else { continue };
        if best.is_none_or(|(_, _, highest)| found > highest) {
            best = Some((lag, pairs, found));
        }
    }
    let Some((lag, pairs, highest)) = best else {
        let why = format!("fewer than {PAIRS} common minutes with changes at every lag");
        return ClockOffset {
            lag_minutes: None,
            correlation: None,
            correlation_at_zero,
            pairs: 0,
            pairs_at_zero,
            verdict: OffsetVerdict::Unknown { why },
        };
    };
    let verdict = verdict(lag as i32, highest, correlation_at_zero);
    let (lag_minutes, correlation) = (Some(lag as i32), Some(highest));
    ClockOffset { lag_minutes, correlation, correlation_at_zero, pairs, pairs_at_zero, verdict }
}

fn verdict(lag: i32, highest: f64, at_zero: Option<f64>) -> OffsetVerdict {
    if highest < AGREES {
        return OffsetVerdict::Unknown { why: format!("the best correlation is {highest:.3}, at {lag} minutes") };
    }
    match at_zero {
        _ if lag == 0 => OffsetVerdict::Aligned,
        None => OffsetVerdict::Shifted { minutes: lag },
        Some(zero) if highest - zero > MARGIN => OffsetVerdict::Shifted { minutes: lag },
        Some(zero) => OffsetVerdict::Unknown {
            why: format!("{lag} minutes ({highest:.3}) and none ({zero:.3}) fit about equally well"),
        },
    }
}
