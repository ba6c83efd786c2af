//! Seeded draws. Each purpose has its own stream of the same seed, so that changing one model (say, latency) leaves the
//! draws of the others as they were.

use market::{Reader, State, Torn, math};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    generator: ChaCha8Rng,
}

impl Chance {
    /// The stream of a purpose.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(purpose);
        Self { generator }
    }

    /// A whole number from 0 to `bound - 1`; zero when the bound is zero. The bias is below `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.generator.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number strictly between 0 and 1.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.generator.next_u64() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// True with a probability in millionths. Draws nothing when the probability is zero.
    pub(crate) fn happens(&mut self, millionths: u32) -> bool {
        millionths > 0 && self.below(1_000_000) < u64::from(millionths)
    }

    /// A draw from the exponential distribution of mean one.
    pub(crate) fn exponential(&mut self) -> f64 {
        -math::ln(self.unit())
    }

    /// A draw from the standard normal distribution.
    pub(crate) fn normal(&mut self) -> f64 {
        math::normal_quantile(self.unit())
    }
}

impl State for Chance {
    fn save(&self, out: &mut Vec<u8>) {
        let position = self.generator.get_word_pos();
        (position as u64).save(out);
        ((position >> 64) as u64).save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        let (low, high) = (from.read::<u64>()?, from.read::<u64>()?);
        self.generator.set_word_pos((u128::from(high) << 64) | u128::from(low));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_stream_goes_on_where_the_saved_one_stood() {
        for draws in [0, 1, 7, 8, 31, 32, 33, 1_000] {
            let mut chance = Chance::new(7, 3);
            for _ in 0..draws {
                chance.unit();
            }
            let mut bytes = Vec::new();
            chance.save(&mut bytes);
            let mut twin = Chance::new(7, 3);
            twin.load(&mut Reader::new(&bytes)).unwrap();
            assert!((0..100).all(|_| chance.below(1 << 40) == twin.below(1 << 40)), "{draws}");
        }
    }

    #[test]
    fn streams_differ_and_frequencies_fit() {
        let (mut one, mut other) = (Chance::new(7, 0), Chance::new(7, 1));
        assert_ne!(one.below(1 << 60), other.below(1 << 60));
        let hits = (0..100_000).filter(|_| one.happens(10_000)).count();
        assert!((850..1_150).contains(&hits), "{hits}");
        let mean = (0..100_000).map(|_| one.exponential()).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        let mean = (0..100_000).map(|_| one.normal()).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02, "{mean}");
    }
}
