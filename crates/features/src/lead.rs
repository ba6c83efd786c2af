//! Another market, a moment earlier: returns and level of the leader against our own.

use crate::decay::{Ewma, Weights};
use crate::feature::Feature::{self, LeaderBasis, LeaderReturnS1, LeaderReturnS5, LeaderReturnS30};
use crate::frame::Frame;
use market::{Span, Time};

/// The grid of the histories: an eighth of a second.
const STEP: Span = Span(125_000_000);
/// Slots of a history, 32 seconds; a power of two.
const SLOTS: usize = 256;
/// The returns, each with its length in slots; one slot more is looked back, so that the full length is always covered.
const RETURNS: [(Feature, i64); 3] = [(LeaderReturnS1, 8), (LeaderReturnS5, 40), (LeaderReturnS30, 240)];

const fn slot(time: Time) -> i64 {
    time.0.div_euclid(STEP.0)
}

/// The mid at the end of each of the last 256 slots. A tick fills the slots since the one before: at most 256 writes.
#[derive(Debug, Clone)]
struct History {
    started: bool,
    /// The slot and time of the first and of the last mid; time does not go back.
    first: i64,
    last: i64,
    time: Time,
    mid: f64,
    mids: [f64; SLOTS],
}

market::state!(History { started, first, last, time, mid, mids });

impl History {
    const fn new() -> Self {
        Self { started: false, first: 0, last: 0, time: Time(0), mid: 0.0, mids: [0.0; SLOTS] }
    }

    fn add(&mut self, time: Time, mid: f64) {
        if !self.started {
            (self.started, self.first, self.last, self.time) = (true, slot(time), slot(time), time);
        }
        self.time = self.time.max(time);
        let present = slot(self.time);
        let oldest = self.last.max(present - SLOTS as i64);
        for passed in oldest..present {
            self.mids[place(passed)] = self.mid;
        }
        (self.last, self.mid) = (present, mid);
    }

    /// The mid in force at the end of a slot; `None` when that is before the first, or too long ago.
    fn at(&self, slot: i64) -> Option<f64> {
        if !self.started || slot < self.first || slot < self.last - SLOTS as i64 {
            return None;
        }
        Some(if slot < self.last { self.mids[place(slot)] } else { self.mid })
    }

    /// The change of the mid over `slots` up to `present`.
    fn change(&self, present: i64, slots: i64) -> Option<f64> {
        Some(self.mid - self.at(present - slots - 1)?)
    }
}

const fn place(slot: i64) -> usize {
    slot.rem_euclid(SLOTS as i64) as usize
}

/// The running state of lead-lag.
#[derive(Debug, Clone)]
pub(crate) struct Lead {
    stale: Span,
    own: History,
    leader: History,
    basis: Ewma,
    /// When the basis was first and last taken.
    basis_first: Option<Time>,
    basis_time: Time,
}

market::state!(Lead { own, leader, basis, basis_first, basis_time });

impl Lead {
    pub(crate) const fn new(stale: Span) -> Self {
        Self {
            stale,
            own: History::new(),
            leader: History::new(),
            basis: Ewma::NONE,
            basis_first: None,
            basis_time: Time(0),
        }
    }

    pub(crate) fn on_tick(&mut self, time: Time, mid: f64, frame: &mut Frame) {
        self.own.add(time, mid);
        self.compare(frame);
    }

    pub(crate) fn on_leader(&mut self, time: Time, mid: f64, frame: &mut Frame) {
        self.leader.add(time, mid);
        self.compare(frame);
    }

    fn compare(&mut self, frame: &mut Frame) {
        if !self.own.started || !self.leader.started {
            return;
        }
        let now = self.own.time.max(self.leader.time);
        let heard = self.own.time.min(self.leader.time);
        let fresh = now.since(heard) <= self.stale;
        for (feature, slots) in RETURNS {
            let lead = self.leader.change(slot(now), slots).zip(self.own.change(slot(now), slots));
            let difference = lead.map_or(0.0, |(leader, own)| leader - own);
            frame.set(feature, difference, fresh && lead.is_some());
        }
        let first = *self.basis_first.get_or_insert(now);
        let basis = self.leader.mid - self.own.mid;
        // While one of the two is stale their difference says nothing; the mean waits.
        if fresh {
            let seconds = if first == now { 0.0 } else { now.since(self.basis_time).as_secs() };
            self.basis.update(Weights::over(seconds).s300, basis);
            self.basis_time = now;
        }
        frame.set(LeaderBasis, basis - self.basis.mean, fresh && now.since(first).as_secs() >= 300.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_history_equals_its_obvious_twin(steps in prop::collection::vec((0_i64..9_000, -50_i32..50), 1..60)) {
            let (mut history, mut all, mut now) = (History::new(), Vec::new(), Time::from_millis(-3_000));
            for (millis, mid) in steps {
                now = now.plus(Span::from_millis(millis));
                history.add(now, f64::from(mid));
                all.push((slot(now), f64::from(mid)));
                for back in 0..256 {
                    let wanted = slot(now) - back;
                    let twin = all.iter().rev().find(|(slot, _)| *slot <= wanted).map(|(_, mid)| *mid);
                    prop_assert_eq!(history.at(wanted), twin);
                }
            }
        }
    }

    #[test]
    fn the_return_is_the_leaders_less_our_own_and_ends_with_staleness() {
        let (mut lead, mut frame) = (Lead::new(Span::from_secs(3)), Frame::empty(Time(0)));
        for second in 0..40 {
            lead.on_tick(Time::from_millis(second * 1_000), 100.0, &mut frame);
            let leader = if second < 39 { 107.0 } else { 112.0 };
            lead.on_leader(Time::from_millis(second * 1_000 + 10), leader, &mut frame);
            assert_eq!(frame.is_ready(LeaderReturnS30), second > 30, "{second}");
        }
        assert_eq!(RETURNS.map(|(feature, _)| frame.get(feature)), [Some(5.0); 3]);
        assert_eq!(frame.get(LeaderBasis), None);
        lead.on_tick(Time::from_millis(42_011), 100.0, &mut frame);
        assert_eq!(frame.get(LeaderReturnS1), None);
    }
}
