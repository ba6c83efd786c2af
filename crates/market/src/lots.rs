//! Volume, in the instrument's own unit (0.01 lot for most FX brokers).

use crate::state::{Reader, State, Torn};

/// A volume: a count of the instrument's volume units (10^-`volume_digits` of a lot, or of a coin).
/// In quotes and trades zero means that the source did not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lots(pub i64);

impl Lots {
    /// No volume.
    pub const ZERO: Self = Self(0);

    /// The sum, or `None` on overflow.
    pub const fn plus(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` on overflow.
    pub const fn minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// The smaller of two volumes.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// The largest multiple of `step` that is not above this volume; zero when the step is not positive.
    #[must_use]
    pub const fn floored(self, step: Self) -> Self {
        if step.0 <= 0 { Self(0) } else { Self(self.0 - self.0.rem_euclid(step.0)) }
    }

    /// The volume as a float, in units.
    pub const fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

impl State for Lots {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.0.load(from)
    }
}
