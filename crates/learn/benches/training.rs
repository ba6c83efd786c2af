//! Boosted trees on 3,000,000 rows of 48 features, here and by `LightGBM` in the same run: seconds, memory, and what the
//! forest is worth on rows that neither saw. Each runs in a process of its own, so that memory is its own.
//!
//!     cargo bench -p learn --bench training             (ROWS=300000 for a quick look)
//!
//! `LightGBM` is asked when `cargo xtask originals` has made its environment; `SCALPEL_ORIGINALS` names another place.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing to say")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use learn::dataset::read::Columns;
use learn::fault::Fault;
use learn::progress::Quiet;
use learn::train::bins::Binned;
use learn::train::boost::{BoostSpec, Labels, boost};
use market::math::{sigmoid, sin};

const WIDTH: usize = 48;
const TREES: usize = 100;

/// Rows that can be made in any order: a cell is a hash of its place.
struct Made(usize);

fn hash(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn uniform(seed: u64) -> f64 {
    (hash(seed) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Nearly normal, one in fifty missing.
fn cell(row: usize, column: usize) -> f32 {
    let seed = ((row * WIDTH + column) * 8) as u64;
    let sum: f64 = (0..4).map(|nth| uniform(seed + nth)).sum();
    if hash(seed + 7).is_multiple_of(50) { f32::NAN } else { ((sum - 2.0) * 1.732) as f32 }
}

fn label(row: usize) -> bool {
    let known = |column| {
        let x = f64::from(cell(row, column));
        if x.is_nan() { 0.0 } else { x }
    };
    let odds = 0.5 * sin(known(0) * 2.0) * known(1) + 0.3 * known(2).max(0.0) - 0.3 * known(3).abs()
        + if known(4) > 1.0 { 0.25 * known(5) } else { 0.0 }
        + (6..20).map(|column| known(column) / 40.0).sum::<f64>();
    uniform((row as u64) ^ 0xabcd_ef01_2345) < sigmoid(odds)
}

impl Columns for Made {
    fn rows(&self) -> usize {
        self.0
    }
    fn column(&self, name: &str) -> Result<Vec<f64>, Fault> {
        let column: usize = name.parse().map_err(|_| Fault::Asked("column", name.to_owned()))?;
        Ok((0..self.0).map(|row| f64::from(cell(row, column))).collect())
    }
}

/// The share of pairs that are in the right order.
fn auc(scores: &[f64], came: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let ranks: u64 = order.iter().enumerate().filter(|(_, row)| came[**row]).map(|(rank, _)| rank as u64 + 1).sum();
    let wins = came.iter().filter(|came| **came).count() as u64;
    let pairs = wins * (came.len() as u64 - wins);
    (ranks - wins * (wins + 1) / 2) as f64 / pairs as f64
}

fn ours(rows: usize, threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let made = Made(rows);
        let came: Vec<bool> = (0..rows).map(label).collect();
        let weight = vec![1.0; rows];
        let names: Vec<String> = (0..WIDTH).map(|column| column.to_string()).collect();
        let train: Vec<u32> = (0..(rows * 3 / 4) as u32).collect();
        let begin = Instant::now();
        let binned = Binned::of(&made, &names, &train, 254).expect("bins");
        let cut = begin.elapsed().as_secs_f64();
        let spec = BoostSpec {
            trees_max: TREES,
            depth_max: 64,
            leaf_rows_min: 100,
            leaf_hessian_min: 1e-3,
            l2: 1.0,
            feature_share: 1.0,
            row_share: 1.0,
            patience: 0,
            ..BoostSpec::careful(1)
        };
        let begin = Instant::now();
        let labels = Labels { came: &came, weight: &weight };
        let forest = boost(&binned, labels, (&train, &[]), &spec, ("", &Quiet)).expect("trees").forest;
        let boosted = begin.elapsed().as_secs_f64();
        let row = |row: usize| -> Vec<f64> { (0..WIDTH).map(|column| f64::from(cell(row, column))).collect() };
        let test = rows * 3 / 4..rows;
        let scores: Vec<f64> = test.clone().map(|place| forest.raw_score(&row(place))).collect();
        tell(threads, [cut, boosted, peak(), auc(&scores, &came[test])]);
    });
}

/// One line for each figure, as a table wants them.
fn tell(threads: usize, [cut, boosted, peak, worth]: [f64; 4]) {
    let who = format!("scalpel, {threads} threads");
    println!("{who}: cutting into bins\t{cut:.1}\ts\tmaking the columns included");
    println!("{who}: {TREES} trees of 31 leaves\t{boosted:.1}\ts\tAUC {worth:.4} on the last quarter");
    println!("{who}: peak memory\t{peak:.0}\tMB\tcolumns are made one by one");
}

/// The most memory that this process held, in MB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

fn write(rows: usize, folder: &Path) -> std::io::Result<()> {
    let mut cells = BufWriter::new(std::fs::File::create(folder.join("x.f32"))?);
    let mut labels = BufWriter::new(std::fs::File::create(folder.join("y.f32"))?);
    for row in 0..rows {
        for column in 0..WIDTH {
            cells.write_all(&cell(row, column).to_le_bytes())?;
        }
        labels.write_all(&f32::from(u8::from(label(row))).to_le_bytes())?;
    }
    cells.flush()?;
    labels.flush()
}

fn theirs(rows: usize) {
    let usual = || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("originals");
    let place = std::env::var_os("SCALPEL_ORIGINALS").map_or_else(usual, PathBuf::from);
    let python = place.join("bin/python");
    if !python.exists() {
        eprintln!("LightGBM is not asked: {} is not there; `cargo xtask originals` makes it", python.display());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    write(rows, folder.path()).expect("rows on disk");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/lightgbm_training.py");
    for threads in [1, 2] {
        let mut asked = Command::new(&python);
        asked.arg(&script).arg(folder.path()).args([threads.to_string(), TREES.to_string()]);
        let status = asked.status().expect("LightGBM runs");
        assert!(status.success(), "LightGBM: {status}");
    }
}

fn main() {
    let rows = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(3_000_000);
    let threads = std::env::args().skip_while(|word| word != "--ours").nth(1).and_then(|word| word.parse().ok());
    if let Some(threads) = threads {
        return ours(rows, threads);
    }
    for threads in ["1", "2"] {
        let own = std::env::current_exe().expect("this program");
        let status = Command::new(own).args(["--ours", threads]).status().expect("this program runs");
        assert!(status.success(), "{status}");
    }
    theirs(rows);
}
