//! The run as one HTML file: inline style and SVG, nothing fetched, readable on a phone, dark and light.

use std::fmt::Write as _;

use market::{Money, Side, Time};

use crate::assess::{Assessment, Verdict, by_key};
use crate::session::{Count, Sensitivity, Session};
use crate::svg::{bars, escaped, histogram, line, scatter};
use crate::text::{HYPOTHETICAL, block, grouped, optional, percent};

/// More trades than this are listed only in the CSV and Parquet files, to keep the page small.
pub const TRADES_LISTED_MAX: usize = 2_000;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The page.
pub fn html(session: &Session, a: &Assessment) -> String {
    let mut out = String::with_capacity(1 << 18);
    let class = match a.verdict {
        Verdict::Edge => "edge",
        Verdict::NoEdge => "none",
        Verdict::NotEnoughData => "unknown",
    };
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{} · scalpel</title><style>{STYLE}</style></head><body><header><p class=\"mode\">SIMULATED</p><h1>Backtest report</h1><p>{} to {}</p></header><main>",
        a.verdict.name(),
        m_time(session.manifest.period.0),
        m_time(session.manifest.period.1)
    );
    let _ =
        write!(out, "<section class=\"verdict {class}\"><h2>{}</h2><p>{}</p>", a.verdict.name(), escaped(&a.reason));
    for j in &a.strategies {
        let _ = write!(out, "<h3>{}</h3><pre>{}</pre>", escaped(&j.strategy), escaped(&block(j, &a.daily)));
    }
    let _ = write!(out, "<p class=\"hypothetical\">{HYPOTHETICAL}</p></section>");
    tiles(&mut out, session, a);
    warnings(&mut out, session);
    equity(&mut out, session);
    null(&mut out, a);
    sensitivities(&mut out, session);
    when(&mut out, session);
    excursions(&mut out, session);
    trades(&mut out, session);
    funnel(&mut out, session);
    data(&mut out, session);
    manifest(&mut out, session);
    glossary(&mut out);
    let _ = write!(out, "</main><script>{SCRIPT}</script></body></html>");
    out
}

fn m_time(time: Time) -> String {
    time.to_string().replace('T', " ").replace('Z', " UTC")
}

fn section(out: &mut String, title: &str, body: &str) {
    let _ = write!(out, "<section><h2>{}</h2>{body}</section>", escaped(title));
}

fn tiles(out: &mut String, session: &Session, a: &Assessment) {
    let currency = &session.manifest.currency;
    let net = Money(session.manifest.balance_end.0.saturating_sub(session.manifest.balance_start.0));
    let rows = [
        ("Net result", format!("{net} {currency}"), "Change of balance over the run."),
        ("Gross", format!("{} {currency}", a.gross), "Profit from prices alone: spread and slippage are in it."),
        ("Spread paid", format!("{} {currency}", a.costs.spread), "Half the quoted spread at each end of each trade."),
        ("Slippage", format!("{} {currency}", a.costs.slippage), "Fills against the prices seen when deciding."),
        ("Commission", format!("{} {currency}", a.costs.commission), "What the venue charged."),
        ("Swap", format!("{} {currency}", a.costs.swap), "Booked at the rollover."),
        (
            "Largest drawdown",
            format!("{} {currency}", a.drawdown_max),
            "Deepest fall of equity below its earlier peak.",
        ),
        ("Profit factor", optional(a.money.profit_factor, 2), "Sum of wins over sum of losses."),
        (
            "Sharpe per day",
            optional(a.daily.sharpe, 2),
            "Mean over standard deviation of daily returns, not annualised.",
        ),
        (
            "Sortino per day",
            optional(a.daily.sortino, 2),
            "Mean over downside deviation of daily returns, not annualised.",
        ),
        ("Trades", grouped(a.money.count), "Positions opened and closed."),
        ("Days", grouped(session.days.len() as u64), "Days with equity."),
    ];
    let mut body = String::from("<dl class=\"tiles\">");
    for (name, value, what) in rows {
        let _ = write!(body, "<div title=\"{what}\"><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    section(
        out,
        "Figures",
        &(body + "</dl><p class=\"note\">Hypothetical; costs included. Hover a figure for its meaning.</p>"),
    );
}

fn warnings(out: &mut String, session: &Session) {
    if session.warnings.is_empty() {
        return;
    }
    let mut body = String::from("<ul class=\"warnings\">");
    for warning in &session.warnings {
        let _ = write!(body, "<li>{}</li>", escaped(warning));
    }
    section(out, "Warnings", &(body + "</ul>"));
}

fn equity(out: &mut String, session: &Session) {
    if session.equity.is_empty() {
        return;
    }
    let ends = (m_time(session.manifest.period.0), m_time(session.manifest.period.1));
    let ends = (&ends.0[..16], &ends.1[..16]);
    let points: Vec<_> = session.equity.iter().map(|(time, equity)| (time.0 as f64, equity.as_f64())).collect();
    let mut peak = f64::NEG_INFINITY;
    let under: Vec<_> = points
        .iter()
        .map(|(time, equity)| {
            peak = peak.max(*equity);
            (*time, equity - peak)
        })
        .collect();
    let body = format!(
        "<figure>{}<figcaption>Equity, {}</figcaption></figure><figure>{}<figcaption>Below the earlier peak, {}</figcaption></figure>",
        line("Equity", &points, ends, false),
        session.manifest.currency,
        line("Drawdown", &under, ends, true),
        session.manifest.currency
    );
    section(out, "Equity and drawdown", &body);
}

fn null(out: &mut String, a: &Assessment) {
    for j in &a.strategies {
        let title = format!("{} against random entries", j.strategy);
        let Some(null) = &j.null else {
            let rate = j.pool.win_rate().map_or_else(|| "n/a".into(), percent);
            let body = format!(
                "<p>Nothing to compare: {} trades, and {} random entries under the same exits (win rate {rate}, {:+.2} net pips a trade).</p>",
                grouped(j.pips.count),
                grouped(j.pool.count),
                j.pool.expectancy
            );
            section(out, &title, &body);
            continue;
        };
        let rate = j.pips.win_rate().unwrap_or_default();
        let percents: Vec<f64> = null.win_rates.iter().map(|r| r * 100.0).collect();
        let body = format!(
            "<p>{} paths of random entries at the same hours, drawn from {} trades that a coin made through the same gate, venue and exits.</p><figure>{}<figcaption>Win rate in %, random paths; the line is this run ({}; break-even {}).</figcaption></figure><figure>{}<figcaption>Net pips a trade, random paths; the line is this run.</figcaption></figure>",
            grouped(null.win_rates.len() as u64),
            grouped(null.pool as u64),
            histogram("Win rates of random entries", &percents, Some((rate * 100.0, "this run"))),
            percent(rate),
            j.pips.break_even.map_or_else(|| "n/a".into(), percent),
            histogram("Expectancy of random entries", &null.expectancies, Some((j.pips.expectancy, "this run")))
        );
        section(out, &title, &body);
    }
}

fn sensitivities(out: &mut String, session: &Session) {
    let table = |rows: &[Sensitivity], name: &str, unit: &str| {
        let mut body = format!(
            "<div class=\"scroll\"><table><thead><tr><th>{name}</th><th>trades</th><th>win rate</th><th>net pips a trade</th><th>net</th></tr></thead><tbody>"
        );
        for row in rows {
            let _ = write!(
                body,
                "<tr><td>{}{unit}</td><td>{}</td><td>{}</td><td>{:+.3}</td><td>{:+.2}</td></tr>",
                row.at,
                grouped(row.trades),
                row.win_rate.map_or_else(|| "n/a".into(), percent),
                row.expectancy_pips,
                row.net
            );
        }
        body + "</tbody></table></div>"
    };
    let curve = |rows: &[Sensitivity], name: &str| {
        let points: Vec<_> = rows.iter().map(|row| (row.at, row.expectancy_pips)).collect();
        let at = |row: Option<&Sensitivity>| row.map_or_else(String::new, |row| format!("{}", row.at));
        let ends = (at(rows.first()), at(rows.last()));
        format!(
            "<figure>{}<figcaption>Net pips a trade by {name}</figcaption></figure>",
            line(name, &points, (&ends.0, &ends.1), true)
        )
    };
    if !session.costs.is_empty() {
        let body = curve(&session.costs, "cost factor") + &table(&session.costs, "cost factor", "x");
        section(out, "Cost sensitivity", &body);
    }
    if !session.latencies.is_empty() {
        let body = curve(&session.latencies, "latency in ms") + &table(&session.latencies, "latency", " ms");
        section(out, "Latency sensitivity", &body);
    }
}

fn when(out: &mut String, session: &Session) {
    if session.trades.is_empty() {
        return;
    }
    let hours = by_key(&session.trades, 24, Time::hour);
    let hours: Vec<_> = hours.iter().enumerate().map(|(hour, (_, sum))| (format!("{hour}h"), *sum)).collect();
    let days = by_key(&session.trades, 7, Time::weekday);
    let days: Vec<_> = days.iter().zip(WEEKDAYS).map(|((_, sum), day)| (day.to_owned(), *sum)).collect();
    let held: Vec<f64> = session.trades.iter().map(|t| t.closed.since(t.opened).as_secs()).collect();
    let body = format!(
        "<figure>{}<figcaption>Net by hour of opening (UTC)</figcaption></figure><figure>{}<figcaption>Net by weekday of opening</figcaption></figure><figure>{}<figcaption>Seconds held</figcaption></figure>",
        bars("Net by hour", &hours),
        bars("Net by weekday", &days),
        histogram("Holding time", &held, None)
    );
    section(out, "When and for how long", &body);
}

fn excursions(out: &mut String, session: &Session) {
    if session.trades.is_empty() {
        return;
    }
    let shown = session.trades.iter().take(TRADES_LISTED_MAX);
    let (mut adverse, mut favourable) = (Vec::new(), Vec::new());
    for trade in shown {
        adverse.push((trade.mae_pips, trade.net_pips, trade.net_pips > 0.0));
        favourable.push((trade.mfe_pips, trade.net_pips, trade.net_pips > 0.0));
    }
    let body = format!(
        "<figure>{}<figcaption>Net pips against the furthest it went against us</figcaption></figure><figure>{}<figcaption>Net pips against the furthest it went for us</figcaption></figure>",
        scatter("Adverse excursion", &adverse, "MAE, pips"),
        scatter("Favourable excursion", &favourable, "MFE, pips")
    );
    section(out, "Excursions", &body);
}

fn trades(out: &mut String, session: &Session) {
    if session.trades.is_empty() {
        return;
    }
    let mut body = String::from(
        "<p class=\"note\">Click a heading to sort. \"event\" is the number to give to <code>scalpel explain</code>.</p><div class=\"scroll tall\"><table class=\"sortable\"><thead><tr><th>event</th><th>opened</th><th>held s</th><th>symbol</th><th>side</th><th>lots</th><th>entry</th><th>exit</th><th>net pips</th><th>net</th><th>MAE</th><th>MFE</th><th>slippage</th><th>closed by</th></tr></thead><tbody>",
    );
    for trade in session.trades.iter().take(TRADES_LISTED_MAX) {
        let side = if trade.side == Side::Buy { "buy" } else { "sell" };
        let class = if trade.net_pips > 0.0 { "up" } else { "down" };
        let _ = write!(
            body,
            "<tr class=\"{class}\"><td>{}</td><td>{}</td><td>{:.1}</td><td>{}</td><td>{side}</td><td>{:.2}</td><td>{:.5}</td><td>{:.5}</td><td>{:+.2}</td><td>{}</td><td>{:.1}</td><td>{:.1}</td><td>{}</td><td>{}</td></tr>",
            trade.decided,
            &m_time(trade.opened)[..19],
            trade.closed.since(trade.opened).as_secs(),
            escaped(&trade.symbol),
            trade.lots,
            trade.entry,
            trade.exit,
            trade.net_pips,
            trade.net(),
            trade.mae_pips,
            trade.mfe_pips,
            trade.slippage,
            trade.cause
        );
    }
    body += "</tbody></table></div>";
    if session.trades.len() > TRADES_LISTED_MAX {
        let _ = write!(
            body,
            "<p class=\"note\">The first {TRADES_LISTED_MAX} of {}; all are in trades.csv and trades.parquet.</p>",
            grouped(session.trades.len() as u64)
        );
    }
    section(out, "Trades", &body);
}

fn counts_table(counts: &[Count]) -> String {
    let mut body = String::from("<table><tbody>");
    for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let _ = write!(body, "<tr><td>{}</td><td>{}</td></tr>", escaped(name), grouped(*count));
    }
    body + "</tbody></table>"
}

fn funnel(out: &mut String, session: &Session) {
    let body = format!(
        "<p>{} decisions, {} signals, {} requests sent, {} fills.</p><div class=\"columns\"><div><h3>Abstained</h3>{}</div><div><h3>Refused by the gate</h3>{}</div><div><h3>Rejected by the venue</h3>{}</div></div>",
        grouped(session.decisions),
        grouped(session.signals),
        grouped(session.orders),
        grouped(session.fills),
        counts_table(&session.abstentions),
        counts_table(&session.refusals),
        counts_table(&session.rejects)
    );
    section(out, "Why it did not trade", &body);
}

fn data(out: &mut String, session: &Session) {
    let mut body = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>symbol</th><th>read</th><th>believed</th><th>rejected</th><th>flagged</th><th>longest silence s</th><th>spread p50 / p95 / p99 / max, pips</th></tr></thead><tbody>",
    );
    for row in &session.data {
        let list = |counts: &[Count]| {
            let shown: Vec<_> =
                counts.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {}", grouped(*n))).collect();
            if shown.is_empty() { "none".to_owned() } else { escaped(&shown.join(", ")) }
        };
        let [p50, p95, p99, max] = row.spread_pips;
        let _ = write!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1}</td><td>{p50:.1} / {p95:.1} / {p99:.1} / {max:.1}</td></tr>",
            escaped(&row.symbol),
            grouped(row.read),
            grouped(row.believed),
            list(&row.rejected),
            list(&row.flagged),
            row.gap_longest_s
        );
    }
    section(out, "Data quality", &(body + "</tbody></table></div>"));
}

fn manifest(out: &mut String, session: &Session) {
    let m = &session.manifest;
    let mut body = String::from("<div class=\"scroll\"><table class=\"manifest\"><tbody>");
    let rows = [
        ("Build", m.build.clone()),
        ("Run it again", m.command.clone()),
        ("Configuration SHA-256", m.config_digest.clone()),
        ("Seed", m.seed.to_string()),
        ("Venue", m.venue.clone()),
        ("Journal head", if m.journal_head.is_empty() { "no journal was kept".into() } else { m.journal_head.clone() }),
        ("Balance", format!("{} to {} {}", m.balance_start, m.balance_end, m.currency)),
        (
            "Speed",
            format!(
                "{} ticks/s, peak memory {} MB",
                grouped(session.ticks_per_second as u64),
                session.memory_peak / 1_000_000
            ),
        ),
    ];
    for (name, value) in rows {
        let _ = write!(body, "<tr><th>{name}</th><td><code>{}</code></td></tr>", escaped(&value));
    }
    for (file, sha256) in &m.data {
        let _ = write!(
            body,
            "<tr><th>Data</th><td><code>{} {}</code></td></tr>",
            escaped(file),
            &sha256[..16.min(sha256.len())]
        );
    }
    body += "</tbody></table></div>";
    let _ = write!(body, "<details><summary>Configuration</summary><pre>{}</pre></details>", escaped(&m.config));
    section(out, "Run manifest", &body);
}

fn glossary(out: &mut String) {
    let terms = [
        (
            "Random-entry null",
            "What the same exits reach when a coin chooses side and time. A win rate that does not beat it measures the exits, not skill.",
        ),
        (
            "Break-even win rate",
            "Mean loss over mean win plus mean loss, net of costs: below it, the run loses money however often it wins.",
        ),
        (
            "Expectancy",
            "Mean net result of a trade. Its interval draws whole days in blocks, because trades of one day are alike.",
        ),
        ("Wilson interval", "A 95 % interval for a share that stays within 0 and 100 % for few trades too."),
        (
            "MAE, MFE",
            "Furthest excursion against us and for us while the trade was open, on the side that would be hit.",
        ),
        ("Profit factor", "Sum of wins over sum of losses; above one exactly when expectancy is above zero."),
    ];
    let mut body = String::from("<dl class=\"glossary\">");
    for (term, what) in terms {
        let _ = write!(body, "<dt>{term}</dt><dd>{what}</dd>");
    }
    section(out, "Glossary", &(body + "</dl>"));
}
