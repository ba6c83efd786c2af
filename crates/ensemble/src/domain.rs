//! What an agent has seen so far: scales its inputs, and knows when they are far from all of that.

use market::{Reader, State, Torn, math};

/// How the scale of the inputs is learned, and when an input is too far out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DomainSpec {
    /// How many samples it remembers (an exponential memory; the plain mean until then).
    pub memory: f64,
    /// Before this many samples there is no scale yet.
    pub samples_min: u64,
    /// Out of domain when one input is further out than this many standard deviations ...
    pub deviation_max: f64,
    /// ... or when the mean square of all inputs' standardised values is above this.
    pub mean_square_max: f64,
}

/// Where the deviations of an input are measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centre {
    /// From zero: a directional input, whose mirror image is as likely.
    Zero,
    /// From its running mean: an input with a level.
    Mean,
}

/// The running scale of `N` inputs.
#[derive(Debug, Clone)]
pub struct Domain<const N: usize> {
    spec: DomainSpec,
    centre: Centre,
    seen: u64,
    mean: [f64; N],
    variance: [f64; N],
    /// 1/standard deviation; zero for an input that never moved, which then counts as zero.
    inverse: [f64; N],
}

impl<const N: usize> State for Domain<N> {
    fn save(&self, out: &mut Vec<u8>) {
        self.seen.save(out);
        self.mean.save(out);
        self.variance.save(out);
        self.inverse.save(out);
    }
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Torn> {
        self.seen.load(from)?;
        self.mean.load(from)?;
        self.variance.load(from)?;
        self.inverse.load(from)
    }
}

/// The answer on one vector of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Too few samples to know.
    Unknown,
    /// Like what was seen before.
    Inside,
    /// Far from all that was seen.
    Outside,
}

market::state_enum!(Reach { Unknown, Inside, Outside });

impl<const N: usize> Domain<N> {
    /// A domain that has seen nothing.
    pub const fn new(spec: DomainSpec, centre: Centre) -> Self {
        Self { spec, centre, seen: 0, mean: [0.0; N], variance: [0.0; N], inverse: [0.0; N] }
    }

    /// The inputs in standard deviations from their centre.
    pub fn standardise(&self, inputs: &[f64; N]) -> [f64; N] {
        std::array::from_fn(|i| (inputs[i] - self.mean[i]) * self.inverse[i])
    }

    /// Whether standardised inputs are like what was seen before. An input that never moved counts for nothing.
    pub fn reach(&self, standardised: &[f64; N]) -> Reach {
        if self.seen < self.spec.samples_min {
            return Reach::Unknown;
        }
        let (mut furthest, mut squares, mut moving) = (0.0_f64, 0.0, 0.0_f64);
        for (z, inverse) in standardised.iter().zip(&self.inverse) {
            furthest = furthest.max(z.abs());
            squares += z * z;
            moving += f64::from(u8::from(*inverse > 0.0));
        }
        let inside = furthest <= self.spec.deviation_max && squares <= self.spec.mean_square_max * moving.max(1.0);
        if inside { Reach::Inside } else { Reach::Outside }
    }

    /// Learns the scale from one sample. Once the scale is known an input counts at most as far out as the domain
    /// reaches, so that one wild sample does not widen it for long. Anything not finite is left out.
    pub fn learn(&mut self, inputs: &[f64; N]) {
        if inputs.iter().any(|x| !x.is_finite()) {
            return;
        }
        let is_known = self.seen >= self.spec.samples_min;
        self.seen += 1;
        let rate = (1.0 / self.seen as f64).max(1.0 / self.spec.memory.max(1.0));
        for (i, input) in inputs.iter().enumerate() {
            let mut deviation = input - self.mean[i];
            if is_known && self.inverse[i] > 0.0 {
                let reach = self.spec.deviation_max / self.inverse[i];
                deviation = deviation.clamp(-reach, reach);
            }
            match self.centre {
                Centre::Zero => self.variance[i] += rate * (deviation * deviation - self.variance[i]),
                Centre::Mean => {
                    self.mean[i] += rate * deviation;
                    self.variance[i] = (1.0 - rate) * (self.variance[i] + rate * deviation * deviation);
                }
            }
            self.inverse[i] = if self.variance[i] > 1e-24 { 1.0 / math::sqrt(self.variance[i]) } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: DomainSpec = DomainSpec { memory: 1_000.0, samples_min: 4, deviation_max: 4.0, mean_square_max: 9.0 };

    /// Samples of one input, then what the domain says of a probe.
    fn check(centre: Centre, samples: &str, probe: f64, expected: &str) {
        let mut domain = Domain::<2>::new(SPEC, centre);
        for x in samples.split_whitespace() {
            domain.learn(&[x.parse().unwrap(), 0.0]);
        }
        let z = domain.standardise(&[probe, 0.0]);
        assert_eq!(format!("{:.3} {:?}", z[0], domain.reach(&z)), expected, "{samples}");
    }

    #[test]
    fn near_and_far() {
        check(Centre::Mean, "1 3 1", 3.0, "1.414 Unknown");
        check(Centre::Mean, "1 3 1 3", 3.0, "1.000 Inside");
        check(Centre::Mean, "1 3 1 3", 5.0, "3.000 Inside");
        check(Centre::Mean, "1 3 1 3", 5.1, "3.100 Outside");
        check(Centre::Zero, "-2 2 2 -2", 4.0, "2.000 Inside");
        check(Centre::Zero, "-2 2 2 -2", -9.0, "-4.500 Outside");
        check(Centre::Zero, "0 0 0 0", 7.0, "0.000 Inside");
        check(Centre::Zero, "1 NaN inf 1 1 1", 1.0, "1.000 Inside");
    }

    #[test]
    fn a_wild_sample_widens_the_domain_only_by_its_reach() {
        let mut domain = Domain::<1>::new(SPEC, Centre::Zero);
        for i in 0..100 {
            domain.learn(&[if i % 2 == 0 { 1.0 } else { -1.0 }]);
        }
        domain.learn(&[1e12]);
        assert!((domain.standardise(&[1.0])[0] - 1.0 / math::sqrt(1.0 + 15.0 / 101.0)).abs() < 1e-12);
    }
}
