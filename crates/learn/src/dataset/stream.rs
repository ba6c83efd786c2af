//! A desk without strategies hears the ticks; a row is what it saw. So a feature cannot differ from the one traded on.

use std::collections::VecDeque;

use config::Config;
use desk::{Actions, Desk, Event, Fact};
use ensemble::labels::Labels;
use ensemble::{RegimeView, Sampler};
use features::{Feature, Frame};
use feed::Record;
use market::{Side, Span, SymbolId, Tick, Time};

use crate::dataset::moves::Moves;
use crate::dataset::row::{Came, Row, place};
use crate::dataset::spec::{DatasetSpec, Primary};
use crate::fault::Fault;

/// Turns records into rows, one by one, in constant memory.
#[derive(Debug)]
pub struct Stream {
    spec: DatasetSpec,
    desk: Desk,
    actions: Actions,
    now: Time,
    seq: u64,
    /// Believed quotes so far of the symbol, and of its leader.
    believed: u64,
    led: u64,
    leader: Option<SymbolId>,
    /// The symbol's last believed quote.
    last: Option<Tick>,
    labels: Labels<()>,
    moves: Moves,
    /// Rows that may still get a label, oldest first.
    rows: VecDeque<Row>,
    sampler: Sampler,
    skipped: u64,
}

impl Stream {
    /// A stream that has heard nothing.
    ///
    /// # Errors
    /// [`Fault::Asked`] when the spec makes no sense or the configuration makes no desk.
    pub fn new(config: &Config, spec: &DatasetSpec) -> Result<Self, Fault> {
        spec.check()?;
        let desk = observer(config, spec.symbol)?;
        let actions = Actions::with_capacity(desk.actions_max());
        let labels = Labels::new(spec.barrier, spec.labels());
        Ok(Self {
            spec: *spec,
            desk,
            actions,
            now: Time::MIN,
            seq: 0,
            believed: 0,
            led: 0,
            leader: config.desk.symbols.get(usize::from(spec.symbol.0)).and_then(|symbol| symbol.leader),
            last: None,
            labels,
            moves: Moves::new(spec.latency, spec.barrier.horizon, spec.silence),
            rows: VecDeque::new(),
            sampler: Sampler::default(),
            skipped: 0,
        })
    }

    /// The desk's features of the symbol as of the last record.
    pub fn frame(&self) -> Option<&Frame> {
        self.desk.frame(self.spec.symbol)
    }

    /// Moments that should have become rows, but too many were unresolved.
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Hears one record, believed or not (the desk judges it), and appends the rows whose labels are known by now.
    pub fn hear(&mut self, record: &Record, out: &mut Vec<Row>) {
        self.now = self.now.max(record.seen());
        self.seq += 1;
        let fact = match record {
            Record::Quote(tick) => Fact::Ticked(*tick),
            Record::Trade(trade) => Fact::Traded(*trade),
        };
        self.desk.on_event(&Event { seq: self.seq, time: self.now, fact }, &mut self.actions);
        self.actions.clear();
        let Record::Quote(tick) = record else { return };
        let believed = self.desk.tick_counts(tick.symbol).map_or(0, |counts| counts.believed);
        if tick.symbol == self.spec.symbol && believed != self.believed {
            (self.believed, self.last) = (believed, Some(*tick));
            self.on_tick(tick, out);
        } else if Some(tick.symbol) == self.leader && believed != self.led {
            self.led = believed;
            self.on_leader(tick, out);
        }
    }

    /// The leader moved: the own quote that still stands is looked at again, as the desk does.
    fn on_leader(&mut self, leader: &Tick, out: &mut Vec<Row>) {
        let Some(last) = self.last else { return };
        let standing = Tick { time: last.time.max(leader.time), seen: last.seen.max(leader.seen), ..last };
        if self.spec.leader_moves > Span(0) && standing.time.since(last.time) <= self.spec.leader_moves {
            self.on_tick(&standing, out);
        }
    }

    /// The ticks are at an end: appends the rows that nobody will ever know the labels of.
    pub fn finish(self, out: &mut Vec<Row>) {
        out.extend(self.rows);
    }

    /// The order is the council's: first what the tick resolves, then what it shows.
    fn on_tick(&mut self, tick: &Tick, out: &mut Vec<Row>) {
        let Self { labels, moves, rows, spec, .. } = self;
        let first = rows.front().map_or(0, |row| row.number);
        labels.on_tick(tick, |(), label| {
            if let Some(row) = rows.get_mut((label.sample - first) as usize) {
                row.came[place(label.side)] = Some(Came {
                    entered: label.entered,
                    ended: label.ended,
                    outcome: label.outcome,
                    won: label.won,
                    net: spec.barrier.net(label.side, label.entry, label.exit),
                    uniqueness: label.uniqueness,
                });
            }
        });
        moves.on_quote(tick.time, tick.bid.0.saturating_add(tick.ask.0), |row, moved| {
            if let Some(row) = rows.get_mut((row - first) as usize) {
                row.moved = moved;
            }
        });
        let oldest = moves.oldest().map_or(labels.oldest(), |row| row.min(labels.oldest()));
        while rows.front().is_some_and(|row| row.number < oldest) {
            out.extend(rows.pop_front());
        }
        self.sample(tick);
    }

    fn sample(&mut self, tick: &Tick) {
        if !self.sampler.hear(self.spec.sampling, tick) {
            return;
        }
        let number = self.labels.counts().sampled;
        self.labels.push(tick, ());
        if self.labels.counts().sampled == number {
            self.skipped += 1;
            return;
        }
        let row = self.row(number, tick);
        if row.is_some() {
            self.moves.add(number, tick.time);
        }
        self.rows.extend(row);
    }

    fn row(&self, number: u64, tick: &Tick) -> Option<Row> {
        let frame = *self.frame()?;
        let regime: Option<RegimeView> = self.desk.councils().first().map(|council| *council.regime());
        let primary = match self.spec.primary {
            Primary::Absent => None,
            Primary::Sign(feature) => side(&frame, feature),
        };
        let Tick { time, bid, ask, .. } = *tick;
        Some(Row { number, time, bid, ask, frame, regime, primary, came: [None; 2], moved: None })
    }
}

fn side(frame: &Frame, feature: Feature) -> Option<Side> {
    let value = frame.get(feature)?;
    if value > 0.0 {
        Some(Side::Buy)
    } else if value < 0.0 {
        Some(Side::Sell)
    } else {
        None
    }
}

/// The desk of a configuration that only looks: all features, one council of the symbol for the regime, no strategy.
fn observer(config: &Config, symbol: SymbolId) -> Result<Desk, Fault> {
    if usize::from(symbol.0) >= config.desk.symbols.len() {
        return Err(Fault::Asked("symbol", "is not in the configuration".into()));
    }
    let mut spec = config.desk.clone();
    spec.strategies.clear();
    spec.orders.exits.clear();
    spec.limits.strategies.clear();
    let council = spec.classes.iter().position(|class| class.symbol == symbol);
    spec.classes = council.map(|place| spec.classes.swap_remove(place)).into_iter().collect();
    Desk::new(&spec).map_err(|faults| Fault::Asked("configuration", format!("makes no desk: {faults:?}")))
}
