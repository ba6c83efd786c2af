//! What keeps NaN and infinity out of the models.

use market::{Reader, State, Torn};

/// The largest magnitude a model looks at: its square, summed a million million times, is still finite.
pub(crate) const LARGEST: f64 = 1e100;

/// The smallest probability that is ever given out; 1 less this is the largest.
pub(crate) const SMALLEST_PROBABILITY: f64 = 1e-12;

/// The observation, clipped to `LARGEST`; `None` when it is not finite.
pub(crate) fn finite(x: f64) -> Option<f64> {
    x.is_finite().then(|| x.clamp(-LARGEST, LARGEST))
}

/// The observations, clipped to `LARGEST`; `None` when one is not finite.
pub(crate) fn all_finite<const N: usize>(values: &[f64; N]) -> Option<[f64; N]> {
    values.iter().all(|x| x.is_finite()).then(|| values.map(|x| x.clamp(-LARGEST, LARGEST)))
}

/// A number of a spec, brought to the nearer end of its range; NaN becomes the lower end.
pub(crate) fn within(x: f64, low: f64, high: f64) -> f64 {
    if x.is_nan() { low } else { x.clamp(low, high) }
}

/// A probability inside (0, 1); NaN becomes the smallest.
pub(crate) fn probability(p: f64) -> f64 {
    within(p, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
}

/// Loads a vector whose length the spec fixed.
pub(crate) fn load_exactly(values: &mut Vec<f64>, from: &mut Reader<'_>) -> Result<(), Torn> {
    let len = values.len();
    values.load(from)?;
    if values.len() == len { Ok(()) } else { Err(Torn) }
}

/// `market::state!` for a type with one constant parameter.
macro_rules! sized_state {
    ($name:ident<$n:ident> { $($field:ident),* $(,)? }) => {
        impl<const $n: usize> market::State for $name<$n> {
            fn save(&self, out: &mut Vec<u8>) {
                $(market::State::save(&self.$field, out);)*
            }
            fn load(&mut self, from: &mut market::Reader<'_>) -> Result<(), market::Torn> {
                $(market::State::load(&mut self.$field, from)?;)*
                Ok(())
            }
        }
    };
}
pub(crate) use sized_state;
