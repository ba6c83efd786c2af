//! One-second bars of the mid, the base of everything that samples: coarser grids are whole numbers of seconds.

use market::{Span, Time};

/// A second in which there was at least one tick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Second {
    /// Seconds since 1970.
    pub(crate) index: i64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
}

/// Builds the bars.
#[derive(Debug, Clone)]
pub(crate) struct Seconds {
    started: bool,
    index: i64,
    high: f64,
    low: f64,
    close: f64,
}

market::state!(Seconds { started, index, high, low, close });

impl Seconds {
    pub(crate) const fn new() -> Self {
        Self { started: false, index: 0, high: 0.0, low: 0.0, close: 0.0 }
    }

    /// Takes a mid; `now` never goes back. Returns the second that ended by it. Seconds without ticks are not invented.
    #[inline]
    pub(crate) fn on_tick(&mut self, now: Time, mid: f64) -> Option<Second> {
        let index = now.0.div_euclid(Span::SECOND.0);
        if self.started && index == self.index {
            self.high = self.high.max(mid);
            self.low = self.low.min(mid);
            self.close = mid;
            return None;
        }
        let ended = self.started.then(|| self.current());
        *self = Self { started: true, index, high: mid, low: mid, close: mid };
        ended
    }

    /// The second that is still open.
    #[inline]
    pub(crate) const fn current(&self) -> Second {
        Second { index: self.index, high: self.high, low: self.low, close: self.close }
    }
}

/// The slot of `step` seconds that ended with `second`, when `next` (the second of the present tick) lies in a later slot.
#[inline]
pub(crate) fn slot_ended(second: &Second, next: i64, step: i64) -> Option<i64> {
    let slot = second.index.div_euclid(step);
    (slot != next.div_euclid(step)).then_some(slot)
}
