//! The parts in their order: what a tick, a trade and a tick of the leader change.

use crate::atr::Atr;
use crate::calendar::Calendar;
use crate::decay::Weights;
use crate::feature::{Feature, Groups};
use crate::flow::Flow;
use crate::frame::Frame;
use crate::hawkes::Intensities;
use crate::lead::Lead;
use crate::momentum::Momentum;
use crate::range::Range;
use crate::realised::Realised;
use crate::second::{Second, Seconds};
use crate::sigma::Sigmas;
use crate::spec::Spec;
use crate::spread::SpreadDynamics;
use crate::trades::Trades;
use market::{Tick, Time, Trade};

/// What every part wants to know about a tick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Seconds since the tick before.
    pub(crate) seconds: f64,
    /// Seconds since the first tick.
    pub(crate) seen: f64,
    /// Decays over `seconds`.
    pub(crate) weights: Weights,
    /// Mid, in points.
    pub(crate) mid: f64,
    /// Mid less the mid before, in points; zero at the first tick.
    pub(crate) change: f64,
    /// Ask less bid, in points.
    pub(crate) spread: f64,
}

/// The features of one symbol. About 20 kB; O(1) per event, no allocation.
///
/// The frame is as of the last event. A tick of our own moves every feature; a trade moves the trade features and a tick of
/// the leader the lead features, while the others keep the value they had at our last tick.
#[derive(Debug, Clone)]
pub struct Features {
    groups: Groups,
    started: bool,
    first: Time,
    /// The time of our last tick; never goes back.
    now: Time,
    mid: f64,
    frame: Frame,
    seconds: Seconds,
    sigmas: Sigmas,
    realised: [Realised; 2],
    atrs: [Atr; 3],
    flow: Flow,
    trades: Trades,
    momentum: Momentum,
    spread: SpreadDynamics,
    intensities: Intensities,
    calendar: Calendar,
    lead: Lead,
    range_s60: Range<60>,
    range_s300: Range<300>,
}

market::state!(Features {
    started,
    first,
    now,
    mid,
    frame,
    seconds,
    sigmas,
    realised,
    atrs,
    flow,
    trades,
    momentum,
    spread,
    intensities,
    calendar,
    lead,
    range_s60,
    range_s300,
});

/// Groups that divide by a sigma.
const SIGMA: Groups = Groups::VOLATILITY.with(Groups::MOMENTUM).with(Groups::SPREAD);
/// Groups that need one-second bars.
const SECONDS: Groups = SIGMA.with(Groups::RANGE);

impl Features {
    /// Features that have seen nothing.
    pub fn new(spec: &Spec) -> Self {
        Self {
            groups: spec.groups,
            started: false,
            first: Time(0),
            now: Time(0),
            mid: 0.0,
            frame: Frame::empty(Time::MIN),
            seconds: Seconds::new(),
            sigmas: Sigmas::new(spec.pip),
            realised: [
                Realised::new(1, [Feature::RealisedS60, Feature::BipowerS60, Feature::JumpS60]),
                Realised::new(5, [Feature::RealisedS300, Feature::BipowerS300, Feature::JumpS300]),
            ],
            atrs: [Atr::new(60, Feature::AtrM1), Atr::new(300, Feature::AtrM5), Atr::new(900, Feature::AtrM15)],
            flow: Flow::new(spec.pip),
            trades: Trades::new(),
            momentum: Momentum::new(spec.pip),
            spread: SpreadDynamics::new(spec.widening),
            intensities: Intensities::new(&spec.hawkes),
            calendar: Calendar::new(),
            lead: Lead::new(spec.leader_stale),
            range_s60: Range::new([Feature::RangeS60, Feature::RangeWidthS60]),
            range_s300: Range::new([Feature::RangeS300, Feature::RangeWidthS300]),
        }
    }

    /// The numbers as of the last event.
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Takes the next believed tick of the symbol. A tick older than the one before counts as of the same time.
    #[inline]
    pub fn on_tick(&mut self, tick: &Tick) {
        self.frame.time = self.frame.time.max(tick.time);
        if self.groups.wants(Groups::ALL) {
            self.renew(tick);
        }
    }

    /// Renews every group that is wanted.
    fn renew(&mut self, tick: &Tick) {
        let step = self.step(tick);
        if self.groups.wants(SECONDS) {
            self.sample(&step);
        }
        if self.groups.wants(Groups::FLOW) {
            self.flow.on_tick(tick, &step, &mut self.frame);
            self.trades.on_tick(self.now, &mut self.frame);
        }
        if self.groups.wants(Groups::MOMENTUM) {
            self.momentum.on_tick(&step, &self.sigmas, &mut self.frame);
        }
        if self.groups.wants(Groups::SPREAD) {
            self.spread.on_tick(&step, &self.sigmas, &mut self.frame);
        }
        if self.groups.wants(Groups::HAWKES) {
            self.intensities.on_tick(&step, &mut self.frame);
        }
        if self.groups.wants(Groups::TIME) {
            self.calendar.on_tick(self.now, &mut self.frame);
        }
        if self.groups.wants(Groups::LEAD) {
            self.lead.on_tick(self.now, step.mid, &mut self.frame);
        }
    }

    /// Takes the next trade of the symbol.
    pub fn on_trade(&mut self, trade: &Trade) {
        self.frame.time = self.frame.time.max(trade.time);
        if self.groups.wants(Groups::FLOW) {
            self.trades.on_trade(trade, &mut self.frame);
        }
    }

    /// Takes the next believed tick of the symbol's leader (another feed or symbol), its prices in our points.
    pub fn on_leader(&mut self, tick: &Tick) {
        self.frame.time = self.frame.time.max(tick.time);
        if self.groups.wants(Groups::LEAD) {
            self.lead.on_leader(tick.time, mid(tick), &mut self.frame);
        }
    }

    /// Moves the clock and measures the tick against the one before.
    #[inline]
    fn step(&mut self, tick: &Tick) -> Step {
        let mid = mid(tick);
        if !self.started {
            (self.started, self.first, self.now, self.mid) = (true, tick.time, tick.time, mid);
        }
        let now = self.now.max(tick.time);
        let seconds = now.since(self.now).as_secs();
        let change = mid - self.mid;
        (self.now, self.mid) = (now, mid);
        Step {
            seconds,
            seen: now.since(self.first).as_secs(),
            weights: Weights::over(seconds),
            mid,
            change,
            spread: tick.spread().as_f64(),
        }
    }

    /// Feeds everything that samples by the second.
    #[inline]
    fn sample(&mut self, step: &Step) {
        if let Some(second) = self.seconds.on_tick(self.now, step.mid) {
            self.on_second(&second, step.seen);
        }
        // After the second that ended was taken, so that the change counts for the present one.
        self.sigmas.on_change(step.change);
        if self.groups.wants(Groups::RANGE) {
            let current = self.seconds.current();
            self.range_s60.on_tick(&current, step.seen, &mut self.frame);
            self.range_s300.on_tick(&current, step.seen, &mut self.frame);
        }
    }

    fn on_second(&mut self, second: &Second, seen: f64) {
        let next = self.seconds.current().index;
        let changed = self.groups.wants(SIGMA) && self.sigmas.on_second(second, next);
        if self.groups.wants(Groups::VOLATILITY) {
            if changed {
                self.sigmas.publish(&mut self.frame);
            }
            for realised in &mut self.realised {
                realised.on_second(second, next, seen, &mut self.frame);
            }
            for atr in &mut self.atrs {
                atr.on_second(second, next, &mut self.frame);
            }
        }
        if self.groups.wants(Groups::RANGE) {
            self.range_s60.on_second(second, next);
            self.range_s300.on_second(second, next);
        }
    }
}

/// The mid in points; unlike `Tick::mid` it cannot overflow, whatever the prices.
#[inline]
const fn mid(tick: &Tick) -> f64 {
    (tick.bid.0 as f64 + tick.ask.0 as f64) * 0.5
}
