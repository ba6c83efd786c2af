//! The run as one JSON object, schema `docs/formats/backtest.schema.json`, version 1.

use serde_json::{Map, Value, json};

use crate::assess::{Assessment, Judgement};
use crate::bootstrap::Interval;
use crate::session::{Count, Sensitivity, Session};

/// The version of the schema: raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

fn interval(interval: Option<Interval>) -> Value {
    interval.map_or(Value::Null, |i| json!([i.low, i.high]))
}

fn counts(counts: &[Count]) -> Value {
    Value::Object(counts.iter().map(|(name, n)| (name.clone(), json!(n))).collect::<Map<_, _>>())
}

fn sensitivity(rows: &[Sensitivity], at: &str) -> Value {
    rows.iter()
        .map(|row| {
            json!({ at: row.at, "trades": row.trades, "win_rate": row.win_rate,
                    "expectancy_pips": row.expectancy_pips, "net": row.net })
        })
        .collect()
}

/// One strategy's honest block.
fn strategy(j: &Judgement) -> Value {
    json!({
        "name": j.strategy,
        "trades": j.pips.count,
        "wins": j.pips.wins,
        "win_rate": j.pips.win_rate(),
        "win_rate_wilson_95": interval(j.win_rate_interval),
        "null": j.null.as_ref().map(|random| json!({
            "paths": random.win_rates.len(), "pool": random.pool, "win_rate": random.win_rate(),
            "win_rate_95": interval(random.win_rate_interval()), "expectancy_pips": random.expectancy(),
            "p_win_rate": random.p_of_win_rate(j.pips.win_rate().unwrap_or_default()),
            "p_expectancy": random.p_of_expectancy(j.pips.expectancy),
        })),
        "random_entries": { "trades": j.pool.count, "win_rate": j.pool.win_rate(),
                            "break_even_win_rate": j.pool.break_even, "expectancy_pips": j.pool.expectancy },
        "break_even_win_rate": j.pips.break_even,
        "expectancy_pips": j.pips.expectancy,
        "expectancy_pips_95": interval(j.expectancy_interval),
        "expectancy_pips_95_at_1_5_costs": interval(j.stressed_interval),
        "expectancy_pips_family": interval(j.family.expectancy),
        "expectancy_pips_family_at_1_5_costs": interval(j.family.stressed),
        "break_even_cost_pips": j.break_even_cost_pips,
        "profit_factor": j.money.profit_factor,
        "payoff": j.pips.payoff,
        "net_profit": j.money.total,
        "verdict": j.verdict.name(),
        "verdict_reason": j.reason,
    })
}

/// The object. Everything but `performance` is the same for the same input, configuration, seed and build.
pub fn json(session: &Session, a: &Assessment) -> Value {
    let m = &session.manifest;
    let net = m.balance_end.0.saturating_sub(m.balance_start.0);
    json!({
        "schema_version": SCHEMA_VERSION,
        "kind": "backtest",
        "hypothetical": true,
        "manifest": {
            "build": m.build, "command": m.command, "config_sha256": m.config_digest, "seed": m.seed,
            "data": m.data.iter().map(|(file, sha256)| json!({ "file": file, "sha256": sha256 })).collect::<Value>(),
            "first": m.period.0.to_string(), "last": m.period.1.to_string(), "currency": m.currency, "venue": m.venue,
            "journal_head": m.journal_head,
        },
        "ticks": {
            "read": session.data.iter().map(|data| data.read).sum::<u64>(),
            "believed": session.data.iter().map(|data| data.believed).sum::<u64>(),
            "symbols": session.data.iter().map(|data| json!({
                "symbol": data.symbol, "read": data.read, "believed": data.believed,
                "rejected": counts(&data.rejected), "flagged": counts(&data.flagged),
                "gap_longest_s": data.gap_longest_s,
                "spread_pips": { "p50": data.spread_pips[0], "p95": data.spread_pips[1],
                                 "p99": data.spread_pips[2], "max": data.spread_pips[3] },
            })).collect::<Value>(),
        },
        "decisions": session.decisions,
        "signals": session.signals,
        "abstentions": counts(&session.abstentions),
        "refusals": counts(&session.refusals),
        "orders": session.orders,
        "fills": session.fills,
        "rejects": counts(&session.rejects),
        "trades": a.money.count,
        "strategies": a.strategies.iter().map(strategy).collect::<Value>(),
        "profit_factor": a.money.profit_factor,
        "gross_profit": a.gross.as_f64(),
        "net_profit": market::Money(net).as_f64(),
        "costs": { "spread": a.costs.spread.as_f64(), "slippage": a.costs.slippage.as_f64(),
                   "commission": a.costs.commission.as_f64(), "swap": a.costs.swap.as_f64() },
        "drawdown_max": a.drawdown_max.as_f64(),
        "sharpe_day": a.daily.sharpe,
        "sortino_day": a.daily.sortino,
        "cost_sensitivity": sensitivity(&session.costs, "cost_factor"),
        "latency_sensitivity": sensitivity(&session.latencies, "latency_ms"),
        "in_sample": session.in_sample,
        "warnings": session.warnings,
        "verdict": a.verdict.name(),
        "verdict_reason": a.reason,
        "multiplicity": { "strategies": a.strategies.len(), "method": "bonferroni",
                          "level": a.strategies.first().map(|j| j.family.level) },
        "performance": { "ticks_per_second": session.ticks_per_second, "memory_peak_bytes": session.memory_peak },
    })
}
