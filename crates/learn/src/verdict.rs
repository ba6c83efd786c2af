//! The verdict by all pass marks, each with its value and its threshold.
//!
//! EDGE when every mark is passed. NO EDGE when enough was seen and one is not, or when even the upper bound of
//! expectancy is not above zero. NOT ENOUGH DATA otherwise: what is unknown never counts for a strategy. Source:
//! signals.md 2.8, point 6.

use market::Time;
use report::bootstrap::Interval;
use report::{Fault, Verdict};

/// Fewer trades than this are not enough.
pub const TRADES_MIN: u64 = 2_000;

/// What was found, `None` where it could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// How many trades.
    pub trades: u64,
    /// 95 % interval of net pips a trade at the quoted costs.
    pub expectancy: Option<Interval>,
    /// The lower end of the same at 1.5 times the costs.
    pub expectancy_stressed_low: Option<f64>,
    /// Deflated Sharpe ratio with N of the ledger.
    pub deflated_sharpe: Option<f64>,
    /// Probability of backtest overfitting, 16 blocks.
    pub overfit: Option<f64>,
    /// Hansen's p value against the null models B0 to B4, consistent.
    pub superior_p: Option<f64>,
    /// The lower end of the 95 % interval of the win rate less that of random entries with the same exits.
    pub uplift_low: Option<f64>,
    /// The uplift that pays the costs: `(c + k) / (S + a)` of spread, commission, stop and target.
    pub uplift_needed: Option<f64>,
    /// Skill of the probabilities over the base rate, by Brier score.
    pub brier_skill: Option<f64>,
    /// Expected calibration error of the probabilities, 15 bins of equal mass.
    pub ece: Option<f64>,
    /// The share of months with a gain.
    pub months_positive: Option<f64>,
    /// The share of all profit that came on one day.
    pub day_largest: Option<f64>,
}

/// On which side of its threshold a value passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Above it.
    Above,
    /// At it or above.
    AtLeast,
    /// Below it.
    Below,
    /// At it or below.
    AtMost,
}

impl Sense {
    /// The sign in a line: `>`, `>=`, `<`, `<=`.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }

    fn passes(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
        }
    }
}

/// One pass mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// What is asked.
    pub name: &'static str,
    /// What was found; `None` when it is unknown.
    pub value: Option<f64>,
    /// On which side it passes.
    pub sense: Sense,
    /// Of what; `None` when that is unknown.
    pub threshold: Option<f64>,
    /// Whether it passed; `None` when that is unknown.
    pub passed: Option<bool>,
}

/// The verdict with everything it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, one reason a line.
    pub reasons: Vec<String>,
    /// Every mark, in the order of signals.md 2.8.
    pub marks: Vec<Mark>,
}

fn mark(name: &'static str, value: Option<f64>, sense: Sense, threshold: Option<f64>) -> Mark {
    let known = |x: &f64| x.is_finite();
    let (value, threshold) = (value.filter(known), threshold.filter(known));
    let passed = value.zip(threshold).map(|(value, threshold)| sense.passes(value, threshold));
    Mark { name, value, sense, threshold, passed }
}

/// Every mark of the evidence.
pub fn marks(e: &Evidence) -> Vec<Mark> {
    use Sense::{Above, AtLeast, AtMost, Below};
    vec![
        mark("lower bound of expectancy at 1.5 x costs, pips", e.expectancy_stressed_low, Above, Some(0.0)),
        mark("deflated Sharpe ratio, N of the ledger", e.deflated_sharpe, AtLeast, Some(0.95)),
        mark("probability of overfitting", e.overfit, AtMost, Some(0.2)),
        mark("SPA p against the null models", e.superior_p, Below, Some(0.05)),
        mark("lower bound of the win rate's uplift", e.uplift_low, Above, e.uplift_needed),
        mark("Brier skill", e.brier_skill, Above, Some(0.0)),
        mark("expected calibration error", e.ece, AtMost, Some(0.02)),
        mark("share of months with a gain", e.months_positive, AtLeast, Some(0.6)),
        mark("largest share of one day in the profit", e.day_largest, AtMost, Some(0.25)),
        mark("trades", Some(e.trades as f64), AtLeast, Some(TRADES_MIN as f64)),
    ]
}

/// The verdict.
pub fn judge(evidence: &Evidence) -> Judged {
    let marks = marks(evidence);
    let line = |mark: &Mark| {
        let number = |x: Option<f64>| x.map_or_else(|| "unknown".into(), |x| format!("{x:.4}"));
        format!("{}: {}, asked {} {}", mark.name, number(mark.value), mark.sense.sign(), number(mark.threshold))
    };
    let lines = |passed: Option<bool>| marks.iter().filter(|m| m.passed == passed).map(line).collect::<Vec<_>>();
    let (failed, unknown) = (lines(Some(false)), lines(None));
    let hopeless = evidence.expectancy.filter(|interval| interval.high <= 0.0);
    let (verdict, reasons) = if evidence.trades == 0 {
        (Verdict::NoEdge, vec!["nothing was traded".to_owned()])
    } else if let Some(interval) = hopeless {
        let reason = format!("expectancy is not above zero: at most {:+.3} pips a trade", interval.high);
        (Verdict::NoEdge, [vec![reason], failed].concat())
    } else if evidence.trades < TRADES_MIN {
        (Verdict::NotEnoughData, [failed, unknown].concat())
    } else if !failed.is_empty() {
        (Verdict::NoEdge, [failed, unknown].concat())
    } else if !unknown.is_empty() {
        (Verdict::NotEnoughData, unknown)
    } else {
        (Verdict::Edge, vec!["every mark is passed".to_owned()])
    };
    Judged { verdict, reasons, marks }
}

/// The uplift of the win rate over random entries that pays for spread `c` and commission `k` with stop `s` and target
/// `a`, all in pips: `(c + k) / (s + a)` (signals.md 2.1).
///
/// # Errors
/// A cost below zero, a stop and target that are not above zero together, or a number that is not finite.
pub fn uplift_needed(c: f64, k: f64, s: f64, a: f64) -> Result<f64, Fault> {
    for (what, found, low) in [("spread", c, 0.0), ("commission", k, 0.0), ("stop and target", s + a, 1e-9)] {
        if !(low..=1e12).contains(&found) {
            return Err(Fault::Outside { what, found, low, high: 1e12 });
        }
    }
    Ok((c + k) / (s + a))
}

/// The share of calendar months (UTC) whose results sum to more than zero; `None` without a result.
pub fn months_positive(results: &[(Time, f64)]) -> Option<f64> {
    let mut months = std::collections::BTreeMap::new();
    for (time, result) in results {
        let (year, month, _) = time.date();
        *months.entry((year, month)).or_insert(0.0) += result;
    }
    let gains = months.values().filter(|sum| **sum > 0.0).count();
    (!months.is_empty()).then(|| gains as f64 / months.len() as f64)
}

/// The best UTC day's share of the whole profit; `None` when there is no profit to have a share of.
pub fn day_largest(results: &[(Time, f64)]) -> Option<f64> {
    let mut days = std::collections::BTreeMap::new();
    for (time, result) in results {
        *days.entry(time.day()).or_insert(0.0) += result;
    }
    let total: f64 = days.values().sum();
    let best = days.values().copied().fold(f64::NEG_INFINITY, f64::max);
    (total > 0.0).then(|| best / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Evidence {
        Evidence {
            trades: 2_000,
            expectancy: Some(Interval { low: 0.2, high: 0.6 }),
            expectancy_stressed_low: Some(0.05),
            deflated_sharpe: Some(0.95),
            overfit: Some(0.2),
            superior_p: Some(0.049),
            uplift_low: Some(0.07),
            uplift_needed: Some(0.0625),
            brier_skill: Some(0.001),
            ece: Some(0.02),
            months_positive: Some(0.6),
            day_largest: Some(0.25),
        }
    }

    #[test]
    fn every_mark_decides() {
        assert_eq!(judge(&good()).verdict, Verdict::Edge);
        assert_eq!(judge(&good()).marks.len(), 10);
        let worse: [fn(&mut Evidence); 9] = [
            |e| e.expectancy_stressed_low = Some(0.0),
            |e| e.deflated_sharpe = Some(0.949),
            |e| e.overfit = Some(0.21),
            |e| e.superior_p = Some(0.05),
            |e| e.uplift_low = Some(0.0625),
            |e| e.brier_skill = Some(0.0),
            |e| e.ece = Some(0.021),
            |e| e.months_positive = Some(0.59),
            |e| e.day_largest = Some(0.26),
        ];
        for (place, spoil) in worse.into_iter().enumerate() {
            let mut evidence = good();
            spoil(&mut evidence);
            let judged = judge(&evidence);
            assert_eq!(judged.verdict, Verdict::NoEdge, "{place}");
            assert_eq!((judged.marks[place].passed, judged.reasons.len()), (Some(false), 1));
            evidence.trades = 1_999;
            assert_eq!(judge(&evidence).verdict, Verdict::NotEnoughData, "{place}");
        }
    }

    #[test]
    fn what_is_unknown_never_counts_for_a_strategy() {
        let unknown: [fn(&mut Evidence); 4] =
            [|e| e.overfit = None, |e| e.uplift_needed = None, |e| e.ece = Some(f64::NAN), |e| e.trades = 1_999];
        for hide in unknown {
            let mut evidence = good();
            hide(&mut evidence);
            let judged = judge(&evidence);
            assert_eq!((judged.verdict, judged.reasons.len()), (Verdict::NotEnoughData, 1), "{:?}", judged.reasons);
        }
        let none = judge(&Evidence { trades: 5_000, ..Evidence::default() });
        assert_eq!(none.verdict, Verdict::NotEnoughData);
        assert_eq!(judge(&Evidence::default()).verdict, Verdict::NoEdge, "nothing was traded");
    }

    #[test]
    fn a_sure_loss_needs_no_more_data() {
        let evidence = Evidence { trades: 50, expectancy: Some(Interval { low: -1.0, high: 0.0 }), ..good() };
        let judged = judge(&evidence);
        assert_eq!(judged.verdict, Verdict::NoEdge);
        assert!(judged.reasons[0].starts_with("expectancy is not above zero"), "{:?}", judged.reasons);
    }

    #[test]
    fn shares_by_hand() {
        let at = |year, month, day, hour: i64| Time(Time::from_date(year, month, day).0 + hour * 3_600_000_000_000);
        let results = [
            (at(2024, 1, 31, 23), 4.0),
            (at(2024, 2, 1, 0), -1.0),
            (at(2024, 2, 1, 5), 2.0),
            (at(2025, 2, 1, 5), -3.0),
        ];
        assert_eq!(months_positive(&results), Some(2.0 / 3.0));
        assert_eq!(day_largest(&results), Some(2.0));
        assert_eq!((months_positive(&[]), day_largest(&results[1..2])), (None, None));
        assert_eq!(uplift_needed(0.2, 0.3, 6.0, 2.0), Ok(0.0625));
        assert!(uplift_needed(0.2, 0.3, 0.0, 0.0).is_err() && uplift_needed(f64::NAN, 0.3, 1.0, 1.0).is_err());
    }
}
