//! From trades to evidence, from evidence to the verdict.

use market::{Span, Time};
use report::bootstrap::{Day, expectancy_interval, family_interval};
use report::deflated::{Deflated, Moments, deflated_sharpe};
use report::overfit::{BLOCKS, overfit};

use crate::ledger::Contents;
use crate::train::pipeline::ground::Ground;
use crate::validate::figures::{
    Beaten, DeflatedFigures, Ends, MarkFigures, OverfitFigures, Quality, RuleFigures, Under, Validation,
};
use crate::validate::nulls::{NAMES, Nulls};
use crate::validate::rules::{FAMILY, Trade, sharpe, stretches, sums};
use crate::verdict::{Evidence, Judged, day_largest, judge, months_positive, uplift_needed};

/// The trades of every rule of the family on the walk forward, with what is needed to judge them.
pub(crate) struct Walked<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) nulls: Nulls<'a>,
    pub(crate) days: Vec<i64>,
    pub(crate) trades: Vec<Vec<Trade>>,
    pub(crate) seed: u64,
}

impl Walked<'_> {
    /// Points of a pip.
    fn pip(&self) -> f64 {
        self.ground.data.meta().pip.max(1) as f64
    }

    /// Net results by day, in pips, at a multiple of the costs.
    fn days(&self, trades: &[Trade], costs: f64) -> Vec<Day> {
        let results = trades.iter().map(|trade| (trade.time, self.net(trade, costs)));
        sums(&self.days, Span::DAY.0, results)
    }

    fn net(&self, trade: &Trade, costs: f64) -> f64 {
        let commission = self.ground.barrier.commission_points;
        (trade.net - (costs - 1.0) * (trade.spread + commission)) / self.pip()
    }

    /// Sharpe ratio per day.
    pub(crate) fn sharpe(&self, trades: &[Trade]) -> Option<f64> {
        sharpe(&self.days(trades, 1.0).iter().map(|day| day.sum).collect::<Vec<_>>()).filter(|_| !trades.is_empty())
    }

    /// Every rule's figures.
    pub(crate) fn rules(&self) -> Vec<RuleFigures> {
        let figures = |(rule, trades): (&crate::validate::rules::Rule, &Vec<Trade>)| RuleFigures {
            rule: rule.text(),
            trades: trades.len() as u64,
            won: trades.iter().filter(|trade| trade.won).count() as f64 / trades.len().max(1) as f64,
            net: self.mean(trades, 1.0),
            sharpe_day: self.sharpe(trades),
        };
        FAMILY.iter().zip(&self.trades).map(figures).collect()
    }

    /// Mean net pips a trade; zero without one.
    pub(crate) fn mean(&self, trades: &[Trade], costs: f64) -> f64 {
        trades.iter().map(|trade| self.net(trade, costs)).sum::<f64>() / trades.len().max(1) as f64 + 0.0
    }

    /// The rule with the highest Sharpe ratio per day; without ratios, that with the most trades.
    pub(crate) fn chosen(&self) -> usize {
        let mut best = 0;
        let worth = |nth: usize| self.sharpe(&self.trades[nth]).unwrap_or(f64::NEG_INFINITY);
        for nth in 1..self.trades.len() {
            let (a, b) = (worth(nth), worth(best));
            if a > b || (a == b && self.trades[nth].len() > self.trades[best].len()) {
                best = nth;
            }
        }
        best
    }

    /// Trades at a multiple of the costs.
    pub(crate) fn under(&self, at: f64, trades: &[Trade], costs: f64) -> Under {
        let days = self.days(trades, costs);
        let interval = family_interval(&days, FAMILY.len(), self.seed).filter(|_| !trades.is_empty());
        Under { at, trades: trades.len() as u64, net: self.mean(trades, costs), interval: interval.map(Ends::from) }
    }

    /// Trades on other rows, at the quoted costs.
    pub(crate) fn later(&self, rows: &[u32], trades: &[Trade]) -> Under {
        let days = stretches(&self.ground.times, rows, Span::DAY.0);
        let results = trades.iter().map(|trade| (trade.time, self.net(trade, 1.0)));
        let interval =
            expectancy_interval(&sums(&days, Span::DAY.0, results), self.seed).filter(|_| !trades.is_empty());
        Under { at: 1.0, trades: trades.len() as u64, net: self.mean(trades, 1.0), interval: interval.map(Ends::from) }
    }

    /// The probability of overfitting of the family beside as many rules without skill: each rule's entries with a coin's
    /// side. Rules that are equally good change places by luck, which is no overfitting; beside coins they all lie above the
    /// median, and rules without skill lie anywhere: one half, as it must be.
    pub(crate) fn overfit(&self) -> Option<OverfitFigures> {
        let any = self.trades.iter().any(|trades| !trades.is_empty());
        let coins = self.trades.iter().map(|trades| self.nulls.coin(trades));
        let all: Vec<Vec<Trade>> = self.trades.iter().cloned().chain(coins).collect();
        let found = overfit(&self.nulls.table(&all), all.len(), BLOCKS).ok().filter(|_| any)?;
        Some(OverfitFigures { probability: found.probability, splits: found.splits, columns: all.len() })
    }

    /// The family against each null model.
    pub(crate) fn superior(&self) -> Vec<Beaten> {
        let p = self.nulls.p_values(&self.trades);
        NAMES.iter().zip(p).map(|(null, p)| Beaten { null: (*null).to_owned(), p }).collect()
    }

    /// The deflated Sharpe ratio of a rule by what the ledger says.
    pub(crate) fn deflated(&self, trades: &[Trade], ledger: &Contents) -> Option<DeflatedFigures> {
        let days: Vec<f64> = self.days(trades, 1.0).iter().map(|day| day.sum).collect();
        let moments = Moments::of(&days).ok().filter(|_| !trades.is_empty())?;
        let found = deflated_sharpe(&moments, ledger.count(), ledger.sharpe_variance()?).ok()?;
        let Deflated { trials, variance, threshold, probability } = found;
        Some(DeflatedFigures { trials, variance, threshold, probability })
    }

    /// The win rate less that of random entries, its interval, and what is needed.
    pub(crate) fn uplift(&self, trades: &[Trade]) -> (Option<f64>, Option<Ends>, Option<f64>) {
        let Some(null) = self.nulls.win_rate(trades) else { return (None, None, None) };
        let over = trades.iter().map(|trade| (trade.time, f64::from(u8::from(trade.won)) - null));
        let days = sums(&self.days, Span::DAY.0, over);
        let count = trades.len().max(1) as f64;
        let mean = days.iter().map(|day| day.sum).sum::<f64>() / count;
        let spread = trades.iter().map(|trade| trade.spread).sum::<f64>() / count;
        let (barrier, pip) = (&self.ground.barrier, self.pip());
        let (stop, target) = (barrier.stop.as_f64() / pip, barrier.target.as_f64() / pip);
        let needed = uplift_needed(spread / pip, barrier.commission_points / pip, stop, target).ok();
        (Some(mean), expectancy_interval(&days, self.seed).map(Ends::from), needed)
    }

    /// Net results with their times, in pips.
    pub(crate) fn results(&self, trades: &[Trade]) -> Vec<(Time, f64)> {
        trades.iter().map(|trade| (trade.time, self.net(trade, 1.0))).collect()
    }
}

/// The verdict of figures: by every mark; NOT ENOUGH DATA where it cannot be judged, and never EDGE against the lockbox.
pub(crate) fn decide(found: &mut Validation, results: &[(Time, f64)]) {
    let ends = |ends: Option<Ends>| ends.map(|ends| report::bootstrap::Interval { low: ends.low, high: ends.high });
    let at = |costs: f64| found.costs.iter().find(|under| under.at == costs);
    let both = found.quality.iter().find(|quality| quality.of == "both");
    let p: Option<Vec<f64>> = found.superior.iter().map(|beaten| beaten.p).collect();
    let evidence = Evidence {
        trades: results.len() as u64,
        expectancy: ends(at(1.0).and_then(|under| under.interval)),
        expectancy_stressed_low: at(1.5).and_then(|under| under.interval).map(|ends| ends.low),
        deflated_sharpe: found.deflated.as_ref().map(|deflated| deflated.probability),
        overfit: found.overfit.as_ref().map(|overfit| overfit.probability),
        superior_p: p.filter(|p| !p.is_empty()).map(|p| p.into_iter().fold(0.0, f64::max)),
        uplift_low: found.uplift_interval.map(|ends| ends.low),
        uplift_needed: found.uplift_needed,
        brier_skill: both.map(|quality: &Quality| quality.brier_skill),
        ece: both.map(|quality| quality.ece),
        months_positive: months_positive(results),
        day_largest: day_largest(results),
    };
    let Judged { verdict, reasons, marks } = judge(&evidence);
    verdict.name().clone_into(&mut found.verdict);
    found.reasons = reasons;
    found.marks = marks
        .iter()
        .map(|mark| MarkFigures {
            name: mark.name.to_owned(),
            value: mark.value,
            sense: mark.sense.sign().to_owned(),
            threshold: mark.threshold,
            passed: mark.passed,
        })
        .collect();
    let lost = found.lockbox.found.as_ref().filter(|under| under.net <= 0.0 && verdict == report::Verdict::Edge);
    if let Some(under) = lost {
        report::Verdict::NoEdge.name().clone_into(&mut found.verdict);
        found.reasons =
            vec![format!("in the lockbox it earned {:+.3} pips a trade in {} trades", under.net, under.trades)];
    }
    if !found.sound.faults.is_empty() {
        report::Verdict::NotEnoughData.name().clone_into(&mut found.verdict);
        let reasons = found.sound.faults.iter().map(|fault| format!("cannot be judged: {fault}"));
        found.reasons = reasons.chain(std::mem::take(&mut found.reasons)).collect();
    }
}
