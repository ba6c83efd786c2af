//! What the tests of this crate share.

use market::{Reader, State};
use proptest::prelude::*;

/// The LCG of `signals.md` part 7: the same noise in every language.
pub(crate) struct Lcg(u64);

impl Lcg {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal-ish: the sum of twelve uniforms less six.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

#[test]
fn lcg_12_of_seed_12345() {
    let mut noise = Lcg::new(12345);
    for expected in [1.144_191_04, -1.539_728_37, 0.010_332_92, -1.708_580_59, -0.118_849_90] {
        close(noise.normal(), expected, 1e-8);
    }
}

#[track_caller]
pub(crate) fn close(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected}");
}

pub(crate) fn bytes(model: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    model.save(&mut bytes);
    bytes
}

/// Saves at several points, loads into a fresh model of the same spec; both must go on with the same bits.
#[track_caller]
pub(crate) fn check_restore<M: State, R>(new: impl Fn() -> M, mut step: impl FnMut(&mut M, usize) -> R) {
    for cut in [0, 1, 7, 40, 133] {
        let mut model = new();
        for i in 0..cut {
            step(&mut model, i);
        }
        let saved = bytes(&model);
        let mut twin = new();
        let mut reader = Reader::new(&saved);
        twin.load(&mut reader).unwrap();
        assert!(reader.rest().is_empty(), "the load reads what the save wrote");
        for i in cut..cut + 60 {
            step(&mut model, i);
            step(&mut twin, i);
            assert!(bytes(&model) == bytes(&twin), "cut at {cut}, step {i}");
        }
        if !saved.is_empty() {
            assert!(new().load(&mut Reader::new(&saved[..saved.len() - 1])).is_err(), "a cut snapshot is torn");
        }
    }
}

/// Any number at all: ordinary, huge, tiny, NaN and infinite.
pub(crate) fn anything() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0_f64,
        1 => proptest::num::f64::ANY,
        1 => prop_oneof![Just(f64::MAX), Just(f64::MIN), Just(f64::MIN_POSITIVE), Just(0.0), Just(-0.0), Just(f64::NAN)],
    ]
}
