//! What the report is told of a finished run.

use config::Config;
use desk::Idle;
use ensemble::Reason;
use market::{Doubt, SymbolId, Time};
use orders::Reject;
use replay::backtest::Finished;
use report::{Manifest, Session, SymbolData};
use risk::Control;
use venue::spec::{Commission, Latency, PaperSpec};

/// The facts, but for what is known only outside: the manifest's build, command and digests, the comparisons.
pub(crate) fn session(finished: &Finished<()>, config: &Config) -> Session {
    let (desk, collected) = (&finished.desk, &finished.collected);
    let counts = desk.counts();
    let named = |pairs: Vec<(&str, u64)>| pairs.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    let mut abstentions: Vec<(&str, u64)> =
        Reason::ALL.iter().map(|reason| (reason.name(), counts.passed[usize::from(reason.code())])).collect();
    abstentions.extend(Idle::ALL.iter().map(|idle| (idle.name(), counts.idle[usize::from(idle.code())])));
    let refusals = Control::ALL.iter().map(|control| (control.name(), desk.gate().counters().refused(*control)));
    let rejects = Reject::ALL.iter().map(|reject| (reject_name(*reject), counts.rejected[usize::from(reject.code())]));
    let period = collected.period.unwrap_or((Time(0), Time(0)));
    let mut warnings = Vec::new();
    if finished.left_open > 0 {
        warnings.push(format!(
            "{} positions were still open at the end; their open profit is not counted",
            finished.left_open
        ));
    }
    if counts.strangers > 0 {
        warnings.push(format!("{} records were of a symbol that the configuration does not have", counts.strangers));
    }
    Session {
        manifest: Manifest {
            build: String::new(),
            command: String::new(),
            config_digest: journal::Head::of(config.text.as_bytes()).to_string(),
            config: config.text.clone(),
            seed: 0,
            data: Vec::new(),
            period,
            currency: config.desk.currency.to_string(),
            balance_start: config.balance,
            balance_end: desk.orders().ledger().balance(),
            venue: venue(&config.venue),
            journal_head: String::new(),
        },
        data: data(finished, config),
        strategies: config.desk.strategies.iter().map(|strategy| strategy.name.clone()).collect(),
        decisions: counts.decisions,
        signals: counts.signals,
        abstentions: named(abstentions),
        refusals: named(refusals.collect()),
        orders: counts.sent,
        fills: counts.fills,
        rejects: named(rejects.collect()),
        trades: collected.trades.clone(),
        equity: collected.equity.clone(),
        days: collected.days.clone(),
        null: Vec::new(),
        costs: Vec::new(),
        latencies: Vec::new(),
        in_sample: false,
        warnings,
        ticks_per_second: 0.0,
        memory_peak: 0,
    }
}

const fn reject_name(reject: Reject) -> &'static str {
    match reject {
        Reject::Requote => "requote",
        Reject::OffQuotes => "off_quotes",
        Reject::InvalidStops => "invalid_stops",
        Reject::Frozen => "frozen",
        Reject::InvalidVolume => "invalid_volume",
        Reject::NoMoney => "no_money",
        Reject::MarketClosed => "market_closed",
        Reject::UnknownTicket => "unknown_ticket",
        Reject::HedgeProhibited => "hedge_prohibited",
        Reject::FifoRule => "fifo_rule",
        Reject::Busy => "busy",
        Reject::Other => "other",
    }
}

/// The venue in words.
fn venue(spec: &PaperSpec) -> String {
    let latency = |latency: &Latency| match latency {
        Latency::Fixed(span) => format!("{} ms", span.as_millis()),
        Latency::ShiftedExponential { mean, .. } => format!("{} ms on average", mean.as_millis()),
        Latency::LogNormal { median, .. } => format!("{} ms at the median", median.as_millis()),
        Latency::Recorded(spans) => format!("{} recorded latencies", spans.len()),
    };
    let commission = spec.symbols.first().map_or_else(String::new, |symbol| match symbol.commission {
        Commission::None => "no commission".into(),
        Commission::PerLot { side } => format!("commission {side} {} a lot and side", spec.currency),
        Commission::Notional { maker_millionths, taker_millionths } => {
            format!("fees {maker_millionths}/{taker_millionths} millionths (maker/taker)")
        }
    });
    format!(
        "paper venue, {} there, {} back, {commission}",
        latency(&spec.latency_to_venue),
        latency(&spec.latency_to_us)
    )
}

/// What was read of each symbol. The files' own checks and the desk's are the same validator; what never became a tick is
/// only known to the files.
fn data(finished: &Finished<()>, config: &Config) -> Vec<SymbolData> {
    let symbols = config.desk.symbols.iter().enumerate();
    symbols
        .map(|(place, symbol)| {
            let counts = finished.desk.tick_counts(SymbolId(place as u16)).cloned().unwrap_or_default();
            let by = |n: &[u64]| Doubt::ALL.iter().map(|d| (d.name().to_owned(), n[usize::from(d.code())])).collect();
            let feed = finished.feed_of(place);
            let unusable = feed.map_or(0, |feed| finished.unusable(feed));
            let mut rejected: Vec<(String, u64)> = by(&counts.rejected);
            for (name, n) in feed.map(|feed| finished.unusable_by_reason(feed)).unwrap_or_default() {
                if let Some(found) = rejected.iter_mut().find(|(known, _)| *known == name) {
                    found.1 += n;
                }
            }
            let spread = finished.collected.spreads(place);
            SymbolData {
                symbol: symbol.instrument.name.clone(),
                read: counts.heard + unusable,
                believed: counts.believed,
                rejected,
                flagged: by(&counts.flagged),
                gap_longest_s: finished.collected.gap_longest(place).as_secs(),
                spread_pips: spread.map(|points| symbol.instrument.pips(points)),
            }
        })
        .collect()
}

/// The usual spread of each traded symbol, in points: what a cost factor multiplies.
pub(crate) fn usual_spreads(session: &Session, config: &Config) -> Vec<f64> {
    let pip = |name: &str| {
        let symbol = config.desk.symbols.iter().find(|symbol| symbol.instrument.name == name);
        symbol.map_or(1.0, |symbol| symbol.instrument.pip.as_f64())
    };
    let traded = config.venue.symbols.iter().map(|symbol| &symbol.instrument.name);
    traded
        .map(|name| {
            session.data.iter().find(|data| data.symbol == *name).map_or(0.0, |data| data.spread_pips[0] * pip(name))
        })
        .collect()
}
