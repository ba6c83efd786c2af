//! What became of a sample: pending labels, resolved on the exit-side quote, each applied exactly once.
//!
//! A sample taken at `time` is entered on both sides at the first tick at or after `time + latency`, and each side is
//! resolved by the ticks that follow: target, stop, or the sign of the net profit at the horizon. All live labels of a
//! side share one barrier, so the nearest triggers follow from the lowest and highest entry, and the next deadline is
//! that of the oldest label. A tick inside these three watermarks costs three comparisons; a tick outside resolves at
//! least one label, and the scan of the others (at most `capacity`, in consecutive memory) is paid by it.

use std::collections::VecDeque;

use market::{Price, Reader, Side, Span, State, Tick, Time, Torn};

use crate::barrier::Barrier;
use crate::vote::{SIDES, place};

/// When samples are taken, and how long they may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelSpec {
    /// The least time between two samples.
    pub cadence: Span,
    /// From a decision to its fill: the entry is the first tick at least this much after the sample.
    pub latency: Span,
    /// How many samples may be pending; when full, none is taken. Horizon/cadence + 2 never fills.
    pub capacity: usize,
    /// A silence longer than this voids all pending labels: nobody knows what happened inside.
    pub silence: Span,
}

/// How a label was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The target was touched first.
    Target,
    /// The stop was touched first.
    Stop,
    /// Neither was touched within the horizon.
    Timeout,
}

/// One side of one sample, resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    /// The number of its sample, from 0.
    pub sample: u64,
    /// The side entered.
    pub side: Side,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was worth it: the target, or a net profit at the horizon.
    pub won: bool,
    /// When it was entered: the first tick at least the latency after the sample.
    pub entered: Time,
    /// When it was resolved: the tick that ended it. Nothing before this time knows the label.
    pub ended: Time,
    /// Where it was entered.
    pub entry: Price,
    /// The exit-side quote that resolved it.
    pub exit: Price,
    /// The mean of 1/(number of live labels) over its life, in (0, 1] (signals.md 1.2; both sides of a sample count).
    pub uniqueness: f64,
}

/// What became of all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabelCounts {
    /// Samples taken.
    pub sampled: u64,
    /// Samples not taken for want of room.
    pub skipped: u64,
    /// Labels whose target was touched first.
    pub targets: u64,
    /// Labels whose stop was touched first.
    pub stops: u64,
    /// Labels resolved at the horizon.
    pub timeouts: u64,
    /// Labels dropped: a silence, or a spread at the entry that leaves no room for the stop.
    pub voided: u64,
}

market::state!(LabelCounts { sampled, skipped, targets, stops, timeouts, voided });

/// An entered side of a sample.
#[derive(Debug, Clone, Copy, Default)]
struct Live {
    sample: u64,
    entry: Price,
    entered: Time,
    /// [`Labels::shared`] at the entry.
    shared: f64,
}

market::state!(Live { sample, entry, entered, shared });

/// The live labels of one side, oldest first, and the exit-side quotes at which the next of them ends.
#[derive(Debug, Clone)]
struct Book {
    side: Side,
    live: Vec<Live>,
    upper: i64,
    lower: i64,
    deadline: Time,
}

market::state!(Book { live, upper, lower, deadline });

impl Book {
    fn new(side: Side, capacity: usize) -> Self {
        Self { side, live: Vec::with_capacity(capacity), upper: i64::MAX, lower: i64::MIN, deadline: Time::MAX }
    }

    fn add(&mut self, live: Live, barrier: &Barrier) {
        self.live.push(live);
        self.watch(&live, barrier);
    }

    /// Moves the watermarks so that they cover one more label.
    fn watch(&mut self, live: &Live, barrier: &Barrier) {
        let (above, below) = match self.side {
            Side::Buy => (barrier.target, barrier.stop),
            Side::Sell => (barrier.stop, barrier.target),
        };
        self.upper = self.upper.min(live.entry.plus(above).0);
        self.lower = self.lower.max(live.entry.minus(below).0);
        self.deadline = self.deadline.min(live.entered.plus(barrier.horizon));
    }

    fn clear(&mut self) {
        self.live.clear();
        (self.upper, self.lower, self.deadline) = (i64::MAX, i64::MIN, Time::MAX);
    }

    const fn is_reached(&self, now: Time, exit: Price) -> bool {
        exit.0 >= self.upper || exit.0 <= self.lower || now.0 >= self.deadline.0
    }

    /// How a label ends now, if it does. What happens after the deadline no longer touches a barrier.
    fn outcome(&self, live: &Live, now: Time, exit: Price, barrier: &Barrier) -> Option<Outcome> {
        let gain = exit.above(live.entry).0.saturating_mul(self.side.sign());
        let deadline = live.entered.plus(barrier.horizon);
        if now > deadline {
            Some(Outcome::Timeout)
        } else if gain >= barrier.target.0 {
            Some(Outcome::Target)
        } else if gain <= -barrier.stop.0 {
            Some(Outcome::Stop)
        } else if now == deadline {
            Some(Outcome::Timeout)
        } else {
            None
        }
    }
}

/// A sample that waits for its entry or for its labels.
#[derive(Debug, Clone, Copy, Default)]
struct Slot<T> {
    time: Time,
    /// How many of its two labels are unresolved.
    open: u8,
    sample: T,
}

impl<T: State> State for Slot<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.time.save(out);
        self.open.save(out);
        self.sample.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.time.load(from)?;
        self.open.load(from)?;
        self.sample.load(from)
    }
}

/// The pending labels of one barrier class. Bounded by the capacity; no allocation after construction.
#[derive(Debug, Clone)]
pub struct Labels<T> {
    barrier: Barrier,
    spec: LabelSpec,
    /// The samples not yet fully resolved, oldest first; some in the middle may be.
    slots: VecDeque<Slot<T>>,
    /// The number of the oldest sample in `slots`, and of the first that is not entered.
    first: u64,
    waiting: u64,
    books: [Book; 2],
    /// The integral of 1/(number of live labels) over time, in seconds, up to `changed`.
    shared: f64,
    changed: Time,
    heard: Option<Time>,
    sampled: Option<Time>,
    counts: LabelCounts,
}

impl<T: State> State for Labels<T>
where
    Slot<T>: Default,
{
    fn save(&self, out: &mut Vec<u8>) {
        self.slots.save(out);
        self.first.save(out);
        self.waiting.save(out);
        self.books.save(out);
        self.shared.save(out);
        self.changed.save(out);
        self.heard.save(out);
        self.sampled.save(out);
        self.counts.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.slots.load(from)?;
        self.first.load(from)?;
        self.waiting.load(from)?;
        self.books.load(from)?;
        self.shared.load(from)?;
        self.changed.load(from)?;
        self.heard.load(from)?;
        self.sampled.load(from)?;
        self.counts.load(from)?;
        let taken = self.first.checked_add(self.slots.len() as u64).ok_or(Torn)?;
        let is_sound = self.slots.len() <= self.spec.capacity && (self.first..=taken).contains(&self.waiting);
        if is_sound { Ok(()) } else { Err(Torn) }
    }
}

impl<T: Copy> Labels<T> {
    /// No pending labels.
    pub fn new(barrier: Barrier, spec: LabelSpec) -> Self {
        Self {
            barrier,
            spec,
            slots: VecDeque::with_capacity(spec.capacity),
            first: 0,
            waiting: 0,
            books: SIDES.map(|side| Book::new(side, spec.capacity)),
            shared: 0.0,
            changed: Time(0),
            heard: None,
            sampled: None,
            counts: LabelCounts::default(),
        }
    }

    /// What became of all samples so far.
    pub const fn counts(&self) -> &LabelCounts {
        &self.counts
    }

    /// The number of the oldest sample that may still be resolved: no label of an earlier one will come.
    pub const fn oldest(&self) -> u64 {
        self.first
    }

    /// How many labels are unresolved, those that wait for their entry included.
    pub fn pending(&self) -> usize {
        self.live() + 2 * (self.first + self.slots.len() as u64 - self.waiting) as usize
    }

    fn live(&self) -> usize {
        self.books.iter().map(|book| book.live.len()).sum()
    }

    /// Hands every label that this tick resolves to `apply`, buys first, oldest first; then enters what has waited
    /// long enough. A crossed tick resolves and enters nothing. Time that goes back counts as standing still.
    pub fn on_tick(&mut self, tick: &Tick, mut apply: impl FnMut(&T, &Label)) {
        let heard = self.heard.unwrap_or(tick.time);
        let now = tick.time.max(heard);
        self.heard = Some(now);
        if now.since(heard) > self.spec.silence {
            self.void();
        }
        if tick.spread().0 < 0 {
            return;
        }
        let reached = SIDES.map(|side| self.books[place(side)].is_reached(now, tick.exit(side)));
        if reached != [false; 2] {
            self.advance(now);
            let live = self.live();
            for side in SIDES.into_iter().filter(|side| reached[place(*side)]) {
                self.scan(side, (now, tick.exit(side), live), &mut apply);
            }
        }
        self.enter(now, tick);
        // Also where nothing was resolved: samples that a hopeless spread voids must not fill the room.
        while self.slots.front().is_some_and(|slot| slot.open == 0) {
            self.slots.pop_front();
            self.first += 1;
        }
    }

    /// Whether a sample is due at this time and there is room for it.
    pub fn is_due(&mut self, now: Time) -> bool {
        let due = self.sampled.is_none_or(|last| now.since(last) >= self.spec.cadence);
        if due && self.slots.len() >= self.spec.capacity {
            self.counts.skipped += 1;
            self.sampled = Some(now);
            return false;
        }
        due
    }

    /// Takes a sample at this tick. Ask [`Labels::is_due`] first; a sample beyond the capacity is not taken.
    pub fn push(&mut self, tick: &Tick, sample: T) {
        if self.slots.len() >= self.spec.capacity {
            return;
        }
        let now = self.heard.map_or(tick.time, |heard| heard.max(tick.time));
        self.sampled = Some(now);
        self.counts.sampled += 1;
        self.slots.push_back(Slot { time: now, open: 2, sample });
        if tick.spread().0 >= 0 {
            self.enter(now, tick);
        }
    }

    /// Drops everything that is pending.
    fn void(&mut self) {
        self.counts.voided += self.pending() as u64;
        self.first += self.slots.len() as u64;
        self.waiting = self.first;
        self.slots.clear();
        self.books.iter_mut().for_each(Book::clear);
    }

    /// Brings the integral of 1/(number of live labels) up to now; due before that number changes.
    fn advance(&mut self, now: Time) {
        let live = self.live();
        if live > 0 {
            self.shared += now.since(self.changed).as_secs() / live as f64;
        }
        self.changed = now;
    }

    fn enter(&mut self, now: Time, tick: &Tick) {
        while let Some(slot) = self.slots.get_mut((self.waiting - self.first) as usize) {
            if now < slot.time.plus(self.spec.latency) {
                return;
            }
            let sample = self.waiting;
            self.waiting += 1;
            if tick.spread() >= self.barrier.stop {
                slot.open = 0;
                self.counts.voided += 2;
                continue;
            }
            self.advance(now);
            for side in SIDES {
                let live = Live { sample, entry: tick.entry(side), entered: now, shared: self.shared };
                self.books[place(side)].add(live, &self.barrier);
            }
        }
    }

    /// Resolves what has ended on one side, and finds the watermarks of the rest.
    fn scan(&mut self, side: Side, at: (Time, Price, usize), apply: &mut impl FnMut(&T, &Label)) {
        let (now, exit, live_count) = at;
        let Self { barrier, slots, first, books, shared, counts, .. } = self;
        let book = &mut books[place(side)];
        let mut lines = std::mem::take(&mut book.live);
        book.clear();
        lines.retain(|live| {
            let Some(outcome) = book.outcome(live, now, exit, barrier) else {
                book.watch(live, barrier);
                return true;
            };
            let won = match outcome {
                Outcome::Target => true,
                Outcome::Stop => false,
                Outcome::Timeout => barrier.net(side, live.entry, exit) > 0.0,
            };
            match outcome {
                Outcome::Target => counts.targets += 1,
                Outcome::Stop => counts.stops += 1,
                Outcome::Timeout => counts.timeouts += 1,
            }
            let lived = now.since(live.entered).as_secs();
            let uniqueness = if lived > 0.0 { (*shared - live.shared) / lived } else { 1.0 / live_count as f64 };
            let uniqueness = uniqueness.clamp(0.0, 1.0);
            if let Some(slot) = slots.get_mut(live.sample.wrapping_sub(*first) as usize) {
                slot.open = slot.open.saturating_sub(1);
                let Live { sample, entry, entered, .. } = *live;
                let label = Label { sample, side, outcome, won, entered, ended: now, entry, exit, uniqueness };
                apply(&slot.sample, &label);
            }
            false
        });
        book.live = lines;
    }
}

#[cfg(test)]
mod tests;
