//! The honest block as it is printed: win rate never without the null and the break-even rate.

use std::fmt::Write as _;

use crate::assess::{Assessment, Judgement};
use crate::bootstrap::Interval;
use crate::daily::Daily;
use crate::session::{Count, Session};

/// The statement that the CFTC's rule 4.41(b) wants beside every simulated result.
pub const HYPOTHETICAL: &str = "These results are based on simulated or hypothetical performance results that have certain inherent limitations. Unlike the results shown in an actual performance record, these results do not represent actual trading. Also, because these trades have not actually been executed, these results may have under- or over-compensated for the impact, if any, of certain market factors, such as lack of liquidity. Simulated or hypothetical trading programs in general are also subject to the fact that they are designed with the benefit of hindsight. No representation is being made that any account will or is likely to achieve profits or losses similar to these being shown. All figures are net of spread, slippage, commission and swap unless they say gross.";

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn rates(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "[unknown]".into(), |i| format!("[{:.1}-{:.1}]", i.low * 100.0, i.high * 100.0))
}

fn pips(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "[unknown]".into(), |i| format!("[{:+.2}, {:+.2}]", i.low, i.high))
}

pub(crate) fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "n/a".into(), |value| format!("{value:.digits$}"))
}

fn counts(counts: &[Count]) -> String {
    let shown: Vec<_> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {}", grouped(*n))).collect();
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

/// A count with thousands apart: `1,144,807`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The lines of one strategy's honest block, the same on the terminal and on the page.
pub fn block(j: &Judgement, daily: &Daily) -> String {
    let mut out = String::new();
    let p = &j.pips;
    if p.count == 0 {
        let _ = writeln!(out, "Trades 0");
        let _ = writeln!(out, "{}", pool_line(j));
        let _ = write!(out, "VERDICT: {}. {}.", j.verdict.name(), sentence(&j.reason));
        return out;
    }
    let rate = p.win_rate().map_or_else(|| "n/a".into(), percent);
    let interval = rates(j.win_rate_interval);
    let wilson = interval.trim_start_matches('[');
    let (trades, wins) = (grouped(p.count), grouped(p.wins));
    let _ = writeln!(out, "Trades {trades}   Wins {wins}   Win rate {rate} [Wilson 95% {wilson}");
    let _ = writeln!(out, "{}", null_line(j));
    let side = match (p.win_rate(), p.break_even) {
        (Some(rate), Some(even)) if rate > even => "above break-even",
        (Some(_), Some(_)) => "BELOW BREAK-EVEN",
        _ => "n/a",
    };
    let even = p.break_even.map_or_else(|| "n/a".into(), percent);
    let _ = writeln!(out, "Break-even win rate at these costs         {even}   -> {side}");
    let _ = writeln!(
        out,
        "Expectancy {:+.2} pips {}   PF {}   payoff {}   account: Sharpe (day) {}   Sortino (day) {}",
        p.expectancy,
        pips(j.expectancy_interval),
        optional(j.money.profit_factor, 2),
        optional(p.payoff, 2),
        optional(daily.sharpe, 2),
        optional(daily.sortino, 2)
    );
    let cost = j
        .break_even_cost_pips
        .map_or_else(|| "n/a (gross is not above zero)".into(), |c| format!("{c:.2} pips a trade"));
    let _ = writeln!(out, "Break-even cost {cost}   expectancy at 1.5 x costs {}", pips(j.stressed_interval));
    if let Some(line) = family_line(j) {
        let _ = writeln!(out, "{line}");
    }
    let _ = write!(out, "VERDICT: {}. {}.", j.verdict.name(), sentence(&j.reason));
    out
}

/// What the verdict reads when there is more than one strategy to choose the best of.
fn family_line(j: &Judgement) -> Option<String> {
    let k = (crate::bootstrap::ALPHA / (1.0 - j.family.level)).round();
    (k > 1.0).then(|| {
        format!(
            "As one of {k} strategies ({:.2}%)            expectancy {}, at 1.5 x costs {}",
            j.family.level * 100.0,
            pips(j.family.expectancy),
            pips(j.family.stressed)
        )
    })
}

fn null_line(j: &Judgement) -> String {
    let Some(null) = &j.null else {
        return "Same exits, random entry                   too few random trades to compare with".into();
    };
    let uplift = j.pips.win_rate().unwrap_or_default() - null.win_rate();
    format!(
        "Same exits, random entry ({} paths)     {} {}   -> uplift {:+.1} pp (p={:.3}); in pips p={:.3}",
        grouped(null.win_rates.len() as u64),
        percent(null.win_rate()),
        rates(null.win_rate_interval()),
        uplift * 100.0,
        null.p_of_win_rate(j.pips.win_rate().unwrap_or_default()),
        null.p_of_expectancy(j.pips.expectancy)
    )
}

/// What random entries would have done where the strategy did nothing.
fn pool_line(j: &Judgement) -> String {
    if j.pool.count == 0 {
        return "Same exits, random entry: no random trade was made".into();
    }
    let even = j.pool.break_even.map_or_else(|| "n/a".into(), percent);
    format!(
        "Same exits, random entry: {} trades, win rate {} (break-even {even}), {:+.2} pips a trade",
        grouped(j.pool.count),
        j.pool.win_rate().map_or_else(|| "n/a".into(), percent),
        j.pool.expectancy
    )
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// The whole summary for the terminal.
pub fn summary(session: &Session, a: &Assessment) -> String {
    let mut out = String::new();
    let m = &session.manifest;
    let _ = writeln!(out, "{} to {}   {}", m.period.0, m.period.1, m.venue);
    for data in &session.data {
        let _ = writeln!(
            out,
            "{}: {} ticks, {} believed; rejected: {}; flagged: {}; spread p50 {:.1} p99 {:.1} pips",
            data.symbol,
            grouped(data.read),
            grouped(data.believed),
            counts(&data.rejected),
            counts(&data.flagged),
            data.spread_pips[0],
            data.spread_pips[2]
        );
    }
    let _ = writeln!(out, "Decisions {}   signals {}", grouped(session.decisions), grouped(session.signals));
    let _ = writeln!(out, "Abstained: {}", counts(&session.abstentions));
    let _ = writeln!(out, "Refused by the gate: {}", counts(&session.refusals));
    let _ = writeln!(
        out,
        "Orders {}   fills {}   rejected by the venue: {}",
        grouped(session.orders),
        grouped(session.fills),
        counts(&session.rejects)
    );
    let _ = writeln!(
        out,
        "Gross {} {}   spread {} (in gross)   slippage {} (in gross)   commission {}   swap {}   net {}   drawdown {}",
        a.gross,
        m.currency,
        a.costs.spread,
        a.costs.slippage,
        a.costs.commission,
        a.costs.swap,
        market::Money(m.balance_end.0.saturating_sub(m.balance_start.0)),
        a.drawdown_max
    );
    for warning in &session.warnings {
        let _ = writeln!(out, "WARNING: {warning}");
    }
    for judgement in &a.strategies {
        let _ = writeln!(out, "\n{}\n{}", judgement.strategy, block(judgement, &a.daily));
    }
    out.push('\n');
    let _ = write!(out, "Hypothetical results on recorded ticks; see the statement in the report.");
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_144_807].map(grouped), ["0", "999", "1,000", "1,144,807"]);
    }
}
