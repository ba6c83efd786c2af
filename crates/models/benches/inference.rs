//! What one question costs: a forest of 100 trees with 31 leaves each on a row of 32 features, walked in our layout and
//! tree by tree as it is described; its explanation; a step of a recurrent net. Then the peers are asked about the same
//! models and rows, in the same run. Percentiles are those of single calls, less the median of an empty one, of the best
//! of several rounds: the box is shared. One line a figure, as a table wants them.
//!
//!     cargo bench -p models --bench inference
//!
//! `grown` the models     `export` the forms that peers read     `peers.py` the peers: `LightGBM` and ONNX Runtime
//!
//! They are asked when `cargo xtask originals` has made their environment; `SCALPEL_ORIGINALS` names another place.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing to say")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "inference/export.rs"]
#[allow(unreachable_pub, reason = "a part of this program")]
mod export;
#[path = "inference/grown.rs"]
#[allow(unreachable_pub, reason = "shared with another benchmark")]
mod grown;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use grown::Noise;
use models::forest::{Child, Forest, Split, Test, Tree};

const FEATURES: usize = 32;
/// Rows that are asked in turn, so that no branch is learned by heart.
const ROWS: usize = 4096;
/// Calls of a round, and rounds.
const CALLS: usize = 20_000;
const ROUNDS: usize = 15;

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

/// The median and the 99th percentile of a round of calls, in nanoseconds.
fn round(call: &mut dyn FnMut() -> f64) -> [u128; 2] {
    let mut nanos: Vec<u128> = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        black_box(call());
        nanos.push(start.elapsed().as_nanos());
    }
    nanos.sort_unstable();
    [nanos[CALLS / 2], nanos[CALLS / 100 * 99]]
}

/// Two lines: the median and the 99th percentile of single calls.
fn tell(name: &str, goal: &str, mut call: impl FnMut() -> f64) {
    let [empty, _] = round(&mut || 0.0);
    let best = (0..ROUNDS).map(|_| round(&mut call)).min().expect("rounds");
    for (percentile, nanos, note) in [("p50", best[0], ""), ("p99", best[1], goal)] {
        println!("{name}, {percentile}\t{:.2}\tus\t{note}", nanos.saturating_sub(empty) as f64 / 1e3);
    }
}

fn forests(folder: &Path) {
    let mut noise = Noise(7);
    let forest: Forest = grown::forest(&mut noise, FEATURES, (100, 31), 0.5);
    let naive: Vec<_> = forest.trees().iter().map(flatten).collect();
    let rows: Vec<[f64; FEATURES]> = (0..ROWS).map(|_| std::array::from_fn(|_| noise.uniform())).collect();
    let mut each = rows.iter().cycle();
    let mut next = || black_box(each.next().expect("rows without end"));
    tell("forest of 100 x 31 on 32 features, scalpel", "goal 2.2", || forest.raw(next()));
    tell("forest, naive walk of flat nodes", "tree by tree, in the same program", || {
        let row = next();
        naive.iter().map(|tree| walk(tree, row)).sum::<f64>()
    });
    let mut parts = [0.0; FEATURES];
    let begin = Instant::now();
    let explained = 100_u32;
    for _ in 0..explained {
        forest.contributions(next(), &mut parts).expect("covers are known");
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / f64::from(explained);
    println!("forest, exact contributions (TreeSHAP), mean\t{each:.0}\tus\toff the hot path");
    export::forest(folder, &forest, &rows).expect("the forest on disk");
}

fn nets(folder: &Path) {
    for (inputs, hidden) in [(16, 32), (48, 64)] {
        let (net, mut noise) = (grown::net(inputs, hidden), Noise(5));
        let (mut state, mut out) = (net.rest(), [0.0; 2]);
        let rows: Vec<Vec<f64>> = (0..64).map(|_| (0..inputs).map(|_| noise.uniform() - 0.5).collect()).collect();
        let mut each = rows.iter().cycle();
        tell(&format!("GRU step {inputs}->{hidden}, scalpel"), "64-bit floats; goal 10", || {
            net.step(&mut state, each.next().expect("rows without end"), &mut out).expect("finite inputs");
            out[0]
        });
        export::net(folder, &net, &rows).expect("the net on disk");
    }
}

fn peers(folder: &Path) {
    let usual = || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("originals");
    let place = std::env::var_os("SCALPEL_ORIGINALS").map_or_else(usual, PathBuf::from);
    let python = place.join("bin/python");
    if !python.exists() {
        eprintln!("the peers are not asked: {} is not there; `cargo xtask originals` makes it", python.display());
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/inference/peers.py");
    let status = Command::new(&python).arg(&script).arg(folder).status().expect("Python runs");
    assert!(status.success(), "the peers: {status}");
}

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inference");
    std::fs::create_dir_all(&folder).expect("a folder");
    forests(&folder);
    nets(&folder);
    peers(&folder);
}
