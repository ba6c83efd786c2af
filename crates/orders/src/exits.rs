//! What we want for a position on a quote: its ladder, break-even, trailing, time stop and spread-spike guard.
//!
//! Everything is measured on the side that would be hit. Stops only tighten.

use market::{Instrument, Lots, Points, Price, Span, Time};
use risk::{ExitCause, Protection, Reduction};

use crate::order::Purpose;
use crate::position::{Leave, Position, StopBy};
use crate::stage::{Stage, Turn};

/// How many rungs a ladder may have.
pub const RUNGS_MAX: usize = 4;

/// A distance from the opening price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distance {
    /// In points.
    Points(Points),
    /// In multiples of R, the distance from the first fill to the first stop. Never reached without a first stop.
    Risk(f64),
    /// In multiples of the volatility that the caller measures, in points. Never reached while it is not known.
    Volatility(f64),
}

/// A rung of the partial profit ladder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rung {
    /// The profit at which it is taken.
    pub distance: Distance,
    /// How much is closed, in millionths of all that was opened. Floored to the lot step; the rung is skipped when the
    /// part, or a rest that is not zero, would be below the smallest volume.
    pub fraction_millionths: u32,
}

/// When the stop moves to the opening price plus costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BreakEven {
    /// Never.
    Never,
    /// Once a rung has been filled, to the opening price improved by the spread of that moment and the commission.
    AfterRung {
        /// Commission of opening and closing, in points of the instrument.
        commission_points: f64,
    },
}

/// A stop that follows the best exit-side price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trail {
    /// How many rungs must have been filled before.
    pub after_rungs: u8,
    /// The profit that must have been reached before.
    pub start: Distance,
    /// How far behind the best price the stop follows.
    pub distance: Distance,
    /// The smallest move worth a message.
    pub step: Points,
}

/// What becomes of a position without a venue-side stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naked {
    /// It stays open.
    Allowed,
    /// It is closed when it has been open for this long.
    ClosedAfter(Span),
}

/// How a refused close or stop is tried again: after `first`, doubling up to `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The first wait.
    pub first: Span,
    /// The longest wait.
    pub longest: Span,
    /// Refusals in a row after which an alarm is raised, a rung is given up and only `longest` waits follow.
    pub attempts_max: u8,
}

/// The exits of a strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitSpec {
    /// The partial profit ladder, nearest rung first, at most [`RUNGS_MAX`].
    pub rungs: Vec<Rung>,
    /// Break-even.
    pub break_even: BreakEven,
    /// Trailing.
    pub trail: Option<Trail>,
    /// How long a position may be open.
    pub time_stop: Option<Span>,
    /// Positions without a stop.
    pub naked: Naked,
    /// A quote whose spread is above this multiple of the usual one triggers no desk-side exit but a forced one.
    pub spike_multiple: f64,
    /// How long a time stop or a reversal waits for the spread to come back.
    pub spike_wait_max: Span,
    /// How refusals are met.
    pub retry: Retry,
}

/// What we want for a position; it passes the gate before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Close it, or a part of it.
    Reduce(Reduction),
    /// Move its stop.
    Protect(Protection),
}

/// The quote of a symbol as exits see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) now: Time,
    /// The exit-side price of the position; `None` before the first quote.
    pub(crate) exit: Option<Price>,
    pub(crate) spread: Points,
    pub(crate) usual_spread: f64,
    pub(crate) volatility: f64,
    /// No order of the symbol is in doubt.
    pub(crate) settled: bool,
}

impl Distance {
    /// The distance in points; `None` while what it is a multiple of is not known.
    pub fn points(self, risk: Option<Points>, volatility: f64) -> Option<f64> {
        let points = match self {
            Self::Points(points) => points.as_f64(),
            Self::Risk(multiple) => multiple * risk?.as_f64(),
            Self::Volatility(multiple) => multiple * volatility,
        };
        (points.is_finite() && points > 0.0).then_some(points)
    }
}

impl Retry {
    /// The wait after the `attempts`-th refusal in a row.
    pub fn wait(&self, attempts: u8) -> Span {
        let doublings = u32::from(attempts.saturating_sub(1)).min(32);
        Span(self.first.0.saturating_mul(1_i64 << doublings).min(self.longest.0))
    }
}

/// Decides what is wanted for a position now. Changes of the position itself (rungs skipped, break-even found in force)
/// are made here; what is sent is noted by the caller. Almost every quote finds nothing to do, so what a position cannot
/// want is found out by one comparison each, without a call.
#[inline]
pub(crate) fn decide(position: &mut Position, spec: &ExitSpec, view: &View<'_>) -> Option<(Wanted, Purpose)> {
    if position.flight.is_some() || view.now < position.not_before || is_frozen(position, view) {
        return None;
    }
    if let Some(Leave(cause)) = position.leaving
        && is_forced(cause)
    {
        return Some(out(position, position.lots, cause));
    }
    if !view.settled {
        return None;
    }
    let spiked = is_spiked(position, spec, view);
    if let Some(cause) = due(position, spec, view.now) {
        let patience = spiked.is_some_and(|since| view.now.since(since) < spec.spike_wait_max);
        return (!patience).then(|| leave(position, cause)).flatten();
    }
    let exit = view.exit.filter(|_| spiked.is_none())?;
    if usize::from(position.rung) < spec.rungs.len()
        && let Some(lots) = rung(position, spec, view, exit)
    {
        return Some(out(position, lots, ExitCause::Rung));
    }
    if position.stop.is_none()
        && let Some(planned) = position.planned_stop
        && let Some(wanted) = restored(position, view, exit, planned)
    {
        return Some(wanted);
    }
    if position.stage == Stage::Laddered
        && let Some(wanted) = broken_even(position, spec, view, exit)
    {
        return Some(wanted);
    }
    trailed(position, spec.trail.as_ref()?, spec, view, exit)
}

/// Whether a cause overrides the spread-spike guard and an unsettled symbol.
pub(crate) const fn is_forced(cause: ExitCause) -> bool {
    match cause {
        ExitCause::Flatten | ExitCause::Operator | ExitCause::SessionEnd | ExitCause::StopOut => true,
        ExitCause::Stop
        | ExitCause::Target
        | ExitCause::Rung
        | ExitCause::Trail
        | ExitCause::Timeout
        | ExitCause::Reversal
        | ExitCause::Netted => false,
    }
}

/// MT4's freeze level: so near to its stop or target, nothing of a position may be changed or closed.
#[inline]
fn is_frozen(position: &Position, view: &View<'_>) -> bool {
    let Some(exit) = view.exit else { return false };
    let near =
        |level: Option<Price>| level.is_some_and(|level| exit.above(level).abs() <= view.instrument.freeze_level);
    view.instrument.freeze_level.0 > 0 && (near(position.stop) || near(position.target))
}

/// Since when the spread has been too wide. An unknown usual spread cannot be exceeded.
#[inline]
fn is_spiked(position: &mut Position, spec: &ExitSpec, view: &View<'_>) -> Option<Time> {
    let spiked = view.exit.is_some()
        && view.usual_spread.is_finite()
        && view.usual_spread > 0.0
        && view.spread.as_f64() > spec.spike_multiple * view.usual_spread;
    position.spike_since = if spiked { position.spike_since.or(Some(view.now)) } else { None };
    position.spike_since
}

/// Why all of it is to be closed now, if it is.
#[inline]
fn due(position: &Position, spec: &ExitSpec, now: Time) -> Option<ExitCause> {
    if let (None, Naked::Allowed, None) = (spec.time_stop, spec.naked, position.leaving) {
        return None;
    }
    let age = now.since(position.opened);
    let timed_out = spec.time_stop.is_some_and(|span| age >= span);
    let naked = match spec.naked {
        Naked::Allowed => false,
        Naked::ClosedAfter(span) => position.stop.is_none() && age >= span,
    };
    let wanted = position.leaving.map(|Leave(cause)| cause);
    wanted.or((timed_out || naked).then_some(ExitCause::Timeout))
}

/// When a position's time stop, naked or spike rule strikes next, at the earliest.
#[inline]
pub(crate) fn next_due(position: &Position, spec: &ExitSpec) -> Time {
    let stop = spec.time_stop.map_or(Time::MAX, |span| position.opened.plus(span));
    let naked = match spec.naked {
        Naked::ClosedAfter(span) if position.stop.is_none() => position.opened.plus(span),
        Naked::ClosedAfter(_) | Naked::Allowed => Time::MAX,
    };
    let leave = if position.leaving.is_some() { Time::MIN } else { stop.min(naked) };
    let patience = position.spike_since.map_or(Time::MIN, |since| since.plus(spec.spike_wait_max));
    let forced = position.leaving.is_some_and(|Leave(cause)| is_forced(cause));
    leave.max(position.not_before).max(if forced { Time::MIN } else { patience })
}

#[inline(never)]
fn leave(position: &mut Position, cause: ExitCause) -> Option<(Wanted, Purpose)> {
    position.stage = position.stage.after(Turn::OutWanted)?;
    position.leaving = Some(Leave(cause));
    Some(out(position, position.lots, cause))
}

#[inline(never)]
fn out(position: &Position, lots: Lots, cause: ExitCause) -> (Wanted, Purpose) {
    let reduction = Reduction {
        strategy: position.strategy,
        symbol: position.symbol,
        ticket: position.ticket,
        side: position.side,
        lots,
        cause,
    };
    (Wanted::Reduce(reduction), if cause == ExitCause::Rung { Purpose::Rung } else { Purpose::Out })
}

fn stop_at(position: &Position, stop: Price, purpose: Purpose) -> (Wanted, Purpose) {
    let protection = Protection {
        strategy: position.strategy,
        symbol: position.symbol,
        ticket: position.ticket,
        stop: Some(stop),
        target: position.target,
    };
    (Wanted::Protect(protection), purpose)
}

/// The volume of the next rung when its distance is reached; rungs that cannot be taken are skipped.
#[inline(never)]
fn rung(position: &mut Position, spec: &ExitSpec, view: &View<'_>, exit: Price) -> Option<Lots> {
    let profit = position.profit(exit).as_f64();
    while let Some(rung) = spec.rungs.get(usize::from(position.rung)) {
        if profit < rung.distance.points(position.risk, view.volatility)? {
            return None;
        }
        if let Some(part) = rung_part(position, rung, view.instrument) {
            return Some(part);
        }
        position.rung += 1;
    }
    None
}

/// How much a rung closes; `None` when the part or a rest that is not zero is below the smallest volume.
fn rung_part(position: &Position, rung: &Rung, instrument: &Instrument) -> Option<Lots> {
    let part = i128::from(position.opened_lots.0) * i128::from(rung.fraction_millionths) / 1_000_000;
    let part = Lots(i64::try_from(part).ok()?).at_most(instrument.lot_max).floored(instrument.lot_step);
    let part = part.at_most(position.lots);
    let rest = position.lots.minus(part)?;
    let fits = part > Lots::ZERO && part >= instrument.lot_min && (rest == Lots::ZERO || rest >= instrument.lot_min);
    fits.then_some(part)
}

/// The first stop again, if the venue lost it; out when the price is already beyond it.
#[inline(never)]
fn restored(position: &mut Position, view: &View<'_>, exit: Price, planned: Price) -> Option<(Wanted, Purpose)> {
    if (exit.0 - planned.0) * position.side.sign() <= 0 {
        return leave(position, ExitCause::Stop);
    }
    is_allowed(position, view, exit, planned).then(|| stop_at(position, planned, Purpose::Stop))
}

/// Whether the venue takes a stop there: on the losing side of the exit price, at least the stop level away.
fn is_allowed(position: &Position, view: &View<'_>, exit: Price, stop: Price) -> bool {
    let away = (exit.0 - stop.0) * position.side.sign();
    stop.0 > 0 && away > 0 && away >= view.instrument.stop_level.0 && away > view.instrument.freeze_level.0
}

/// The break-even stop: the opening price improved by the spread and the commission, rounded up in our favour.
fn break_even_stop(position: &Position, spec: &ExitSpec, view: &View<'_>) -> Option<Price> {
    let BreakEven::AfterRung { commission_points } = spec.break_even else { return None };
    let offset = Points(view.spread.0.max(0).checked_add(Points::ceiled(commission_points)?.0)?);
    let step = view.instrument.tick_size.0.max(1);
    let level = position.entry.0.checked_add(offset.0 * position.side.sign())?;
    let down = level.rem_euclid(step);
    let rounded = if down == 0 || position.side.sign() < 0 { level - down } else { level - down + step };
    Some(Price(rounded))
}

/// Moves the stop of a laddered position to break-even, or finds it there.
#[inline(never)]
fn broken_even(position: &mut Position, spec: &ExitSpec, view: &View<'_>, exit: Price) -> Option<(Wanted, Purpose)> {
    let stop = break_even_stop(position, spec, view)?;
    if !position.is_tighter(stop) {
        position.stage = position.stage.after(Turn::BreakEvenSet)?;
        return None;
    }
    is_allowed(position, view, exit, stop).then(|| stop_at(position, stop, Purpose::BreakEven))
}

/// The trailing stop: a distance behind the best price, and no nearer to the price than the venue allows.
#[inline(never)]
fn trailed(
    position: &Position,
    trail: &Trail,
    spec: &ExitSpec,
    view: &View<'_>,
    exit: Price,
) -> Option<(Wanted, Purpose)> {
    let start = trail.start.points(position.risk, view.volatility)?;
    if position.rungs_filled < trail.after_rungs || position.best.as_f64() < start {
        return None;
    }
    let sign = position.side.sign();
    let distance = Points::ceiled(trail.distance.points(position.risk, view.volatility)?)?;
    let room = view.instrument.stop_level.0.max(view.instrument.freeze_level.0 + 1).max(1);
    let wished = position.entry.0 + (position.best.0 - distance.0) * sign;
    let nearest = exit.0 - room * sign;
    let level = if sign > 0 { wished.min(nearest) } else { wished.max(nearest) };
    let stop = Price(on_grid(level, view.instrument.tick_size.0.max(1), sign));
    let moved = position.stop.is_none_or(|old| (stop.0 - old.0) * sign >= trail.step.0.max(1));
    // While break-even is still to come, a trailing stop that is worse must not take its place.
    let waits = position.stage == Stage::Laddered
        && break_even_stop(position, spec, view).is_some_and(|even| (stop.0 - even.0) * sign < 0);
    (moved && !waits && is_allowed(position, view, exit, stop)).then(|| stop_at(position, stop, Purpose::Trail))
}

/// The nearest price on the grid that is not tighter than `level`.
const fn on_grid(level: i64, step: i64, sign: i64) -> i64 {
    let down = level - level.rem_euclid(step);
    if sign > 0 || down == level { down } else { down + step }
}

/// What a stop set for a purpose is called.
pub(crate) const fn stop_by(purpose: Purpose) -> StopBy {
    match purpose {
        Purpose::BreakEven => StopBy::BreakEven,
        Purpose::Trail => StopBy::Trail,
        Purpose::Entry | Purpose::Rung | Purpose::Out | Purpose::Stop | Purpose::Cancel => StopBy::Order,
    }
}
