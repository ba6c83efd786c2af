//! What follows from the facts of a run: the figures of the honest block, and the verdict.

use std::collections::BTreeMap;

use market::{Money, Time};

use crate::bootstrap::{ALPHA, DAYS_MIN, Day, Interval, family_interval};
use crate::daily::{Daily, daily};
use crate::null::{Null, PATHS, paths};
use crate::session::Session;
use crate::trades::{Figures, Trade, figures};

/// Fewer trades than this cannot carry a verdict.
pub const TRADES_MIN: u64 = 100;

/// A p-value below this, divided by the number of strategies, counts against chance.
pub const P_MAX: f64 = 0.05;

/// The factor on all costs at which an edge must still stand.
pub const STRESS: f64 = 1.5;

/// Whether what was found is worth anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Net expectancy is above zero, also at higher costs, and beyond chance.
    Edge,
    /// It is not.
    NoEdge,
    /// Too few trades or days to tell.
    NotEnoughData,
}

impl Verdict {
    /// The verdict in capitals, as printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edge => "EDGE",
            Self::NoEdge => "NO EDGE",
            Self::NotEnoughData => "NOT ENOUGH DATA",
        }
    }
}

/// Sums of what trading cost, each zero or negative except swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Costs {
    /// Half a spread at each end of each trade.
    pub spread: Money,
    /// Fills worse than the prices we saw.
    pub slippage: Money,
    /// Commissions and fees.
    pub commission: Money,
    /// Swaps, either sign.
    pub swap: Money,
}

/// The judgement of one strategy: only trades of one kind can be compared with a null.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Its name.
    pub strategy: String,
    /// Figures in pips per trade, net.
    pub pips: Figures,
    /// Figures in the account's currency, net.
    pub money: Figures,
    /// Wilson's 95 % interval of the win rate.
    pub win_rate_interval: Option<Interval>,
    /// The same exits with random entries, as often and at the same hours.
    pub null: Option<Null>,
    /// All random entries under its exits.
    pub pool: Figures,
    /// 95 % interval of net pips per trade, over days.
    pub expectancy_interval: Option<Interval>,
    /// The same with all costs half as high again.
    pub stressed_interval: Option<Interval>,
    /// The intervals that the verdict reads, as sure for all strategies of the run together as those are for one.
    pub family: FamilyIntervals,
    /// Cost in pips per trade at which expectancy would be zero; `None` when gross expectancy is not above zero.
    pub break_even_cost_pips: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// The run's verdict is that of its best strategy, and the best of several is lucky more often than one. So each is judged
/// by intervals of level `1 - 0.05 / k` for `k` strategies, and by a p value below `0.05 / k` (Bonferroni): the chance
/// that any strategy without an edge is called EDGE stays what it is for one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FamilyIntervals {
    /// `1 - 0.05 / k`.
    pub level: f64,
    /// Net pips per trade, over days.
    pub expectancy: Option<Interval>,
    /// The same with all costs half as high again.
    pub stressed: Option<Interval>,
}

/// The judgement of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Each strategy, in the order of the configuration.
    pub strategies: Vec<Judgement>,
    /// Figures of all trades in the account's currency, net.
    pub money: Figures,
    /// Figures of the daily returns.
    pub daily: Daily,
    /// Deepest fall of equity below its earlier peak, in the account's currency, as a negative amount.
    pub drawdown_max: Money,
    /// Sums of costs.
    pub costs: Costs,
    /// The sum of prices' profit, before commission and swap.
    pub gross: Money,
    /// The best verdict of any strategy.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// Judges a run.
///
/// # Errors
/// An identity that an honest report keeps is broken: the facts contradict each other, and nothing may be printed.
pub fn assess(session: &Session) -> Result<Assessment, String> {
    let money = figures(session.trades.iter().map(|trade| trade.net().as_f64()));
    money.check()?;
    check_balance(session)?;
    let strategies: Result<Vec<_>, _> = session.strategies.iter().map(|name| of_strategy(session, name)).collect();
    let strategies = strategies?;
    let returns: Vec<f64> = session.days.iter().filter_map(day_return).collect();
    let (verdict, reason) = best(&strategies);
    Ok(Assessment {
        daily: daily(&returns),
        drawdown_max: drawdown(session),
        gross: session.trades.iter().fold(Money::ZERO, |sum, trade| Money(sum.0.saturating_add(trade.gross.0))),
        costs: sum_costs(&session.trades),
        strategies,
        money,
        verdict,
        reason,
    })
}

/// Judges the trades of one strategy.
fn of_strategy(session: &Session, name: &str) -> Result<Judgement, String> {
    let trades: Vec<&Trade> = session.trades.iter().filter(|trade| trade.strategy == name).collect();
    let pips = figures(trades.iter().map(|trade| trade.net_pips));
    pips.check()?;
    let seed = session.manifest.seed;
    let hours: Vec<u8> = trades.iter().map(|trade| trade.opened.hour()).collect();
    let pool: Vec<_> = session.null.iter().filter(|trade| trade.strategy == name).collect();
    let null = paths(&pool, &hours, seed);
    let days = by_day(&trades, |trade| trade.net_pips);
    let stressed = by_day(&trades, |trade| trade.net_pips - (STRESS - 1.0) * cost_pips(trade));
    let k = session.strategies.len();
    let family = FamilyIntervals {
        level: 1.0 - ALPHA / k as f64,
        expectancy: family_interval(&days, k, seed),
        stressed: family_interval(&stressed, k, seed),
    };
    let (verdict, reason) = out_of_sample(session, judge(&pips, null.as_ref(), &family, k));
    Ok(Judgement {
        strategy: name.to_owned(),
        money: figures(trades.iter().map(|trade| trade.net().as_f64())),
        win_rate_interval: wilson(&pips),
        null,
        pool: figures(pool.iter().map(|trade| trade.net_pips)),
        break_even_cost_pips: break_even_cost(&trades),
        expectancy_interval: family_interval(&days, 1, seed),
        stressed_interval: family_interval(&stressed, 1, seed),
        family,
        pips,
        verdict,
        reason,
    })
}

/// What a model earns on ticks that it may have learned from is no edge.
fn out_of_sample(session: &Session, (verdict, reason): (Verdict, String)) -> (Verdict, String) {
    if !session.in_sample {
        return (verdict, reason);
    }
    let capped = if verdict == Verdict::Edge { Verdict::NotEnoughData } else { verdict };
    (capped, format!("in-sample: a model was seated on ticks that it may have learned from; {reason}"))
}

/// The verdict on a run of several strategies: that of the best.
fn best(strategies: &[Judgement]) -> (Verdict, String) {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Edge => 2,
        Verdict::NotEnoughData => 1,
        Verdict::NoEdge => 0,
    };
    let best = strategies.iter().max_by_key(|judgement| (rank(judgement.verdict), judgement.pips.count > 0));
    let several = strategies.len() > 1;
    match best {
        None => (Verdict::NoEdge, "there is no strategy".into()),
        Some(best) if several => (best.verdict, format!("{}: {}", best.strategy, best.reason)),
        Some(best) => (best.verdict, best.reason.clone()),
    }
}

fn check_balance(session: &Session) -> Result<(), String> {
    let sum: i128 = session.trades.iter().map(|trade| i128::from(trade.net().0)).sum();
    let change = i128::from(session.manifest.balance_end.0) - i128::from(session.manifest.balance_start.0);
    if sum == change {
        return Ok(());
    }
    Err(format!("the trades sum to {sum} millionths, but the balance changed by {change}"))
}

fn wilson(figures: &Figures) -> Option<Interval> {
    let (low, high) = models::wilson(figures.wins, figures.count, models::wilson::Z_95)?;
    Some(Interval { low, high })
}

/// What one trade cost in pips: spread, slippage and commission (swap is not a cost of trading often).
fn cost_pips(trade: &Trade) -> f64 {
    let per_pip = if trade.net_pips == 0.0 { 0.0 } else { trade.net().as_f64() / trade.net_pips };
    let cost = -(trade.spread.as_f64() + trade.slippage.as_f64() + trade.commission.as_f64());
    if per_pip > 0.0 { (cost / per_pip).max(0.0) } else { 0.0 }
}

fn break_even_cost(trades: &[&Trade]) -> Option<f64> {
    let n = trades.len() as f64;
    let gross = trades.iter().map(|trade| trade.net_pips + cost_pips(trade)).sum::<f64>() / n;
    (!trades.is_empty() && gross > 0.0).then_some(gross)
}

/// Results summed by the UTC day of closing.
fn by_day(trades: &[&Trade], result: impl Fn(&Trade) -> f64) -> Vec<Day> {
    let mut days: BTreeMap<i64, Day> = BTreeMap::new();
    for trade in trades {
        let day = days.entry(trade.closed.day()).or_default();
        day.sum += result(trade);
        day.count += 1;
    }
    days.into_values().collect()
}

fn day_return(day: &crate::session::DayResult) -> Option<f64> {
    (day.equity.0 > 0).then(|| day.change.0 as f64 / day.equity.0 as f64)
}

fn drawdown(session: &Session) -> Money {
    let (mut peak, mut deepest) = (i64::MIN, 0);
    for (_, equity) in &session.equity {
        peak = peak.max(equity.0);
        deepest = deepest.min(equity.0.saturating_sub(peak));
    }
    Money(deepest)
}

fn sum_costs(trades: &[Trade]) -> Costs {
    let mut costs = Costs::default();
    for trade in trades {
        costs.spread.0 = costs.spread.0.saturating_add(trade.spread.0);
        costs.slippage.0 = costs.slippage.0.saturating_add(trade.slippage.0);
        costs.commission.0 = costs.commission.0.saturating_add(trade.commission.0);
        costs.swap.0 = costs.swap.0.saturating_add(trade.swap.0);
    }
    costs
}

/// EDGE only when everything speaks for it, at the level of all `k` strategies together; an unknown never does.
fn judge(pips: &Figures, null: Option<&Null>, family: &FamilyIntervals, k: usize) -> (Verdict, String) {
    if pips.count == 0 {
        return (Verdict::NoEdge, "nothing was traded; why not stands with the abstentions and refusals".into());
    }
    let Some(interval) = family.expectancy else {
        return (Verdict::NotEnoughData, format!("fewer than {DAYS_MIN} days with trades: no interval"));
    };
    let best_of = if k > 1 { format!(", as one of {k} strategies") } else { String::new() };
    if interval.high <= 0.0 {
        return (Verdict::NoEdge, format!("expectancy is below zero: at most {:+.2} pips", interval.high));
    }
    if pips.count < TRADES_MIN {
        return (Verdict::NotEnoughData, format!("{} trades; {TRADES_MIN} are needed", pips.count));
    }
    if interval.low <= 0.0 {
        let (low, high) = (interval.low, interval.high);
        let reason = format!("zero lies within the interval of expectancy{best_of}, {low:+.2} to {high:+.2}");
        return (Verdict::NoEdge, reason);
    }
    let Some(null) = null else {
        return (Verdict::NotEnoughData, "too few random entries to compare with".into());
    };
    let p = null.p_of_expectancy(pips.expectancy);
    if p >= p_max(k) {
        return (Verdict::NoEdge, format!("random entries with the same exits do as well (p = {p:.3}{best_of})"));
    }
    match family.stressed {
        Some(stressed) if stressed.low > 0.0 => {
            (Verdict::Edge, format!("expectancy is above zero, also at {STRESS} times the costs (p = {p:.3}{best_of})"))
        }
        _ => (Verdict::NoEdge, format!("it does not stand {STRESS} times the costs{best_of}")),
    }
}

/// The p value that one of `k` strategies must stay below. The null has [`PATHS`] paths and cannot tell less than one of
/// them: with very many strategies no path at all may do as well, and the intervals carry the rest.
fn p_max(k: usize) -> f64 {
    (P_MAX / k.max(1) as f64).max(1.5 / (PATHS as f64 + 1.0))
}

/// Sums of net money by a key of the trade's opening.
pub fn by_key(trades: &[Trade], keys: usize, key: impl Fn(Time) -> u8) -> Vec<(u64, f64)> {
    let mut sums = vec![(0, 0.0); keys];
    for trade in trades {
        if let Some((count, sum)) = sums.get_mut(usize::from(key(trade.opened))) {
            *count += 1;
            *sum += trade.net().as_f64();
        }
    }
    sums
}

#[cfg(test)]
mod tests;
