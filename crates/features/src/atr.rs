//! Wilder's average true range (1978) over 14 mid bars. Bars lie on the clock; bars without ticks are not invented.

use crate::feature::Feature;
use crate::frame::Frame;
use crate::second::{Second, slot_ended};

const BARS: u32 = 14;

/// The average true range of bars of one length.
#[derive(Debug, Clone)]
pub(crate) struct Atr {
    /// Seconds per bar.
    length: i64,
    feature: Feature,
    /// High and low of the open bar.
    open: Option<(f64, f64)>,
    /// The close of the last bar. The first bar gives no more than that: we came in its middle.
    close: Option<f64>,
    bars: u32,
    average: f64,
}

market::state!(Atr { open, close, bars, average });

impl Atr {
    pub(crate) const fn new(length: i64, feature: Feature) -> Self {
        Self { length, feature, open: None, close: None, bars: 0, average: 0.0 }
    }

    pub(crate) fn on_second(&mut self, second: &Second, next: i64, frame: &mut Frame) {
        let (high, low) = self.open.unwrap_or((second.high, second.low));
        let bar = (high.max(second.high), low.min(second.low));
        if slot_ended(second, next, self.length).is_none() {
            self.open = Some(bar);
            return;
        }
        self.open = None;
        if let Some(close) = self.close.replace(second.close) {
            self.add(bar.0.max(close) - bar.1.min(close));
            frame.set(self.feature, self.average, self.bars >= BARS);
        }
    }

    /// The mean of the first 14 true ranges, then `(13 average + range) / 14`.
    fn add(&mut self, true_range: f64) {
        self.bars = self.bars.saturating_add(1);
        let n = f64::from(self.bars.min(BARS));
        self.average += (true_range - self.average) / n;
    }
}
