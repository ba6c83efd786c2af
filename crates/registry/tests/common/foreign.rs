//! Foreign models with what their own libraries answered, as `data/make.py` writes them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part; a test may fail")]

use registry::formats::{ImportedForest, forest};
use std::path::{Path, PathBuf};

const FEATURES: usize = 8;
const EDGES: usize = 16;

pub struct Lcg(pub u64);

impl Lcg {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// The models that lie here.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The 64-bit floats of a file.
pub fn numbers(path: &Path) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes(chunk.try_into().unwrap())).collect()
}

/// `value` of `make.py`.
fn value(noise: &mut Lcg, edges: &[f64]) -> f64 {
    match noise.uniform() {
        kind if kind < 0.05 => f64::NAN,
        kind if kind < 0.10 => 0.0,
        kind if kind < 0.25 => edges[(noise.uniform() * EDGES as f64) as usize],
        kind if kind < 0.26 => 1e-36,
        kind if kind < 0.30 => noise.uniform() * 60.0 - 5.0,
        _ => noise.normal(),
    }
}

/// `rows` of `make.py`.
fn rows(count: usize, edges: &[f64]) -> Vec<Vec<f64>> {
    let mut noise = Lcg(12345);
    let mut row = || {
        let mut row: Vec<f64> = edges.chunks(EDGES).take(FEATURES - 1).map(|own| value(&mut noise, own)).collect();
        let (kind, category) = (noise.uniform(), noise.uniform() * 60.0 - 5.0);
        row.push(match kind {
            kind if kind < 0.05 => f64::NAN,
            kind if kind < 0.1 => category,
            _ => category.floor(),
        });
        row
    };
    (0..count).map(|_| row()).collect()
}

pub fn imported(folder: &Path, name: &str) -> ImportedForest {
    forest(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// Asks every row; answers the largest differences of raw scores and of contributions, and of their sums from the
/// scores.
pub fn differences(folder: &Path, name: &str, count: usize, explained: usize) -> (f64, f64, f64) {
    let model = imported(folder, name).forest;
    let numbers = numbers(&folder.join(name).with_extension("f64"));
    let (edges, rest) = numbers.split_at(FEATURES * EDGES);
    let (raws, explanations) = rest.split_at(count);
    assert_eq!(explanations.len(), explained * (FEATURES + 1));
    let (mut score, mut part, mut whole) = (0.0_f64, 0.0_f64, 0.0_f64);
    let rows = rows(count, edges);
    for (row, raw) in rows.iter().zip(raws) {
        score = score.max((model.raw(row) - raw).abs());
    }
    for (row, expected) in rows.iter().zip(explanations.chunks(FEATURES + 1)) {
        let mut each = [0.0; FEATURES + 1];
        let start = model.contributions(row, &mut each[..FEATURES]).unwrap();
        each[FEATURES] = start;
        each.iter().zip(expected).for_each(|(ours, theirs)| part = part.max((ours - theirs).abs()));
        whole = whole.max((each.iter().sum::<f64>() - model.raw(row)).abs());
    }
    (score, part, whole)
}
