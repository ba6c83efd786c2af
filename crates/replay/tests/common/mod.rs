//! What the tests share: desks as texts, a digest of actions, actions as lines.
#![allow(dead_code, unreachable_pub, clippy::missing_panics_doc, clippy::panic, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use config::Config;
use desk::Action;
use feed::Options;
use journal::codec::{action, get_request, get_wake, put_action};
use journal::{Durability, Head, Header, Writer};
use market::{Lots, Money, Points, Price, Side, Time};
use orders::{Instruction, OrderId};
use replay::backtest::Input;
use replay::record::Journalled;
use risk::Kind;
use sha2::{Digest, Sha256};

/// What stands in the headers of the journals: not this build, so that they can be compared.
pub const BUILD: &str = "golden";

/// The run's number.
pub const RUN: u16 = 1;

/// The seed of the paper venue.
pub const SEED: u64 = 7;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a desk for tests is made of; each part is the text of a TOML value or table.
#[derive(Debug, Clone)]
pub struct Parts {
    pub positions: &'static str,
    pub partial_close: &'static str,
    pub features: &'static str,
    pub slippage: &'static str,
    pub commission: &'static str,
    pub execution: &'static str,
    pub latency: &'static str,
    pub rejects: &'static str,
    pub partial_fills: &'static str,
    pub room: u32,
    pub classes: String,
    pub strategies: String,
}

impl Parts {
    /// A venue that costs nothing but the spread and answers at once.
    pub fn free(strategies: String) -> Self {
        Self {
            positions: "hedging",
            partial_close: "new_ticket",
            features: "none",
            slippage: "\"none\"",
            commission: "\"none\"",
            execution: "market",
            latency: "0 ms",
            rejects: "\"never\"",
            partial_fills: "\"never\"",
            room: 128,
            classes: String::new(),
            strategies,
        }
    }

    pub fn text(&self) -> String {
        include_str!("desk.toml")
            .replace("{positions}", self.positions)
            .replace("{partial_close}", self.partial_close)
            .replace("{features}", self.features)
            .replace("{slippage}", self.slippage)
            .replace("{commission}", self.commission)
            .replace("{execution}", self.execution)
            .replace("{latency}", self.latency)
            .replace("{rejects}", self.rejects)
            .replace("{partial_fills}", self.partial_fills)
            .replace("{room}", &self.room.to_string())
            .replace("{classes}", &self.classes)
            .replace("{strategies}", &self.strategies)
    }

    pub fn config(&self) -> Config {
        parse(&self.text(), SEED)
    }
}

/// A strategy; `decide`, `stop` and `exits` are the lines of its tables.
#[derive(Debug, Clone, Copy)]
pub struct Strategy<'a> {
    pub name: &'a str,
    pub decide: &'a str,
    pub stop: &'a str,
    pub exits: &'a str,
    pub cooldown: &'a str,
    pub positions: u32,
    pub lots: &'a str,
}

/// The exits of a strategy that leaves by its stop and target alone.
pub const BARRIERS: &str =
    "commission = \"0 point\"\nladder = []\nbreak_even = \"never\"\ntrailing = \"never\"\ntime_stop = \"never\"";

impl Default for Strategy<'_> {
    fn default() -> Self {
        let decide = "by = \"random\"\nseed = 1\nevery = \"1 min\"";
        let stop = "by = \"fixed\"\nstop = \"10 pip\"\ntarget = \"199 point\"";
        Self { name: "coin", decide, stop, exits: BARRIERS, cooldown: "0 s", positions: 1, lots: "0.10" }
    }
}

impl Strategy<'_> {
    pub fn text(&self) -> String {
        include_str!("strategy.toml")
            .replace("{name}", self.name)
            .replace("{decide}", self.decide)
            .replace("{stop}", self.stop)
            .replace("{exits}", self.exits)
            .replace("{cooldown}", self.cooldown)
            .replace("{positions}", &self.positions.to_string())
            .replace("{lots}", self.lots)
    }
}

/// A text as a configuration; a fault of the text is a fault of the test.
pub fn parse(text: &str, seed: u64) -> Config {
    config::parse(text, RUN, seed).unwrap_or_else(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{}\n{text}", lines.join("\n"))
    })
}

/// The golden session of payrolls: its configuration and its ticks, those of the leader too when asked for.
pub fn payrolls(led: bool) -> (Config, Input) {
    let folder = root().join("golden/payrolls");
    let config = parse(&std::fs::read_to_string(folder.join("config.toml")).unwrap(), SEED);
    let file = |name: &str| vec![folder.join(name)];
    let leader = if led { file("leader.csv.zst") } else { Vec::new() };
    let feeds = vec![(file("traded.csv.zst"), Options::none()), (leader, Options::none())];
    (config, Input { feeds })
}

/// The header of a journal of this configuration.
pub fn header(config: &Config) -> Header {
    let mut run = [0; 16];
    run[..2].copy_from_slice(&RUN.to_le_bytes());
    let (build, config) = (BUILD.to_owned(), config.text.clone());
    Header { run, created: Time(0), first: 1, previous: Head::default(), build, config }
}

/// A new journal.
pub fn journalled(path: &Path, config: &Config) -> Journalled {
    Journalled::new(Writer::create(path, &header(config)).unwrap(), Durability::Process)
}

/// SHA-256 over actions: kind, length and payload of each, as a replay counts them.
#[derive(Debug, Clone, Default)]
pub struct ActionsDigest(Sha256);

impl ActionsDigest {
    pub fn add(&mut self, kind: u8, payload: &[u8]) {
        self.0.update([kind]);
        self.0.update((payload.len() as u64).to_le_bytes());
        self.0.update(payload);
    }

    pub fn action(&mut self, action: &Action) {
        let mut payload = Vec::new();
        if let Some(kind) = put_action(action, &mut payload) {
            self.add(kind, &payload);
        }
    }

    pub fn finish(&self) -> Head {
        Head(self.0.clone().finalize().into())
    }
}

/// An action's record as a line, with decimals so that a person can read it.
pub fn line(kind: u8, payload: &[u8], config: &Config) -> String {
    match kind {
        action::SEND => {
            let (id, instruction) = get_request(payload).unwrap();
            format!("{:<4} {}", number(id), asked(&instruction, config))
        }
        action::QUERY => {
            let id: OrderId = market::Reader::new(payload).read().unwrap();
            format!("{:<4} query", number(id))
        }
        action::LIST => "     list".to_owned(),
        action::WAKE_AT => format!("     wake at {}", clock(get_wake(payload).unwrap())),
        other => panic!("no action is of kind {other}"),
    }
}

/// The part of an order's number that counts within the run.
pub const fn number(id: OrderId) -> u64 {
    id.0 & 0xFFFF_FFFF_FFFF
}

/// The time of day, to the millisecond.
pub fn clock(time: Time) -> String {
    time.to_string()[11..23].to_owned()
}

fn asked(instruction: &Instruction, config: &Config) -> String {
    // Every symbol of a test has the digits of the first.
    let digits = config.desk.symbols[0].instrument.digits;
    let scale = market::math::pow(10.0, f64::from(digits));
    let price = |price: Price| format!("{:.1$}", price.0 as f64 / scale, usize::from(digits));
    let level = |level: Option<Price>| level.map_or_else(|| "none".to_owned(), price);
    let lots = |lots: Lots| format!("{:.2}", lots.0 as f64 * 1e-2);
    let side = |side: Side| if side == Side::Buy { "buy" } else { "sell" };
    let name = |strategy: market::StrategyId| config.desk.strategies[usize::from(strategy.0)].name.clone();
    match instruction {
        Instruction::Open(entry) => {
            let kind = match entry.kind {
                Kind::Market { deviation: Points(points) } => format!("at market +-{points}"),
                Kind::Limit { price: limit, expires } => format!("at {} until {}", price(limit), clock(expires)),
            };
            let (stop, target, seen) = (level(entry.stop), level(entry.target), price(entry.reference));
            let (strategy, side, lots) = (name(entry.strategy), side(entry.side), lots(entry.lots));
            format!("open {strategy} {side} {lots} {kind}, seen {seen} stop {stop} target {target}")
        }
        Instruction::Close(r) => {
            let cause = replay::collect::cause(r.cause);
            format!("close {} #{} {} {} by {cause}", name(r.strategy), r.ticket.0, side(r.side), lots(r.lots))
        }
        Instruction::Protect(p) => {
            format!("protect {} #{} stop {} target {}", name(p.strategy), p.ticket.0, level(p.stop), level(p.target))
        }
        Instruction::Cancel { order, .. } => format!("cancel {}", number(*order)),
    }
}

/// An amount with its millionths.
pub fn money(money: Money) -> String {
    format!("{:.6}", money.as_f64())
}
