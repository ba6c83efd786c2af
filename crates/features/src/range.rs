//! Where the mid lies in its recent range: this second and the N before.

use crate::feature::Feature;
use crate::frame::Frame;
use crate::second::Second;
use crate::window::Peak;

/// The range of the last N seconds. O(1) per tick on average, at most N steps.
#[derive(Debug, Clone)]
pub(crate) struct Range<const N: usize> {
    /// Position and width.
    features: [Feature; 2],
    high: Peak<N>,
    /// Of the lows with their sign turned.
    low: Peak<N>,
}

impl<const N: usize> Range<N> {
    pub(crate) const fn new(features: [Feature; 2]) -> Self {
        Self { features, high: Peak::new(), low: Peak::new() }
    }

    pub(crate) fn on_second(&mut self, second: &Second, next: i64) {
        self.high.push(second.index, second.high);
        self.low.push(second.index, -second.low);
        self.high.forget(next - N as i64);
        self.low.forget(next - N as i64);
    }

    #[inline]
    pub(crate) fn on_tick(&self, current: &Second, seen: f64, frame: &mut Frame) {
        let high = self.high.value().map_or(current.high, |high| high.max(current.high));
        let low = self.low.value().map_or(current.low, |low| current.low.min(-low));
        let width = high - low;
        let position = if width > 0.0 { (current.close - low) / width } else { 0.5 };
        let ready = seen >= N as f64;
        frame.set(self.features[0], position, ready);
        frame.set(self.features[1], width, ready);
    }
}

impl<const N: usize> market::State for Range<N> {
    fn save(&self, out: &mut Vec<u8>) {
        self.high.save(out);
        self.low.save(out);
    }
    fn load(&mut self, from: &mut market::Reader<'_>) -> Result<(), market::Torn> {
        self.high.load(from)?;
        self.low.load(from)
    }
}
