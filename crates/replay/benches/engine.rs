//! The engine as a whole: throughput beside a bare loop of the same computation, latency with coordinated omission
//! corrected, many strategies, and memory over ten million ticks. Throughput is per second of processor time. One line a figure: `name<TAB>value<TAB>unit<TAB>note`.
//!
//! Run all with `cargo bench -p replay --bench engine`, or some by name: `-- cross`, `pipeline`, `many`, `memory`.

#![expect(clippy::panic, reason = "a benchmark that cannot run has nothing to say")]

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use config::Config;
use desk::Desk;
use hdrhistogram::Histogram;
use journal::{Durability, Header, Writer};
use market::{Lots, Price, SymbolId, Tick, Time};
use replay::record::{Journalled, Offloaded, Record, Unrecorded};
use replay::session::{Nobody, Session};
use venue::paper::Paper;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}

fn line(name: &str, value: f64, unit: &str, note: &str) {
    let digits = if value.abs() < 100.0 { 2 } else { 0 };
    let _ = writeln!(std::io::stdout().lock(), "{name}\t{value:.digits$}\t{unit}\t{note}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `SplitMix64`, to make ticks without help.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// The sum of twelve uniforms, less six: about normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// A quote in eight bytes, so that a million of them is not most of the memory that is measured. The time follows from
/// the place: ten a second.
#[derive(Clone, Copy)]
struct Quote {
    bid: i32,
    spread: i32,
}

impl Quote {
    fn tick(self, symbol: u16, place: usize) -> Tick {
        let time = Time(1_400_000_000_000_000_000 + place as i64 * 100_000_000);
        Tick {
            symbol: SymbolId(symbol),
            time,
            seen: time,
            bid: Price(i64::from(self.bid)),
            ask: Price(i64::from(self.bid) + i64::from(self.spread)),
            bid_lots: Lots(0),
            ask_lots: Lots(0),
        }
    }
}

/// Quotes like EURUSD's: a random walk whose volatility breathes with the day, a spread of one to three points.
fn quotes(count: usize, seed: u64) -> Vec<Quote> {
    let mut noise = Noise(seed);
    let mut mid = 130_000.0_f64;
    (0..count)
        .map(|i| {
            let day = (i % 100_000) as f64 / 100_000.0;
            let breath = 0.5 + 2.0 * (0.25 - (day - 0.5) * (day - 0.5)) * 4.0;
            mid = (mid + noise.normal() * breath).clamp(60_000.0, 200_000.0);
            Quote { bid: mid as i32, spread: 1 + (noise.next() * 3.0) as i32 }
        })
        .collect()
}

/// The same computation without a desk: averages, crosses, fills at the opposite side, equity and drawdown.
fn bare(quotes: &[Quote]) -> (u64, f64, f64) {
    let (mut fast, mut slow, mut started) = (0.0_f64, 0.0_f64, false);
    let (mut position, mut orders, mut cash, mut peak, mut fall) = (0.0_f64, 0_u64, 0.0_f64, 0.0_f64, 0.0_f64);
    let mut side = 0_i8;
    for (place, quote) in quotes.iter().enumerate() {
        let tick = quote.tick(0, place);
        let mid = tick.mid();
        if started {
            fast += 2.0 / 11.0 * (mid - fast);
            slow += 2.0 / 61.0 * (mid - slow);
        } else {
            (fast, slow, started) = (mid, mid, true);
        }
        let now = if fast > slow {
            1
        } else if fast < slow {
            -1
        } else {
            side
        };
        if now != side {
            let target = f64::from(now);
            let price = if now > 0 { tick.ask.as_f64() } else { tick.bid.as_f64() };
            cash -= (target - position) * price;
            position = target;
            orders += 1;
            side = now;
        }
        let equity = cash + position * if position > 0.0 { tick.bid.as_f64() } else { tick.ask.as_f64() };
        peak = peak.max(equity);
        fall = fall.min(equity - peak);
    }
    (orders, cash, fall)
}

fn cross() -> Config {
    config::parse(include_str!("cross.toml"), 1, 1).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn session<R: Record>(config: &Config, record: R) -> Session<Paper, R, Nobody> {
    let desk = Desk::new(&config.desk).unwrap_or_else(|faults| panic!("{faults:?}"));
    let venue = Paper::new(config.venue.clone()).unwrap_or_else(|faults| panic!("{faults:?}"));
    Session::new(desk, venue, record, Nobody)
}

/// Seconds that this thread has run on a processor, from the kernel: waiting for one does not count.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok());
    nanos.map_or_else(|| panic!("/proc/thread-self/schedstat is not there"), |nanos| nanos * 1e-9)
}

/// Why fewer requests were sent than the rule wanted, if so.
fn complain_of_refusals<R: Record>(session: &Session<Paper, R, Nobody>) {
    let counters = session.desk.gate().counters();
    for control in risk::Control::ALL.iter().filter(|control| counters.refused(**control) > 0) {
        eprintln!("refused by {}: {}", control.name(), counters.refused(*control));
    }
    eprintln!("{:?}", session.desk.counts());
}

/// Seconds of processor time for all ticks, and how many requests were sent.
fn drive<R: Record>(session: &mut Session<Paper, R, Nobody>, mut ticks: impl Iterator<Item = Tick>) -> (f64, u64) {
    let begun = processor_seconds();
    let first = ticks.next().unwrap_or_else(|| panic!("no ticks"));
    session.start(first.seen).unwrap_or_else(|error| panic!("{error}"));
    session.tick(&first).unwrap_or_else(|error| panic!("{error}"));
    for tick in ticks {
        session.tick(&tick).unwrap_or_else(|error| panic!("{error}"));
    }
    (processor_seconds() - begun, session.desk.counts().sent)
}

/// Gives the disk back what a round wrote.
fn discard(folder: &Path, n: usize) {
    let _ = std::fs::remove_file(folder.join(format!("{n}.journal")));
}

fn writer(folder: &Path, config: &Config, n: usize) -> Writer {
    let header = Header {
        run: [0; 16],
        created: Time(0),
        first: 1,
        previous: journal::Head::default(),
        build: "bench".into(),
        config: config.text.clone(),
    };
    let path = folder.join(format!("{n}.journal"));
    let _ = std::fs::remove_file(&path);
    Writer::create(&path, &header).unwrap_or_else(|error| panic!("{error}"))
}

const ROUNDS: usize = 5;

/// The kernel counts a thread's time in steps of some milliseconds, so what takes few of them is done this often.
const BARE_RUNS: usize = 20;

fn bench_cross(folder: &Path) {
    let (quotes, config) = (quotes(1_000_000, 7), cross());
    let ticks = || quotes.iter().enumerate().map(|(place, quote)| quote.tick(0, place));
    let million = quotes.len() as f64;
    let (mut bares, mut offs, mut ons) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare_orders, mut orders) = (0, 0);
    for round in 0..ROUNDS {
        let begun = processor_seconds();
        for _ in 0..BARE_RUNS {
            bare_orders = black_box(bare(black_box(&quotes))).0;
        }
        bares.push(million * BARE_RUNS as f64 / (processor_seconds() - begun));
        let mut off = session(&config, Unrecorded::default());
        let (seconds, sent) = drive(&mut off, ticks());
        orders = sent;
        if sent < bare_orders {
            complain_of_refusals(&off);
        }
        offs.push(million / seconds);
        let record = Journalled::new(writer(folder, &config, round), Durability::Process);
        let mut on = session(&config, record);
        let (seconds, _) = drive(&mut on, ticks());
        on.record.close().unwrap_or_else(|error| panic!("{error}"));
        ons.push(million / seconds);
        discard(folder, round);
    }
    let note = format!("{bare_orders} orders");
    line("EMA(10)/EMA(60) cross, bare loop", median(bares), "ticks/s", &note);
    let note = format!("{orders} orders, goal 10,000,000");
    line("EMA cross through desk, gate, orders and paper venue, journal off", median(offs), "ticks/s", &note);
    line("the same, journal on (process)", median(ons), "ticks/s", "goal 3,000,000");
    line("peak memory of these", memory_peak() as f64 / 1e6, "MB", "goal 60; 1,000,000 quotes are 8 of them");
}

/// The default desk, with everything on, for one symbol or many.
fn full(symbols: u16, strategies: usize) -> Config {
    let table = feed::InstrumentTable::built_in();
    let base = table.require("EURUSD", SymbolId(0)).unwrap_or_else(|error| panic!("{error}"));
    let instruments: Vec<_> = (0..symbols)
        .map(|n| {
            let name = if n == 0 { "EURUSD".to_owned() } else { format!("EURUSD.{n}") };
            (market::Instrument { symbol: SymbolId(n), name, ..base.clone() }, config::Role::Trade { leader: None })
        })
        .collect();
    let text = config::default_text(&instruments).unwrap_or_else(|why| panic!("{why}"));
    let mut config = config::parse(&text, 1, 1).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let template = config.desk.strategies[0].clone();
    let (limits, exits) = (config.desk.limits.strategies[0].clone(), config.desk.orders.exits[0].clone());
    config.desk.strategies.truncate(1);
    config.desk.limits.strategies.truncate(1);
    config.desk.orders.exits.truncate(1);
    if strategies > 1 {
        config.desk.strategies.clear();
        config.desk.limits.strategies.clear();
        config.desk.orders.exits.clear();
        for n in 0..strategies {
            let symbol = SymbolId((n % usize::from(symbols)) as u16);
            let mut strategy = template.clone();
            strategy.name = format!("s{n}");
            strategy.symbols = vec![symbol];
            if let desk::spec::Decide::Ensemble { spec, .. } = &mut strategy.decide {
                spec.margin_points = (n / usize::from(symbols)) as f64;
            }
            config.desk.strategies.push(strategy);
            config.desk.limits.strategies.push(risk::StrategyLimits { symbols: vec![symbol], ..limits.clone() });
            config.desk.orders.exits.push(exits.clone());
        }
    }
    config
}

/// The bundled OANDA ticks of one busy day.
fn real() -> Vec<Tick> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/ticks/oanda-EURUSD");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let table = feed::InstrumentTable::built_in();
    let instrument = table.require("EURUSD", SymbolId(0)).unwrap_or_else(|error| panic!("{error}"));
    let beliefs = feed::schema_for(&instrument);
    let spec = feed::FeedSpec { paths, instrument, beliefs, options: feed::Options::none() };
    let source = feed::Source::open(vec![spec], None).unwrap_or_else(|error| panic!("{error}"));
    source
        .filter_map(|judged| match judged.unwrap_or_else(|error| panic!("{error}")).record {
            feed::Record::Quote(tick) => Some(tick),
            feed::Record::Trade(_) => None,
        })
        .collect()
}

fn bench_pipeline(folder: &Path) {
    let (ticks, config) = (real(), full(1, 1));
    let count = ticks.len() as f64;
    let (mut offs, mut ons) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (seconds, _) = drive(&mut session(&config, Unrecorded::default()), ticks.iter().copied());
        offs.push(count / seconds);
        let record = Journalled::new(writer(folder, &config, 100 + round), Durability::Process);
        let mut on = session(&config, record);
        let (seconds, _) = drive(&mut on, ticks.iter().copied());
        on.record.close().unwrap_or_else(|error| panic!("{error}"));
        ons.push(count / seconds);
        discard(folder, 100 + round);
    }
    line(
        "full pipeline on 321,559 real ticks, journal off",
        median(offs),
        "ticks/s",
        "all features, agents, two sides",
    );
    line("the same, journal on (process)", median(ons), "ticks/s", "");
    latency(folder, &config, &ticks);
}

/// Offers ticks at a steady pace on the program's own clock, whatever the desk does: a tick that has to wait counts from
/// when it was due, so nothing is omitted.
fn latency(folder: &Path, config: &Config, ticks: &[Tick]) {
    const PER_SECOND: u64 = 20_000;
    let spec = journal::background::Spec {
        ring_bytes: journal::background::RING_BYTES,
        unsynced_bytes_max: u64::MAX,
        strictest: Durability::Process,
        replica: None,
    };
    let background = journal::Background::start(writer(folder, config, 200), spec).unwrap_or_else(|e| panic!("{e}"));
    let mut session = session(config, Offloaded::new(background, Durability::Process));
    session.start(ticks[0].seen).unwrap_or_else(|error| panic!("{error}"));
    let mut seen = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap_or_else(|error| panic!("{error}"));
    let mut served = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap_or_else(|error| panic!("{error}"));
    let (warm, measured) = ticks.split_at(20_000);
    for tick in warm {
        session.tick(tick).unwrap_or_else(|error| panic!("{error}"));
    }
    let begun = clock();
    for (n, tick) in measured.iter().enumerate() {
        let due = Duration::from_nanos(n as u64 * 1_000_000_000 / PER_SECOND);
        while begun.elapsed() < due {
            std::hint::spin_loop();
        }
        let taken = begun.elapsed();
        session.tick(tick).unwrap_or_else(|error| panic!("{error}"));
        let done = begun.elapsed();
        seen.saturating_record((done.saturating_sub(due)).as_nanos() as u64);
        served.saturating_record(done.saturating_sub(taken).as_nanos() as u64);
    }
    session.record.close().unwrap_or_else(|error| panic!("{error}"));
    for (name, histogram) in [("tick to action from when due", &seen), ("tick to action, service time alone", &served)]
    {
        for (quantile, label, goal) in [(0.5, "p50", "goal 10"), (0.99, "p99", "goal 50"), (0.999, "p99.9", "")] {
            let value = histogram.value_at_quantile(quantile) as f64 / 1e3;
            let note = format!(
                "{PER_SECOND} ticks/s offered, journal on its own thread{}{goal}",
                if goal.is_empty() { "" } else { "; " }
            );
            line(&format!("{name}, {label}"), value, "us", &note);
        }
    }
}

fn bench_many() {
    let config = full(20, 1_000);
    let streams: Vec<Vec<Quote>> = (0..20).map(|n| quotes(10_000, 100 + n)).collect();
    let mixed = |from: usize, to: usize| {
        let streams = &streams;
        (from..to).flat_map(move |i| (0..20_u16).map(move |n| streams[usize::from(n)][i].tick(n, i)))
    };
    let mut session = session(&config, Unrecorded::default());
    drive(&mut session, mixed(0, 5_000));
    let begun = processor_seconds();
    for tick in mixed(5_000, 10_000) {
        session.tick(&tick).unwrap_or_else(|error| panic!("{error}"));
    }
    let seconds = processor_seconds() - begun;
    let rate = 100_000.0 / seconds;
    let asked = session.desk.counts().decisions;
    line("1,000 strategies on 20 symbols", rate, "ticks/s", &format!("goal 20,000; {asked} decisions"));
    line("the same, cost of a tick", 1e6 / rate, "us", "50 strategies are asked on each tick");
}

fn memory_peak() -> u64 {
    field("VmHWM:")
}

fn field(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_whitespace().nth(1));
    found.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

fn bench_memory() {
    let config = full(1, 1);
    let mut session = session(&config, Unrecorded::default());
    let chunk = quotes(1_000_000, 3);
    let mut after = Vec::new();
    for round in 0..10 {
        for (place, quote) in chunk.iter().enumerate() {
            // Each round begins where the last one ended in time; the price jumps back once, and must be confirmed.
            let tick = quote.tick(0, round * chunk.len() + place);
            session.tick(&tick).unwrap_or_else(|error| panic!("{error}"));
        }
        after.push(field("VmRSS:"));
    }
    let growth = after[9] as f64 - after[0] as f64;
    line("memory after 1,000,000 ticks", after[0] as f64 / 1e6, "MB", "with 8 MB of quotes");
    line("memory after 10,000,000 ticks", after[9] as f64 / 1e6, "MB", &format!("{:+.2} MB since", growth / 1e6));
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let folder = std::env::var_os("SCALPEL_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let folder = folder.join(format!("scalpel-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    if wants("cross") {
        bench_cross(&folder);
    }
    if wants("pipeline") {
        bench_pipeline(&folder);
    }
    if wants("many") {
        bench_many();
    }
    if wants("memory") {
        bench_memory();
    }
    let _ = std::fs::remove_dir_all(&folder);
}
