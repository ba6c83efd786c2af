//! What is usual for a symbol: its spread and its level, as slow averages over believed ticks.

use crate::tick::Tick;
use crate::time::{Span, Time};

/// The share by which one tick moves an average: it remembers about 64 ticks.
const SHARE: f64 = 1.0 / 64.0;

/// Averages of the spread and of the mid, per tick, in points.
#[derive(Debug, Clone, Default)]
pub struct Usual {
    started: bool,
    time: Time,
    spread: f64,
    level: f64,
}

crate::state!(Usual { started, time, spread, level });

impl Usual {
    /// Takes the next believed tick. Crossed quotes leave the spread alone; a silence longer than `silence` starts the
    /// level anew.
    #[inline]
    pub fn on_tick(&mut self, tick: &Tick, silence: Span) {
        let (spread, mid) = (tick.spread().as_f64(), tick.mid());
        if !self.started {
            (self.started, self.spread, self.level) = (true, spread.max(0.0), mid);
        }
        if tick.time.since(self.time) > silence {
            self.level = mid;
        }
        if spread >= 0.0 {
            self.spread += SHARE * (spread - self.spread);
        }
        self.level += SHARE * (mid - self.level);
        self.time = tick.time;
    }

    /// The usual spread; not a number before the first tick.
    pub const fn spread(&self) -> f64 {
        if self.started { self.spread } else { f64::NAN }
    }

    /// The slow mid; not a number before the first tick.
    pub const fn level(&self) -> f64 {
        if self.started { self.level } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lots, Price, SymbolId};

    #[test]
    fn averages_follow_slowly_and_forget_after_a_silence() {
        let mut usual = Usual::default();
        assert!(usual.spread().is_nan() && usual.level().is_nan());
        let tick = |second: i64, bid: i64, ask: i64| Tick {
            symbol: SymbolId(0),
            time: Time(second * Span::SECOND.0),
            seen: Time(second * Span::SECOND.0),
            bid: Price(bid),
            ask: Price(ask),
            bid_lots: Lots(0),
            ask_lots: Lots(0),
        };
        usual.on_tick(&tick(0, 100, 110), Span::MINUTE);
        assert_eq!((usual.spread(), usual.level()), (10.0, 105.0));
        usual.on_tick(&tick(1, 164, 238), Span::MINUTE);
        assert_eq!((usual.spread(), usual.level()), (11.0, 106.5));
        usual.on_tick(&tick(2, 210, 200), Span::MINUTE);
        assert_eq!(usual.spread(), 11.0);
        usual.on_tick(&tick(100, 300, 302), Span::MINUTE);
        assert_eq!(usual.level(), 301.0);
    }
}
