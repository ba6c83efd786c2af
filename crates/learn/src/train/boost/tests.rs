use super::*;
use crate::dataset::read::Columns;
use crate::progress::Quiet;
use crate::train::metrics::auc;
use crate::train::trees::Tree;
use proptest::prelude::*;

/// Columns in memory, named by their places.
struct Made(Vec<Vec<f64>>);

impl Columns for Made {
    fn rows(&self) -> usize {
        self.0[0].len()
    }
    fn column(&self, name: &str) -> Result<Vec<f64>, Fault> {
        Ok(self.0[name.parse::<usize>().unwrap()].clone())
    }
}

impl Made {
    fn names(&self) -> Vec<String> {
        (0..self.0.len()).map(|place| place.to_string()).collect()
    }
    fn row(&self, row: usize) -> Vec<f64> {
        self.0.iter().map(|column| column[row]).collect()
    }
}

/// Five columns, some values missing; the label follows the first three.
fn made(count: usize, seed: u64) -> (Made, Vec<bool>, Vec<f64>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut columns = vec![Vec::new(); 5];
    let (mut came, mut weight) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let x: [f64; 5] = std::array::from_fn(|_| random.random::<f64>() * 4.0 - 2.0);
        let missing = random.random::<f64>() < 0.1;
        let odds = x[0] * x[1] + x[2].abs() - 1.0 + if missing { 1.0 } else { 0.0 };
        came.push(random.random::<f64>() < sigmoid(odds));
        weight.push(random.random::<f64>());
        for (place, column) in columns.iter_mut().enumerate() {
            // Tenths, so that many values are equal.
            let value = (x[place] * 10.0).round() / 10.0;
            column.push(if place == 2 && missing { f64::NAN } else { value });
        }
    }
    (Made(columns), came, weight)
}

fn spec() -> BoostSpec {
    BoostSpec { trees_max: 30, learning_rate: 0.2, leaf_rows_min: 10, leaf_hessian_min: 0.1, ..BoostSpec::careful(5) }
}

#[test]
fn it_learns_and_threads_do_not_matter() {
    let (made, came, weight) = made(4_000, 1);
    let (train, held): (Vec<u32>, Vec<u32>) = ((0..3_000).collect(), (3_000..4_000).collect());
    let labels = Labels { came: &came, weight: &weight };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let binned = Binned::of(&made, &made.names(), &train, 64).unwrap();
            boost(&binned, labels, (&train, &held), &spec(), ("trees", &Quiet)).unwrap()
        })
    };
    let model = on(1);
    assert_eq!(serde_json::to_string(&model.forest).unwrap(), serde_json::to_string(&on(2).forest).unwrap());
    assert_eq!(model, on(5));
    let scores: Vec<f64> = held.iter().map(|row| model.forest.raw_score(&made.row(*row as usize))).collect();
    let area = auc(&scores, &came[3_000..], &weight[3_000..]).unwrap();
    assert!(area > 0.75, "{area}");
    assert!(model.held_out[model.forest.trees.len()] < model.held_out[0] - 0.05);
    let gains = model.forest.importance();
    assert!(gains[0].min(gains[1]).min(gains[2]) > 1.5 * gains[3].max(gains[4]), "{gains:?}");
    // What was written and read again is the same to the last bit.
    let again: Forest = serde_json::from_str(&serde_json::to_string(&model.forest).unwrap()).unwrap();
    assert_eq!(again, model.forest);
}

/// Oracle 8: a feature that knows the future.
#[test]
fn a_leaked_future_gives_itself_away() {
    let (mut made, came, weight) = made(2_000, 2);
    made.0[3] = came.iter().map(|came| f64::from(u8::from(*came)) + 0.25).collect();
    let (train, held): (Vec<u32>, Vec<u32>) = ((0..1_500).collect(), (1_500..2_000).collect());
    let binned = Binned::of(&made, &made.names(), &train, 64).unwrap();
    let labels = Labels { came: &came, weight: &weight };
    let model = boost(&binned, labels, (&train, &held), &spec(), ("trees", &Quiet)).unwrap();
    let scores: Vec<f64> = held.iter().map(|row| model.forest.raw_score(&made.row(*row as usize))).collect();
    assert!(auc(&scores, &came[1_500..], &weight[1_500..]).unwrap() > 0.95);
}

#[test]
fn nothing_to_learn_stops_early_and_says_little() {
    let (made, _, weight) = made(3_000, 3);
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let came: Vec<bool> = (0..3_000).map(|_| random.random::<f64>() < 0.3).collect();
    let (train, held): (Vec<u32>, Vec<u32>) = ((0..2_000).collect(), (2_000..3_000).collect());
    let binned = Binned::of(&made, &made.names(), &train, 64).unwrap();
    let spec = BoostSpec { patience: 5, trees_max: 200, ..spec() };
    let labels = Labels { came: &came, weight: &weight };
    let model = boost(&binned, labels, (&train, &held), &spec, ("trees", &Quiet)).unwrap();
    assert!(model.held_out.len() < 40, "{}", model.held_out.len());
    assert!(model.held_out[model.forest.trees.len()] > model.held_out[0] - 0.01, "{:?}", model.held_out);
    assert!((sigmoid(model.forest.base) - 0.3).abs() < 0.05);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (made, came, weight) = made(100, 4);
    let binned = Binned::of(&made, &made.names(), &[], 16).unwrap();
    let rows: Vec<u32> = (0..100).collect();
    let labels = Labels { came: &came, weight: &weight };
    let refused = |train: &[u32], held: &[u32], labels, spec| {
        boost(&binned, labels, (train, held), &spec, ("trees", &Quiet)).unwrap_err().to_string()
    };
    assert!(refused(&rows, &[7], labels, spec()).contains("twice"));
    assert!(refused(&[5, 100], &[], labels, spec()).contains("does not exist"));
    assert!(refused(&rows[..9], &[], labels, spec()).contains("too few"));
    assert!(refused(&rows, &[], labels, BoostSpec { learning_rate: f64::NAN, ..spec() }).starts_with("learning_rate"));
    let same = vec![true; 100];
    assert!(refused(&rows, &[], Labels { came: &same, weight: &weight }, spec()).contains("rarer"));
    let wild = vec![f64::NAN; 100];
    assert!(refused(&rows, &[], Labels { came: &came, weight: &wild }, spec()).contains("weight"));
    assert!(Binned::of(&made, &[], &[], 16).is_err());
}

#[test]
fn a_wish_to_stop_is_heard() {
    struct Enough;
    impl Progress for Enough {
        fn at(&self, _: &str, done: u64, _: u64) -> bool {
            done < 3
        }
    }
    let (made, came, weight) = made(200, 4);
    let binned = Binned::of(&made, &made.names(), &[], 16).unwrap();
    let rows: Vec<u32> = (0..200).collect();
    let labels = Labels { came: &came, weight: &weight };
    assert_eq!(boost(&binned, labels, (&rows, &[]), &spec(), ("trees", &Enough)), Err(Fault::Stopped));
}

/// The slow obvious twin of the first split: every threshold of every feature, summed anew, missing either way.
fn obvious(made: &Made, came: &[bool], weight: &[f64], spec: &BoostSpec) -> f64 {
    let total: f64 = weight.iter().sum();
    let mean = came.iter().zip(weight).filter(|(came, _)| **came).map(|(_, w)| w).sum::<f64>() / total;
    let score = |rows: &[usize]| {
        let g: f64 = rows.iter().map(|row| weight[*row] * (mean - f64::from(u8::from(came[*row])))).sum();
        let h: f64 = rows.iter().map(|row| weight[*row] * mean * (1.0 - mean)).sum();
        (g * g / (h + spec.l2), h)
    };
    let all: Vec<usize> = (0..came.len()).collect();
    let mut best = 0.0_f64;
    for column in &made.0 {
        for threshold in column.iter().filter(|x| !x.is_nan()) {
            for missing_left in [false, true] {
                let left = |row: &usize| if column[*row].is_nan() { missing_left } else { column[*row] <= *threshold };
                let (left, right): (Vec<usize>, Vec<usize>) = all.iter().partition(|row| left(row));
                let ((a, ha), (b, hb)) = (score(&left), score(&right));
                let enough = left.len().min(right.len()) >= spec.leaf_rows_min as usize;
                if enough && ha.min(hb) >= spec.leaf_hessian_min {
                    best = best.max(a + b - score(&all).0);
                }
            }
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_first_split_is_the_best_there_is(seed in any::<u64>(), l2 in 0.0..20.0_f64, rows_min in 1_u32..20) {
        let (made, came, weight) = made(120, seed);
        let weight: Vec<f64> = weight.iter().map(|w| w + 0.1).collect();
        let spec = BoostSpec {
            trees_max: 1, leaves_max: 2, l2, leaf_rows_min: rows_min, leaf_hessian_min: 0.5, feature_share: 1.0, row_share: 1.0,
            ..spec()
        };
        let binned = Binned::of(&made, &made.names(), &[], 254).unwrap();
        let rows: Vec<u32> = (0..120).collect();
        let labels = Labels { came: &came, weight: &weight };
        let model = boost(&binned, labels, (&rows, &[]), &spec, ("trees", &Quiet)).unwrap();
        let gain = model.forest.trees.first().map_or(0.0, |tree| tree.gain[0]);
        let best = obvious(&made, &came, &weight, &spec);
        prop_assert!((gain - best).abs() <= 1e-3 * best.max(0.1), "{gain} {best}");
    }

    /// Training adds what serving adds: by bins or by numbers, the same leaf.
    #[test]
    fn bins_and_numbers_reach_the_same_leaf(seed in any::<u64>()) {
        let (made, came, weight) = made(300, seed);
        let binned = Binned::of(&made, &made.names(), &[], 32).unwrap();
        let rows: Vec<u32> = (0..300).collect();
        let labels = Labels { came: &came, weight: &weight };
        let model = boost(&binned, labels, (&rows[..200], &[]), &spec(), ("trees", &Quiet)).unwrap();
        for tree in &model.forest.trees {
            let mut scores = vec![0.0; 300];
            add_by_walk(&mut scores, &binned, tree, &rows);
            for (row, score) in scores.iter().enumerate() {
                prop_assert_eq!(*score, tree.value(&made.row(row)));
                prop_assert_eq!(model.forest.binned_score(&binned, row as u32), model.forest.raw_score(&made.row(row)));
            }
            let sums: f64 = tree.leaf_cover.iter().sum();
            prop_assert!((sums - tree.node_cover[0]).abs() < 1e-6);
            prop_assert_eq!(tree.leaf_rows.iter().sum::<u32>(), tree.node_rows[0]);
        }
    }
}

/// `tests/data/PROVENANCE.md` says how: our text, and what `LightGBM` says of the same rows after reading it. The text
/// also holds the trainer itself to the same bytes everywhere. `UPDATE_GOLDEN=1` writes it anew.
#[test]
fn lightgbm_reads_our_text_and_says_the_same() {
    let (made, came, weight) = made(400, 42);
    let binned = Binned::of(&made, &made.names(), &[], 32).unwrap();
    let rows: Vec<u32> = (0..400).collect();
    let labels = Labels { came: &came, weight: &weight };
    let spec = BoostSpec { trees_max: 12, ..spec() };
    let model = boost(&binned, labels, (&rows, &[]), &spec, ("trees", &Quiet)).unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let text = model.forest.to_lightgbm_text();
    let lines: String = (0..400)
        .map(|row| made.row(row).iter().map(ToString::to_string).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(folder.join("forest.txt"), &text).unwrap();
        std::fs::write(folder.join("rows.csv"), &lines).unwrap();
    }
    assert_eq!(std::fs::read_to_string(folder.join("forest.txt")).unwrap(), text);
    assert_eq!(std::fs::read_to_string(folder.join("rows.csv")).unwrap(), lines);
    let said = std::fs::read_to_string(folder.join("lightgbm.csv")).unwrap();
    let said: Vec<f64> = said.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(said.len(), 400);
    for (row, said) in said.iter().enumerate() {
        assert!((model.forest.raw_score(&made.row(row)) - said).abs() < 1e-9, "row {row}");
    }
}

#[test]
fn a_tree_without_nodes_is_its_leaf() {
    let tree = Tree { leaf_value: vec![0.5], ..Tree::default() };
    assert_eq!(tree.value(&[]), 0.5);
}
