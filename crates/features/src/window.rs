//! Sums and extremes over the last N slots of a grid.

use market::{Reader, State, Torn};

/// Slots of a [`SlotSums`].
pub(crate) const SLOTS: i64 = 60;

/// A value per slot for the last 60 whole slots before the present one; slots without a value hold zero.
///
/// The sum is taken afresh (60 additions) when asked for, at most once per slot: no subtraction, hence no drift.
#[derive(Debug, Clone)]
pub(crate) struct SlotSums {
    values: [f64; SLOTS as usize],
    newest: i64,
}

market::state!(SlotSums { values, newest });

impl SlotSums {
    pub(crate) const fn new() -> Self {
        Self { values: [0.0; SLOTS as usize], newest: i64::MIN }
    }

    /// Gives the value of a slot that has ended; slots never go back.
    pub(crate) fn put(&mut self, slot: i64, value: f64) {
        self.advance(slot);
        self.values[place(slot)] = value;
        self.newest = slot;
    }

    /// Moves the window to end before slot `present`. At most 60 steps.
    pub(crate) fn advance(&mut self, present: i64) {
        if present.saturating_sub(self.newest) > SLOTS {
            self.values = [0.0; SLOTS as usize];
        } else {
            for slot in self.newest + 1..present {
                self.values[place(slot)] = 0.0;
            }
        }
        self.newest = self.newest.max(present - 1);
    }

    /// The sum of the last 60 slots.
    pub(crate) fn sum(&self) -> f64 {
        self.values.iter().sum()
    }
}

const fn place(slot: i64) -> usize {
    slot.rem_euclid(SLOTS) as usize
}

/// The largest value of the last N slots: a queue that falls from front to back.
///
/// Every slot enters and leaves once, so a slot costs O(1) on average and at most N steps.
#[derive(Debug, Clone)]
pub(crate) struct Peak<const N: usize> {
    slots: [i64; N],
    values: [f64; N],
    head: usize,
    len: usize,
}

impl<const N: usize> Peak<N> {
    pub(crate) const fn new() -> Self {
        Self { slots: [0; N], values: [0.0; N], head: 0, len: 0 }
    }

    /// Adds the value of a slot; slots rise.
    pub(crate) fn push(&mut self, slot: i64, value: f64) {
        self.forget(slot - N as i64 + 1);
        while self.len > 0 && self.values[self.at(self.len - 1)] <= value {
            self.len -= 1;
        }
        let back = self.at(self.len);
        (self.slots[back], self.values[back]) = (slot, value);
        self.len += 1;
    }

    /// Drops every slot before `oldest`.
    pub(crate) fn forget(&mut self, oldest: i64) {
        while self.len > 0 && self.slots[self.head] < oldest {
            self.head = self.at(1);
            self.len -= 1;
        }
    }

    /// The largest value, `None` when no slot is left.
    #[inline]
    pub(crate) fn value(&self) -> Option<f64> {
        (self.len > 0).then(|| self.values[self.head])
    }

    #[inline]
    const fn at(&self, i: usize) -> usize {
        let place = self.head + i;
        if place < N { place } else { place - N }
    }
}

/// Saved from front to back, and loaded to the start of the ring: the same queue.
impl<const N: usize> State for Peak<N> {
    fn save(&self, out: &mut Vec<u8>) {
        self.len.save(out);
        for i in 0..self.len {
            (self.slots[self.at(i)], self.values[self.at(i)]).save(out);
        }
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let len: usize = from.read()?;
        if len > N {
            return Err(Torn);
        }
        (self.head, self.len) = (0, len);
        for i in 0..len {
            (self.slots[i], self.values[i]) = from.read()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_and_peaks_equal_their_obvious_twins(steps in prop::collection::vec((1_i64..40, -50_i32..50), 1..200)) {
            let (mut sums, mut peak) = (SlotSums::new(), Peak::<60>::new());
            let (mut slot, mut all) = (-500, Vec::new());
            for (gap, value) in steps {
                slot += gap;
                let present = slot + gap;
                all.push((slot, f64::from(value)));
                sums.put(slot, f64::from(value));
                sums.advance(present);
                peak.push(slot, f64::from(value));
                peak.forget(present - 60);
                let window = || all.iter().filter(|(slot, _)| (present - 60..present).contains(slot)).map(|(_, x)| *x);
                prop_assert_eq!(sums.sum(), window().sum::<f64>());
                prop_assert_eq!(peak.value(), window().max_by(f64::total_cmp));
                slot = present - 1;
            }
        }
    }

    #[test]
    fn a_queue_longer_than_the_ring_is_torn() {
        let mut bytes = Vec::new();
        61_usize.save(&mut bytes);
        bytes.resize(2_000, 0);
        assert_eq!(Peak::<60>::new().load(&mut Reader::new(&bytes)), Err(Torn));
    }
}
