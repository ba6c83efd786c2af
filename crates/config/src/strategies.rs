//! `[[strategy]]`: a strategy is data.

use desk::spec::{Decide, StakeSpec, StopRule, StrategySpec};
use ensemble::{AGENTS, AgentKind, Barrier, DecideSpec};
use market::{Currency, Instrument, Points, Span};
use orders::{BreakEven, Distance, ExitSpec, Naked, Retry, Rung, Trail};
use risk::limits::{DrawdownRule, StrategyLimits};
use risk::{StopSpec, TargetSpec};

use crate::classes::{Class, same_pips};
use crate::instruments::symbols;
use crate::limits;
use crate::table::Table;

/// One strategy with its exits and its risk profile.
pub(crate) struct Read {
    pub(crate) strategy: StrategySpec,
    pub(crate) exits: ExitSpec,
    pub(crate) limits: StrategyLimits,
}

/// Reads every strategy, in order.
pub(crate) fn strategies(
    root: &Table<'_>,
    instruments: &[Instrument],
    classes: &[Class],
    currency: Currency,
) -> Vec<Read> {
    let tables = root.tables("strategy");
    if tables.is_empty() {
        root.fault("strategy", "is missing; at least one [[strategy]] is needed");
    }
    let mut seen: Vec<&str> = Vec::new();
    for table in &tables {
        let name = table.text("name");
        if seen.contains(&name) {
            table.fault("name", format!("\"{name}\" is the name of a strategy before"));
        }
        seen.push(name);
    }
    tables.iter().filter_map(|table| read(table, instruments, classes, currency)).collect()
}

fn read(table: &Table<'_>, instruments: &[Instrument], classes: &[Class], currency: Currency) -> Option<Read> {
    let names: Vec<String> = instruments.iter().map(|instrument| instrument.name.clone()).collect();
    let name = table.text("name").to_owned();
    let symbols = symbols(table, "symbols", &names);
    same_pips(table, &symbols, instruments);
    let instrument = instruments.get(usize::from(symbols.first()?.0))?;
    let (decide, barrier) = decide(&table.table("decide")?, instrument, classes);
    let entry = table.table("entry")?;
    entry.choice("order", &[("market", ())]);
    let stake = table.table("stake")?;
    let (stake, drawdown) = staked(&stake, instrument);
    let stop = stop(&table.table("stop")?, instrument, barrier.as_ref());
    let exits = exits(&table.table("exits")?, instrument, barrier.as_ref());
    let strategy = StrategySpec {
        name,
        symbols: symbols.clone(),
        decide,
        deviation: entry.points("deviation", instrument),
        cooldown: entry.span("cooldown"),
        positions_max: entry.whole("positions_max", 1, 10_000) as u32,
        stake,
        stop,
    };
    let limits = limits::strategy(&table.table("limits")?, currency, symbols, drawdown);
    Some(Read { strategy, exits, limits })
}

#[derive(Clone, Copy)]
enum By {
    Ensemble,
    Cross,
    Imbalance,
    Random,
}

fn decide(table: &Table<'_>, instrument: &Instrument, classes: &[Class]) -> (Decide, Option<Barrier>) {
    let words =
        [("ensemble", By::Ensemble), ("cross", By::Cross), ("imbalance", By::Imbalance), ("random", By::Random)];
    match table.choice("by", &words) {
        By::Ensemble => {
            let class = table.text("class").to_owned();
            let known = classes.iter().find(|known| known.name == class);
            if known.is_none() {
                table.fault("class", format!("\"{class}\" is not a class of this file"));
            }
            let spec = DecideSpec {
                prior: agents(table),
                beta: table.number("beta", 0.5, 2.0),
                margin_points: table.points("margin", instrument).as_f64(),
                z: table.number("z", 0.0, 10.0),
                awake_min: table.whole("agents_min", 1, AGENTS as i64) as usize,
                gate_min: table.number("gate_min", 0.0, 1.0),
                meta_min: if table.has("meta_min") { table.number("meta_min", 0.0, 1.0) } else { META_MIN },
                meta_required: table.has("meta") && table.choice("meta", &[("optional", false), ("required", true)]),
            };
            // Without the class nothing else of the strategy can be judged by it; one fault is enough.
            (Decide::Ensemble { class, spec }, Some(known.map_or(UNREAD, |known| known.barrier)))
        }
        By::Cross => {
            let ticks = |key| table.whole(key, 1, 1_000_000) as u32;
            (Decide::Cross { fast: ticks("fast"), slow: ticks("slow") }, None)
        }
        By::Imbalance => (Decide::Imbalance { threshold: table.number("threshold", 0.0, 1.0) }, None),
        By::Random => {
            let seed = table.whole("seed", 0, i64::MAX) as u64;
            (Decide::Random { seed, every: table.span("every") }, None)
        }
    }
}

/// More likely a net profit than not.
const META_MIN: f64 = 0.5;

/// What stands for a class that does not exist; the fault ends the reading.
const UNREAD: Barrier = Barrier { target: Points(1), stop: Points(1), horizon: Span::SECOND, commission_points: 0.0 };

/// The prior weight of each agent: one that is not named has none.
fn agents(table: &Table<'_>) -> [f64; AGENTS] {
    let mut prior = [0.0; AGENTS];
    let Some(table) = table.table("agents") else { return prior };
    for (name, weight) in table.every_number() {
        match AgentKind::ALL.iter().position(|kind| kind.name() == name) {
            Some(place) => prior[place] = weight,
            None => table.complain(
                name,
                "is not an agent; there are flow, fair_value, burst, momentum, reversion, trees and sequence",
            ),
        }
    }
    prior
}

fn staked(table: &Table<'_>, instrument: &Instrument) -> (StakeSpec, DrawdownRule) {
    if table.choice("by", &[("kelly", true), ("fixed", false)]) {
        let rule = table.table("drawdown").map_or(KEPT, |table| drawdown(&table));
        return (StakeSpec::Kelly, rule);
    }
    (StakeSpec::Fixed(table.lots("lots", instrument)), KEPT)
}

/// The rule of a strategy that does not bet by Kelly: it is never asked.
const KEPT: DrawdownRule = DrawdownRule::Diffusion { alpha: 0.7, beta: 0.1 };

fn drawdown(table: &Table<'_>) -> DrawdownRule {
    let (alpha, beta) = (table.share("keep"), table.share("chance"));
    if table.choice("rule", &[("diffusion", true), ("binary", false)]) {
        DrawdownRule::Diffusion { alpha, beta }
    } else {
        DrawdownRule::Binary { alpha, beta }
    }
}

#[derive(Clone, Copy)]
enum StopBy {
    Absent,
    Barrier,
    Fixed,
    Volatility,
}

fn stop(table: &Table<'_>, instrument: &Instrument, barrier: Option<&Barrier>) -> StopRule {
    let words = [
        ("none", StopBy::Absent),
        ("barrier", StopBy::Barrier),
        ("fixed", StopBy::Fixed),
        ("volatility", StopBy::Volatility),
    ];
    let by = table.choice("by", &words);
    let least = || match barrier {
        Some(barrier) => (barrier.stop, Some(barrier.target)),
        None => (table.points("stop", instrument), table.has("target").then(|| table.points("target", instrument))),
    };
    match by {
        StopBy::Absent => StopRule::Absent,
        StopBy::Barrier => {
            if let Some(barrier) = barrier {
                return StopRule::of(barrier);
            }
            table.fault("by", "\"barrier\" needs a strategy that decides by the ensemble");
            StopRule::Absent
        }
        StopBy::Fixed => {
            let target = table.has("target").then(|| table.points("target", instrument));
            StopRule::Fixed { stop: table.points("stop", instrument), target }
        }
        StopBy::Volatility => {
            let (stop, target) = least();
            let widen = StopSpec {
                sigma_multiple: table.number("sigma", 0.0, 1_000.0),
                range_multiple: table.number("atr", 0.0, 1_000.0),
                spread_multiple: table.number("spread", 0.0, 1_000.0),
                target: TargetSpec::Absent,
            };
            StopRule::Volatility { stop, target, widen }
        }
    }
}

fn exits(table: &Table<'_>, instrument: &Instrument, barrier: Option<&Barrier>) -> ExitSpec {
    let commission_points = match barrier {
        Some(barrier) => barrier.commission_points,
        None => table.points("commission", instrument).as_f64(),
    };
    let trail = (!table.is("trailing", "never")).then(|| table.table("trailing")).flatten();
    let time_stop = (!table.is("time_stop", "never")).then(|| table.span("time_stop"));
    ExitSpec {
        rungs: table.tables("ladder").iter().map(|rung| self::rung(rung, instrument)).collect(),
        break_even: table.choice(
            "break_even",
            &[("never", BreakEven::Never), ("after_first_rung", BreakEven::AfterRung { commission_points })],
        ),
        trail: trail.map(|table| Trail {
            after_rungs: table.whole("after_rungs", 0, 4) as u8,
            start: distance(&table, "start", instrument),
            distance: distance(&table, "distance", instrument),
            step: table.points("step", instrument),
        }),
        time_stop,
        naked: if table.is("without_stop", "allowed") {
            Naked::Allowed
        } else {
            Naked::ClosedAfter(table.span("without_stop"))
        },
        spike_multiple: table.number("spread_spike", 1.0, 1e6),
        spike_wait_max: table.span("spread_spike_wait"),
        retry: Retry {
            first: table.span("retry_after"),
            longest: table.span("retry_after_max"),
            attempts_max: table.whole("retries", 1, 255) as u8,
        },
    }
}

fn rung(table: &Table<'_>, instrument: &Instrument) -> Rung {
    Rung { distance: distance(table, "at", instrument), fraction_millionths: (table.share("close") * 1e6 + 0.5) as u32 }
}

/// `"0.6 R"` (of the first stop's distance), `"2 sigma"` (of the 60 s volatility), `"2 pip"` or `"20 point"`.
fn distance(table: &Table<'_>, key: &'static str, instrument: &Instrument) -> Distance {
    let multiple = |unit: &str| {
        let text = table.text(key).strip_suffix(unit)?.trim_end();
        text.parse::<f64>().ok().filter(|multiple| multiple.is_finite() && *multiple > 0.0)
    };
    let text = table.text(key);
    if text.ends_with(" R") || text.ends_with(" sigma") {
        let unit = if text.ends_with(" R") { "R" } else { "sigma" };
        let Some(multiple) = multiple(unit) else {
            table.fault(key, format!("\"{text}\" is not a distance such as \"0.6 R\", \"2 sigma\" or \"2.5 pip\""));
            return Distance::Risk(1.0);
        };
        return if unit == "R" { Distance::Risk(multiple) } else { Distance::Volatility(multiple) };
    }
    Distance::Points(table.points(key, instrument))
}
