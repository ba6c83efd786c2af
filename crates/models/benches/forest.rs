//! What a forest of 100 trees with 31 leaves each costs on a row of 32 features: in lockstep, walked tree by tree as it
//! is described, and explained. And what a step of a recurrent net costs. Percentiles are those of single calls, less
//! the median of an empty one.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing to say")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use criterion::{Criterion, criterion_group, criterion_main};
use models::forest::{Child, Forest, Leaf, Missing, Split, Test, Tree};
use models::net::{Activation, GruSpec, LayerSpec, Net, NetSpec};
use std::hint::black_box;
use std::time::Instant;

const FEATURES: usize = 32;
const ROWS: usize = 4096;

struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// Splits a leaf at random until there are enough.
fn grow(noise: &mut Noise, leaves: usize) -> Tree {
    let mut tree = Tree { splits: Vec::new(), leaves: vec![Leaf { value: noise.uniform() - 0.5, cover: 1024.0 }] };
    while tree.leaves.len() < leaves {
        let (old, new, place) = (noise.below(tree.leaves.len()), tree.leaves.len() as u32, tree.splits.len() as u32);
        for split in &mut tree.splits {
            for child in [&mut split.left, &mut split.right] {
                if *child == Child::Leaf(old as u32) {
                    *child = Child::Split(place);
                }
            }
        }
        let cover = tree.leaves[old].cover;
        let test = Test::AtMost { threshold: noise.uniform(), missing: Missing::Nan, default_left: place % 2 == 0 };
        let (left, right) = (Child::Leaf(old as u32), Child::Leaf(new));
        tree.splits.push(Split { feature: noise.below(FEATURES) as u32, test, left, right, cover });
        tree.leaves[old].cover = cover / 2.0;
        tree.leaves.push(Leaf { value: noise.uniform() - 0.5, cover: cover / 2.0 });
    }
    tree
}

/// Flat nodes without views: threshold or leaf value, feature, children, whether NaN goes left.
#[derive(Clone, Copy)]
struct Flat(f64, u32, [i32; 2], bool);

fn flatten(tree: &Tree) -> (Vec<Flat>, Vec<f64>) {
    let place = |child| match child {
        Child::Split(split) => split as i32,
        Child::Leaf(leaf) => !(leaf as i32),
    };
    let flat = |split: &Split| match split.test {
        Test::AtMost { threshold, default_left, .. } => {
            Flat(threshold, split.feature, [place(split.left), place(split.right)], default_left)
        }
        Test::In { .. } => unreachable!("the bench grows no sets"),
    };
    (tree.splits.iter().map(flat).collect(), tree.leaves.iter().map(|leaf| leaf.value).collect())
}

fn walk((nodes, leaves): &(Vec<Flat>, Vec<f64>), row: &[f64]) -> f64 {
    let mut at = 0_i32;
    while at >= 0 {
        let Flat(threshold, feature, children, default_left) = nodes[at as usize];
        let x = row[feature as usize];
        let left = if x.is_nan() { default_left } else { x <= threshold };
        at = children[usize::from(!left)];
    }
    leaves[!at as usize]
}

/// Prints the median and the 99th percentile of single calls, the best of several rounds: the box is shared.
fn percentiles(name: &str, mut call: impl FnMut() -> f64) {
    let round = |call: &mut dyn FnMut() -> f64| {
        let mut nanos: Vec<u128> = Vec::with_capacity(20_000);
        for _ in 0..20_000 {
            let start = Instant::now();
            black_box(call());
            nanos.push(start.elapsed().as_nanos());
        }
        nanos.sort_unstable();
        [nanos[10_000], nanos[19_800]]
    };
    let [empty, _] = round(&mut || 0.0);
    let best = (0..15).map(|_| round(&mut call)).min().expect("rounds");
    let [median, high] = best.map(|nanos| nanos.saturating_sub(empty));
    eprintln!("{name}: p50 {median} ns, p99 {high} ns");
}

fn net(inputs: usize, hidden: usize) -> Net {
    let mut noise = Noise(11);
    let mut list = |len: usize| (0..len).map(|_| noise.uniform() - 0.5).collect::<Vec<f64>>();
    let cell = GruSpec {
        inputs,
        hidden,
        linear_before_reset: true,
        input_weights: list(3 * hidden * inputs),
        recurrent_weights: list(3 * hidden * hidden),
        input_bias: list(3 * hidden),
        recurrent_bias: list(3 * hidden),
    };
    let head = LayerSpec { outputs: 2, weights: list(2 * hidden), bias: list(2), activation: Activation::None };
    Net::new(NetSpec { inputs, cell: Some(cell), layers: vec![head] }).expect("a sound net")
}

fn bench_nets(c: &mut Criterion) {
    for (inputs, hidden) in [(16, 32), (48, 64)] {
        let (net, mut noise) = (net(inputs, hidden), Noise(5));
        let (mut state, mut out) = (net.rest(), [0.0; 2]);
        let rows: Vec<Vec<f64>> = (0..64).map(|_| (0..inputs).map(|_| noise.uniform() - 0.5).collect()).collect();
        let mut each = rows.iter().cycle();
        let mut step = || {
            net.step(&mut state, each.next().expect("rows without end"), &mut out).expect("finite inputs");
            out[0]
        };
        percentiles(&format!("gru/{inputs} to {hidden}"), &mut step);
        c.bench_function(&format!("gru/{inputs} to {hidden}"), |b| b.iter(&mut step));
    }
}

fn bench(c: &mut Criterion) {
    let mut noise = Noise(7);
    let trees: Vec<Tree> = (0..100).map(|_| grow(&mut noise, 31)).collect();
    let naive: Vec<_> = trees.iter().map(flatten).collect();
    let mut builder = Forest::builder(FEATURES);
    for tree in trees {
        builder.tree(tree).expect("a sound tree");
    }
    let forest = builder.build().expect("a sound forest");
    let rows: Vec<[f64; FEATURES]> = (0..ROWS).map(|_| std::array::from_fn(|_| noise.uniform())).collect();
    let mut each = rows.iter().cycle();
    let mut next = || black_box(each.next().expect("rows without end"));
    percentiles("forest/lockstep", || forest.raw(next()));
    c.bench_function("forest/lockstep", |b| b.iter(|| forest.raw(next())));
    c.bench_function("forest/naive walk", |b| {
        b.iter(|| {
            let row = next();
            naive.iter().map(|tree| walk(tree, row)).sum::<f64>()
        });
    });
    let mut contributions = [0.0; FEATURES];
    c.bench_function("forest/contributions", |b| b.iter(|| forest.contributions(next(), &mut contributions)));
}

criterion_group!(benches, bench, bench_nets);
criterion_main!(benches);
