//! Storms: the desk behind a line that loses, delays and repeats, with a venue that is busy, and a process that dies at
//! any step and is started anew on its journal. Whatever happens, no request is carried out twice and none is lost, and
//! when it is over, positions and cash are those of the venue.
//!
//! `STORM_SEED=17` runs one storm and tells of it; `STORM_SEEDS=200..300` runs those. A failure names its seed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use common::{BARRIERS, BUILD, Parts, Strategy, journalled, number};
use config::Config;
use desk::{Action, Command, Desk, Event, Fact, Impact, News, Notice, NoticeKind};
use journal::codec::{action, get_request};
use journal::{Durability, Error, Failure, Place, Reader};
use market::{Money, Points, Span, State, StrategyId, SymbolId, Tick, Time, Trade};
use orders::{OrderId, Report, Request};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use replay::again::{From, Replay, restart};
use replay::backtest::Snapshots;
use replay::record::{Journalled, Record, RecordError};
use replay::session::{Session, Watch};
use replay::synthetic::{Plant, Walk};
use risk::gate::Latch;
use risk::{Level, Operator, Scope};
use venue::why::{Deed, Why};
use venue::{Paper, Storm, StormSpec, Venue};

/// Ticks of one storm, and nanoseconds between two.
const TICKS: u64 = 3_000;
const EVERY: i64 = 300_000_000;

/// When the process dies: it has so many steps to live, and takes each only while it has.
struct Fate {
    steps: Cell<u64>,
}

impl Fate {
    fn alive(&self) -> bool {
        self.steps.get() > 0
    }

    /// One step; whether it is still taken.
    fn step(&self) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        left > 0
    }
}

/// A journal whose process may die before and after every step.
struct Mortal {
    inner: Journalled,
    path: PathBuf,
    fate: Rc<Fate>,
    /// Bytes of the file that were acknowledged: what no death may take.
    safe: u64,
}

impl Mortal {
    fn step(&self) -> Result<(), RecordError> {
        let died = RecordError::Journal(Error::Failed(Failure::ThreadGone));
        if self.fate.step() { Ok(()) } else { Err(died) }
    }

    /// What the death leaves on the disk: all that was acknowledged, and any part of the rest.
    fn die(mut self, random: &mut ChaCha8Rng) {
        if random.random() {
            self.inner.before_leaving().unwrap();
        }
        let Self { inner, path, safe, .. } = self;
        drop(inner);
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(random.random_range(safe..=length)).unwrap();
    }
}

impl Record for Mortal {
    fn event(&mut self, time: Time, fact: &Fact) -> Result<u64, RecordError> {
        self.step()?;
        let seq = self.inner.event(time, fact)?;
        self.step().map(|()| seq)
    }
    fn action(&mut self, time: Time, action: &Action) -> Result<(), RecordError> {
        self.step()?;
        self.inner.action(time, action)?;
        self.step()
    }
    fn before_leaving(&mut self) -> Result<(), RecordError> {
        self.step()?;
        self.inner.before_leaving()?;
        self.safe = fs::metadata(&self.path).unwrap().len();
        self.step()
    }
    fn place(&mut self) -> Option<Place> {
        self.inner.place()
    }
}

/// The line to the venue: what is sent by a process that has died is not sent.
struct Line {
    storm: Storm<Paper>,
    fate: Rc<Fate>,
    /// Every request that left us, in all lives.
    sent: BTreeSet<OrderId>,
}

impl Venue for Line {
    fn send(&mut self, now: Time, request: &Request) {
        if self.fate.step() {
            assert!(self.sent.insert(request.id()), "{request:?} was sent a second time");
            self.storm.send(now, request);
            self.fate.step();
        }
    }
    fn on_tick(&mut self, tick: &Tick) {
        self.storm.on_tick(tick);
    }
    fn on_trade(&mut self, trade: &Trade) {
        self.storm.on_trade(trade);
    }
    fn wake(&mut self, now: Time) {
        self.storm.wake(now);
    }
    fn query(&mut self, now: Time, id: OrderId) {
        if self.fate.step() {
            self.storm.query(now, id);
        }
    }
    fn list(&mut self, now: Time) {
        if self.fate.step() {
            self.storm.list(now);
        }
    }
    fn next_wake(&self) -> Option<Time> {
        if self.fate.alive() { self.storm.next_wake() } else { None }
    }
    fn poll(&mut self) -> Option<Report> {
        if self.fate.alive() { self.storm.poll() } else { None }
    }
}

/// What was told over all lives of the process.
#[derive(Debug, Default)]
struct Told {
    contradictions: Vec<String>,
    surprises: u64,
    unsent: u64,
    refused: u64,
    opened: u64,
    closed: u64,
    agreed: u64,
    differed: u64,
    unanswered: u64,
    log: Vec<String>,
}

#[derive(Clone)]
struct Ears(Rc<RefCell<Told>>);

/// Whether one storm was asked for, to be told of.
fn talkative() -> bool {
    std::env::var_os("STORM_SEED").is_some()
}

impl Watch for Ears {
    fn on_action(&mut self, event: &Event, action: &Action, _: &Desk) {
        let mut told = self.0.borrow_mut();
        if talkative() {
            told.log.push(format!("{} {} -> {action:?}", event.seq, event.time));
        }
        let Action::Tell(news) = action else { return };
        match news {
            News::Contradicted(impossible) => told.contradictions.push(format!("{} {impossible:?}", event.seq)),
            News::Confused(impossible) => told.contradictions.push(format!("{} {impossible:?}", event.seq)),
            News::Surprised(_) => told.surprises += 1,
            News::Unsent { .. } => told.unsent += 1,
            News::Refused { .. } => told.refused += 1,
            News::Opened(_) => told.opened += 1,
            News::Closed(_) => told.closed += 1,
            News::Agrees => told.agreed += 1,
            News::Differs { .. } => told.differed += 1,
            News::Unanswered(_) => told.unanswered += 1,
            News::Failed(_)
            | News::Halted(_)
            | News::MarginCalled
            | News::Latched(_)
            | News::Rearmed(_)
            | News::NotLatched { .. }
            | News::Adopted { .. }
            | News::NotAdopted { .. }
            | News::Seated { .. }
            | News::Unseated { .. }
            | News::Reseated { .. }
            | News::Ruled { .. }
            | News::Withdrawn { .. }
            | News::Drifted { .. }
            | News::Staged { .. }
            | News::Unstaged { .. }
            | News::Noticed { .. }
            | News::Unnoticed { .. } => {}
        }
    }

    fn on_event(&mut self, event: &Event, desk: &Desk) {
        if talkative() && !matches!(event.fact, Fact::Ticked(_)) {
            let differences = desk.orders().differences();
            self.0.borrow_mut().log.push(format!("{} {} {:?} {differences:?}", event.seq, event.time, event.fact));
        }
    }
}

/// Now and then something is said: a sentiment, a freeze of some seconds, an event, and what makes no sense.
fn notice(tick: &Tick) -> Option<Notice> {
    let id = (tick.seen.0 / EVERY) as u64;
    let after = |seconds| tick.seen.plus(Span::from_secs(seconds));
    let said =
        |score| NoticeKind::Sentiment(ensemble::Sentiment { score, confidence: 0.5, half_life: Span::from_secs(20) });
    let kind = match id % 1_009 {
        100 => said(0.8),
        300 => NoticeKind::Freeze { until: after(5) },
        500 => NoticeKind::Window { from: after(-895), until: after(-895), impact: Impact::High },
        700 => said(f64::NAN),
        900 => NoticeKind::Window { from: after(9), until: after(8), impact: Impact::Medium },
        _ => return None,
    };
    Some(Notice { id, source: 1, published: tick.time, symbol: None, kind })
}

fn strategies() -> String {
    let ladder = "commission = \"1 point\"\nladder = [{ at = \"0.5 R\", close = \"30 %\" }, { at = \"1 R\", close = \"30 %\" }]\nbreak_even = \"after_first_rung\"\ntrailing = { after_rungs = 1, start = \"0.5 R\", distance = \"0.5 R\", step = \"5 point\" }\ntime_stop = \"1 min\"";
    let timed = BARRIERS.replace("time_stop = \"never\"", "time_stop = \"20 s\"");
    let laddered = Strategy {
        name: "laddered",
        decide: "by = \"random\"\nseed = 1\nevery = \"4 s\"",
        stop: "by = \"fixed\"\nstop = \"4 pip\"\ntarget = \"6 pip\"",
        exits: ladder,
        positions: 4,
        ..Strategy::default()
    };
    let cross = Strategy {
        name: "cross",
        decide: "by = \"cross\"\nfast = 5\nslow = 20",
        stop: "by = \"fixed\"\nstop = \"5 pip\"",
        ..Strategy::default()
    };
    let bare = Strategy {
        name: "bare",
        decide: "by = \"random\"\nseed = 2\nevery = \"6 s\"",
        stop: "by = \"none\"",
        exits: &timed,
        positions: 3,
        ..Strategy::default()
    };
    [laddered, cross, bare].map(|strategy| strategy.text()).concat()
}

/// Three kinds of account in turn.
fn config(seed: u64) -> Config {
    let parts = Parts {
        latency: "50 ms",
        commission: "{ per_lot_side = \"1.00 USD\" }",
        slippage: "{ mean_points = 2.0, most = \"20 point\" }",
        rejects: "{ requote = \"2 %\", busy = \"2 %\", off_quotes = \"1 %\" }",
        partial_fills: "{ drawn = \"15 %\" }",
        ..Parts::free(strategies())
    };
    let parts = match seed % 3 {
        0 => parts,
        1 => Parts { partial_close: "same_ticket", ..parts },
        _ => Parts { positions: "netting", partial_close: "same_ticket", ..parts },
    };
    parts.config()
}

fn weather(seed: u64) -> StormSpec {
    StormSpec {
        seed,
        request_lost: 40_000,
        request_twice: 60_000,
        request_late: 150_000,
        busy: 30_000,
        query_lost: 80_000,
        report_lost: 60_000,
        unasked_lost: 30_000,
        report_twice: 80_000,
        report_late: 200_000,
        late_most: Span::from_secs(3),
        unknown_after: Span::from_secs(4),
    }
}

type Process = Session<Line, Mortal, Ears>;

/// A storm: the living venue, the process that dies, and who looks after both.
struct World {
    seed: u64,
    config: Config,
    path: PathBuf,
    fate: Rc<Fate>,
    random: ChaCha8Rng,
    /// The process, while it lives; while it does not, the line that it leaves.
    process: Option<Process>,
    line: Option<Line>,
    told: Rc<RefCell<Told>>,
    fills: Arc<Mutex<Vec<Why>>>,
    deaths: u64,
    /// Until when nobody starts the process anew.
    down_until: Time,
}

impl World {
    fn new(seed: u64, folder: &Path) -> Self {
        let config = config(seed);
        let fills = Arc::new(Mutex::new(Vec::new()));
        let mut paper = Paper::new(config.venue.clone()).unwrap();
        let sink = Arc::clone(&fills);
        paper.watch(Some(Box::new(move |why| sink.lock().unwrap_or_else(PoisonError::into_inner).push(*why))));
        let fate = Rc::new(Fate { steps: Cell::new(0) });
        let told = Rc::new(RefCell::new(Told::default()));
        let path = folder.join(format!("storm-{seed}"));
        let inner = journalled(&path, &config);
        let safe = fs::metadata(&path).unwrap().len();
        let mut world = Self {
            seed,
            random: ChaCha8Rng::seed_from_u64(seed),
            process: None,
            line: None,
            deaths: 0,
            down_until: Time::MIN,
            config,
            path,
            fate,
            told,
            fills,
        };
        world.spin();
        let record = Mortal { inner, path: world.path.clone(), fate: Rc::clone(&world.fate), safe };
        let fate = Rc::clone(&world.fate);
        let line = Line { storm: Storm::new(paper, weather(seed)), fate, sent: BTreeSet::new() };
        let desk = Desk::new(&world.config.desk).unwrap();
        world.process = Some(Session::new(desk, line, record, Ears(Rc::clone(&world.told))));
        world
    }

    /// Draws how long the process lives from now.
    fn spin(&mut self) {
        self.fate.steps.set(self.random.random_range(1..6_000));
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    /// One tick for whoever lives: the process if it does, the venue in any case.
    fn tick(&mut self, tick: &Tick) {
        if let Some(line) = &mut self.line {
            if tick.seen < self.down_until {
                line.storm.on_tick(tick);
                // Nobody is there to hear.
                while line.storm.poll().is_some() {}
                return;
            }
            self.rise(tick.seen);
        }
        let Some(process) = &mut self.process else { return };
        let mut done = process.tick(tick).is_ok();
        if let Some(notice) = notice(tick).filter(|_| done) {
            done = process.notice(tick.seen, notice).is_ok();
        }
        if done && self.random.random_range(0..500) == 0 {
            done = self.snapshot();
        }
        if done && self.random.random_range(0..200) == 0 {
            done = self.look_after(tick.seen);
        }
        if !done || !self.fate.alive() {
            self.die(tick.seen);
        }
    }

    fn snapshot(&mut self) -> bool {
        let snapshots = Snapshots::beside(&self.path, BUILD);
        let text = self.config.text.clone();
        let process = self.process();
        snapshots.take(&process.desk, &mut process.record, &text).is_ok()
    }

    /// What a person does: takes over what the venue's list shows, and re-arms what a contradiction shut. Whether the
    /// process has lived through it.
    fn look_after(&mut self, now: Time) -> bool {
        let by = Operator::new("storm watch").unwrap();
        let process = self.process();
        let shut = process.desk.gate().kill_switch().halt(Scope::All).is_some();
        let doubtful = !process.desk.orders().reconciled();
        let rearm = Command::Rearm { by, latch: Latch::Halt(Scope::All) };
        let adopt = Command::Adopt { by, strategy: StrategyId(0) };
        (!shut || process.command(now, rearm).is_ok()) && (!doubtful || process.command(now, adopt).is_ok())
    }

    fn die(&mut self, now: Time) {
        self.deaths += 1;
        self.fate.steps.set(0);
        let Some(Session { venue, record, .. }) = self.process.take() else { return };
        record.die(&mut self.random);
        self.line = Some(venue);
        self.down_until = now.plus(Span(self.random.random_range(0..20) * Span::SECOND.0));
    }

    /// Starts the process anew on its journal.
    fn rise(&mut self, now: Time) {
        let (desk, inner, _) = restart(&self.path, Durability::Process)
            .unwrap_or_else(|error| panic!("seed {}: death {}: {error}", self.seed, self.deaths));
        let safe = fs::metadata(&self.path).unwrap().len();
        let Some(line) = self.line.take() else { return };
        self.spin();
        let record = Mortal { inner, path: self.path.clone(), fate: Rc::clone(&self.fate), safe };
        self.process = Some(Session::new(desk, line, record, Ears(Rc::clone(&self.told))));
        self.start(now);
    }

    fn start(&mut self, now: Time) {
        if self.process().start(now).is_err() || !self.fate.alive() {
            self.die(now);
        }
    }

    /// The line is good again and nobody dies any more; a person sees to it that everything is explained.
    fn calm(&mut self, ticks: &mut impl Iterator<Item = Tick>) {
        let line = self.line.as_mut().or(self.process.as_mut().map(|process| &mut process.venue));
        line.unwrap().storm.calm();
        let by = Operator::new("storm watch").unwrap();
        for (nth, tick) in ticks.enumerate() {
            if self.line.is_some() {
                self.tick(&tick);
                continue;
            }
            self.fate.steps.set(u64::MAX);
            let process = self.process();
            process.tick(&tick).unwrap();
            if nth == 200 {
                let halt = Command::Halt { by, scope: Scope::All, level: Level::NoEntries };
                process.command(tick.seen, halt).unwrap();
            }
            if nth > 200 && nth % 40 == 0 && !process.desk.orders().reconciled() {
                let adopt = Command::Adopt { by, strategy: StrategyId(0) };
                process.command(tick.seen, adopt).unwrap();
            }
        }
    }
}

/// The venue's positions: ticket, side as a sign, volume.
fn held(world: &mut World, now: Time) -> (Vec<(u64, i64, i64)>, Money) {
    let storm = &mut world.process().venue.storm;
    storm.list(now);
    let (mut held, mut cash) = (Vec::new(), None);
    let mut now = now;
    while let Some(next) = storm.next_wake() {
        now = now.max(next);
        storm.wake(now);
        while let Some(report) = storm.poll() {
            match report {
                Report::Held { ticket, side, lots, .. } => held.push((ticket.0, side.sign(), lots.0)),
                Report::Listed { balance, .. } => cash = Some(balance),
                _ => {}
            }
        }
        if cash.is_some() {
            break;
        }
    }
    held.sort_unstable();
    (held, cash.unwrap())
}

/// Every request in the journal with the number of its record, and that none has a number of another.
fn requests(world: &World) -> BTreeMap<u64, u64> {
    let mut sent = BTreeMap::new();
    let mut reader = Reader::open(&world.path).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        if record.kind == action::SEND {
            let (id, _) = get_request(record.payload).unwrap();
            let before = sent.insert(number(id), record.seq);
            assert_eq!(before, None, "seed {}: request {} stands twice in the journal", world.seed, number(id));
        }
    }
    sent
}

/// No number was carried out twice, and none that is not in the journal.
fn check_fills(world: &World) {
    let seed = world.seed;
    let sent = requests(world);
    let fills = world.fills.lock().unwrap();
    let mut done: BTreeMap<u64, (i64, i64, BTreeSet<String>)> = BTreeMap::new();
    for why in fills.iter() {
        let Some(id) = why.id else { continue };
        let number = number(id);
        assert!(sent.contains_key(&number), "seed {seed}: request {number} was filled and is in no journal");
        let (filled, asked, deeds) = done.entry(number).or_default();
        *filled += why.lots.0;
        *asked = (*asked).max(why.asked.0);
        let deed = if why.deed == Deed::Opened { "opened" } else { "closed" };
        assert!(deeds.insert(format!("{deed} {}", why.ticket.0)), "seed {seed}: request {number} {deed} twice: {why}");
        assert!(*filled <= *asked, "seed {seed}: request {number} was filled {filled} of {asked}: {why}");
    }
}

/// What a storm was like.
struct Summary {
    deaths: u64,
    fills: usize,
    told: Told,
    damage: u64,
    positions: usize,
}

fn storm(seed: u64) -> Summary {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(seed, folder.path());
    let walk = Walk {
        seed,
        symbol: SymbolId(0),
        ticks: TICKS + 800,
        start: Time::from_date(2014, 5, 6),
        every: EVERY,
        mid: 1_387_000,
        step: Points(50),
        spread: Points(30),
        plant: Plant::Nothing,
    };
    let mut ticks = walk.ticks();
    world.start(walk.start);
    for tick in ticks.by_ref().take(TICKS as usize) {
        world.tick(&tick);
    }
    world.calm(&mut ticks);
    check(world)
}

fn check(mut world: World) -> Summary {
    let seed = world.seed;
    let now = world.process().now();
    if talkative() {
        world.told.borrow().log.iter().for_each(|line| eprintln!("{line}"));
    }
    let orders = world.process().desk.orders();
    let flying: Vec<_> = orders.live().iter().filter(|order| order.life.is_in_flight()).copied().collect();
    assert!(flying.is_empty(), "seed {seed}: still on their way: {flying:?}");
    let (reconciled, differences) = (orders.reconciled(), orders.differences().to_vec());
    assert!(reconciled, "seed {seed}: not reconciled: {differences:?}");
    let mut ours: Vec<_> = orders.positions().map(|p| (p.ticket.0, p.side.sign(), p.lots.0)).collect();
    ours.sort_unstable();
    let balance = orders.ledger().balance();
    assert_eq!(world.process().desk.orders().positions().count(), ours.len());
    let mut bytes = Vec::new();
    world.process().desk.save(&mut bytes);
    world.process().record.before_leaving().unwrap();
    let (theirs, cash) = held(&mut world, now);
    assert_eq!(ours, theirs, "seed {seed}: our positions and the venue's");
    assert_eq!(balance, cash, "seed {seed}: our cash and the venue's");
    assert_eq!(cash, world.process().venue.storm.inner().account().balance, "seed {seed}");
    check_fills(&world);
    let mut replay = Replay::open(&world.path, From::Start, u64::MAX).unwrap();
    replay.rest().unwrap_or_else(|error| panic!("seed {seed}: the journal of all lives does not replay: {error}"));
    let mut again = Vec::new();
    replay.desk().save(&mut again);
    assert!(again == bytes, "seed {seed}: the replayed desk is another");
    let damage = world.process().venue.storm.damage();
    let fills = world.fills.lock().unwrap().len();
    let told = std::mem::take(&mut *world.told.borrow_mut());
    assert_eq!(told.unsent, 0, "seed {seed}");
    assert!(told.contradictions.is_empty(), "seed {seed}: {:#?}", told.contradictions);
    let lost = damage.requests_lost + damage.reports_lost + damage.queries_lost;
    Summary { deaths: world.deaths, fills, told, damage: lost, positions: ours.len() }
}

/// Which storms are asked for.
fn seeds() -> std::ops::Range<u64> {
    let read = |text: String| text.parse::<u64>().unwrap();
    if let Ok(one) = std::env::var("STORM_SEED") {
        let one = read(one);
        return one..one + 1;
    }
    let Ok(range) = std::env::var("STORM_SEEDS") else { return 0..150 };
    let (from, to) = range.split_once("..").unwrap_or(("0", &range));
    read(from.to_owned())..read(to.to_owned())
}

#[test]
fn after_every_storm_we_hold_what_the_venue_holds() {
    let mut sum = (0, 0, 0, 0, 0);
    let mut failed = Vec::new();
    for seed in seeds() {
        match std::panic::catch_unwind(|| storm(seed)) {
            Ok(Summary { deaths, fills, told, damage, positions }) => {
                sum = (sum.0 + deaths, sum.1 + fills, sum.2 + damage, sum.3 + told.differed, sum.4 + positions);
                if talkative() {
                    eprintln!("{deaths} deaths, {fills} fills, {damage} lost, {told:?}");
                }
            }
            Err(_) => failed.push(seed),
        }
    }
    let (deaths, fills, damage, differed, positions) = sum;
    eprintln!(
        "{deaths} deaths, {fills} fills, {damage} things lost, {differed} lists that differed, {positions} open at the end"
    );
    assert!(failed.is_empty(), "storms that broke something: {failed:?}");
    let chosen = talkative() || std::env::var_os("STORM_SEEDS").is_some();
    assert!(chosen || deaths > 150 && fills > 10_000 && damage > 1_000 && differed > 0);
}
