//! Foreign models answer here what their own libraries answered. `data/make.py` made the files.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test may")]

#[path = "common/foreign.rs"]
mod foreign;

use foreign::{data, differences, imported};
use models::forest::Summing;
use proptest::prelude::*;
use registry::formats::onnx::net;
use registry::formats::{Format, FormatFault, forest};
use std::path::PathBuf;

const EXPLAINED: usize = 40;

fn path(name: &str) -> PathBuf {
    data().join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

#[test]
fn oracle_27_lightgbm_answers_the_same() {
    for (name, count, explained) in [
        ("binary.txt", 10_000, EXPLAINED),
        ("dart.txt", 1000, EXPLAINED),
        ("plain.txt", 1000, EXPLAINED),
        ("forest.txt", 1000, 0),
    ] {
        let (score, part, whole) = differences(&data(), name, count, explained);
        println!("{name}: raw {score:e}, contributions {part:e}, additivity {whole:e}");
        assert!(score <= 1e-9 && part <= 1e-6 && whole <= 1e-9, "{name}: {score:e} {part:e} {whole:e}");
    }
}

#[test]
fn oracle_27_xgboost_answers_the_same() {
    for (name, count) in [("logistic.json", 2000), ("squares.json", 1000)] {
        let (score, part, whole) = differences(&data(), name, count, EXPLAINED);
        println!("{name}: raw {score:e}, contributions {part:e}, additivity {whole:e}");
        // The sum of 32-bit floats is a little away from that of the contributions.
        assert!(score <= 1e-9 && part <= 1e-6 && whole <= 1e-6, "{name}: {score:e} {part:e} {whole:e}");
    }
}

#[test]
fn what_stands_beside_the_trees_is_read_too() {
    let binary = imported(&data(), "binary.txt");
    assert_eq!((binary.format, binary.names.len(), binary.names[7].as_str()), (Format::LightGbm, 8, "Column_7"));
    let row = [0.5; 8];
    assert!((binary.forest.log_odds(&row).unwrap() - 0.8 * binary.forest.raw(&row)).abs() < 1e-15);
    assert_eq!(imported(&data(), "dart.txt").forest.log_odds(&row), None);
    let logistic = imported(&data(), "logistic.json");
    assert_eq!((logistic.format, logistic.names.len()), (Format::Xgboost, 0));
    assert_eq!(logistic.forest.summing(), Summing::Single);
    assert!(
        logistic.forest.log_odds(&row).is_some() && imported(&data(), "squares.json").forest.log_odds(&row).is_none()
    );
}

/// The refusal of a file in which `from` was replaced by `to` once.
fn refusal(name: &str, from: &str, to: &str) -> (String, FormatFault) {
    let before = text(name);
    let after = before.replacen(from, to, 1);
    assert_ne!(before, after, "{from} stands in {name}");
    let Err(error) = forest(after.as_bytes()) else { panic!("{name} with {to} is read") };
    println!("{error}");
    (error.to_string(), error.fault)
}

#[test]
fn lightgbm_files_are_refused_with_their_line() {
    let cases = [
        ("version=v4", "version=v2", "line 2, version: version 'v2' is not supported"),
        ("num_class=1", "num_class=3", "line 3, num_class: a model with several outputs"),
        ("objective=binary sigmoid:0.8", "objective=poisson", "line 7, objective: the objective 'poisson'"),
        (
            "objective=binary sigmoid:0.8",
            "objective=regression sqrt",
            "line 7, objective: the objective 'regression sqrt'",
        ),
        ("objective=binary sigmoid:0.8\n", "", "line 1: objective is missing"),
        ("sigmoid:0.8", "sigmoid:x", "line 7, objective: 'x' is not a number"),
        ("sigmoid:0.8", "sigmoid:-1", "the slope -1"),
        ("max_feature_idx=7", "max_feature_idx=4096", "line 6, max_feature_idx: a row of more than 4096"),
        ("max_feature_idx=7", "max_feature_idx=8", "feature_names: 8 values where 9 are due"),
        ("Tree=1\n", "Tree=2\n", "Tree: the file contradicts its format"),
        ("end of trees", "", "it ends before the line 'end of trees'"),
        ("is_linear=0", "is_linear=1", "is_linear: a linear tree is not supported"),
        ("num_leaves=15", "num_leaves=16", "leaf_value: 15 values where 16 are due"),
        ("num_leaves=15", "num_leaves=99999999", "num_leaves: a tree of 99999999 leaves"),
        ("num_leaves=15", "num_leaves=0", "num_leaves: a tree of 0 leaves"),
        ("split_feature=", "split_feature=x ", "split_feature: 15 values where 14 are due"),
        ("left_child=1 ", "left_child=0 ", "a second way leads here"),
        ("left_child=1 ", "left_child=99 ", "does not exist"),
        ("leaf_value=", "leaf_count=1\nleaf_value=", "this field stands there twice"),
        ("cat_boundaries=0 ", "cat_boundaries=9 ", "cat_boundaries: the file contradicts"),
        ("leaf_value=-", "leaf_value=1e999-", "is not a number"),
        ("leaf_value=", "leaf_value=inf;", "is not a number"),
    ];
    for (from, to, expected) in cases {
        let (said, _) = refusal("binary.txt", from, to);
        assert!(said.contains(expected), "'{said}' does not say '{expected}'");
    }
    let cut = text("binary.txt").replacen("Tree=19", "end of trees\nTree=19", 1);
    assert_eq!(forest(cut.as_bytes()).unwrap_err().fault, FormatFault::Length { given: 20, due: 19 });
    let mut bytes = text("binary.txt").into_bytes();
    bytes[30] = 0xff;
    assert!(matches!(forest(&bytes).unwrap_err().fault, FormatFault::Corrupt(_)));
}

#[test]
fn xgboost_files_are_refused_with_their_field() {
    let cases = [
        ("\"gbtree\"", "\"dart\"", "gradient_booster.name: the booster 'dart' is not supported"),
        ("\"gbtree\"", "\"gblinear\"", "the booster 'gblinear'"),
        ("\"binary:logistic\"", "\"multi:softprob\"", "objective.name: the objective 'multi:softprob'"),
        ("\"num_class\":\"0\"", "\"num_class\":\"3\"", "a model with several outputs"),
        ("\"num_target\":\"1\"", "\"num_target\":\"2\"", "a model with several outputs"),
        ("\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"2\"", "a model with several outputs"),
        ("\"tree_info\":[0", "\"tree_info\":[1", "a model with several outputs"),
        ("[4.8875E-1]", "[4.8875E-1,1E-1]", "base_score: '4.8875E-1,1E-1' is not a number"),
        ("[4.8875E-1]", "1.5", "base_score: '1.5' is not a probability"),
        ("\"split_type\":[0", "\"split_type\":[1", "trees[0].split_type: a split on a set of categories"),
        ("\"left_children\":[1", "\"left_children\":[1,1", "trees[0].right_children: "),
        ("\"left_children\":[1", "\"left_children\":[0", "two ways lead to node 0"),
        ("\"left_children\":[1", "\"left_children\":[-7", "there is no node"),
        ("\"right_children\":[2", "\"right_children\":[2000000000", "there is no node 2000000000"),
        ("\"8\",\"num_target\"", "\"1\",\"num_target\"", "of rows with 1 features"),
        ("\"8\",\"num_target\"", "\"-1\",\"num_target\"", "'-1' is not a number"),
        ("\"feature_names\":[]", "\"feature_names\":[\"a\"]", "learner.feature_names: 1 values where 8 are due"),
        ("\"learner\"", "\"lerner\"", "missing field `learner`"),
    ];
    for (from, to, expected) in cases {
        let (said, _) = refusal("logistic.json", from, to);
        assert!(said.contains(expected), "'{said}' does not say '{expected}'");
    }
    let nested = format!("{{\"learner\":{}", "[".repeat(100_000));
    assert!(matches!(forest(nested.as_bytes()).unwrap_err().fault, FormatFault::Corrupt(_)));
    let ignored = format!("{{\"other\":{}", "[".repeat(100_000));
    assert!(matches!(forest(ignored.as_bytes()).unwrap_err().fault, FormatFault::Corrupt(_)));
}

#[test]
fn a_pickle_is_never_opened() {
    let error = forest(b"\x80\x04\x95\x00\x00").unwrap_err();
    assert!(matches!(error.fault, FormatFault::Pickle(_)));
    assert!(error.to_string().contains("runs whatever program is in it"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn damaged_files_are_read_or_refused(
        json in any::<bool>(), at in 0_usize..1_000_000, bytes in prop::collection::vec(any::<u8>(), 1..4), cut in any::<bool>(),
    ) {
        let mut file = std::fs::read(path(if json { "squares.json" } else { "dart.txt" })).unwrap();
        let at = at % file.len();
        if cut {
            file.truncate(at);
        } else {
            file.splice(at..(at + 1).min(file.len()), bytes);
        }
        if let Ok(imported) = forest(&file) {
            prop_assert!(imported.forest.raw(&[0.5; 8]).is_finite());
        }
    }
}

#[test]
fn a_net_answers_the_same_and_every_cut_of_its_file_is_refused() {
    let whole = std::fs::read(path("net.onnx")).unwrap();
    let imported = net(&whole).unwrap();
    let asked = models::Net::new(imported.spec).unwrap();
    let (mut noise, mut state, mut answer) = (foreign::Lcg(12345), asked.rest(), [0.0]);
    for expected in foreign::numbers(&path("net.f64")) {
        let row: [f64; 8] = std::array::from_fn(|_| f64::from(noise.normal() as f32));
        asked.step(&mut state, &row, &mut answer).unwrap();
        assert!((answer[0] - expected).abs() <= 1e-6);
    }
    assert!(net(b"tree\n").is_err() && forest(&whole).is_err());
    for cut in 0..whole.len() {
        assert!(net(&whole[..cut]).is_err(), "{cut}");
    }
    let at = whole.windows(4).position(|part| part == b"Tanh").unwrap();
    let mut other = whole.clone();
    other[at..at + 4].copy_from_slice(b"Loop");
    let said = net(&other).unwrap_err().to_string();
    assert!(said.contains("node 1 '': Loop is not supported: supported are GRU"), "{said}");
}

/// A file of empty nodes, tensors or axes costs no more than its bytes before it is refused.
#[test]
fn bombs_of_a_net_are_refused() {
    let message = |tag: u8, content: &[u8]| {
        let mut bytes = vec![tag << 3 | 2];
        let mut length = content.len();
        while length > 127 {
            bytes.push(length as u8 | 128);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(content);
        bytes
    };
    let head = [8, 9, 66, 4, 10, 0, 16, 17];
    let file = |graph: &[u8]| [&head[..], &message(7, graph)].concat();
    for part in [&[10, 0][..], &[42, 0], &[90, 0], &[98, 0]] {
        let said = net(&file(&part.repeat(4_000_000))).unwrap_err().to_string();
        assert!(said.contains("a list of more than 256"), "{said}");
    }
    let axes = message(5, &message(1, &vec![1; 1_000_000]));
    assert!(net(&file(&axes)).unwrap_err().to_string().contains("a list of more than 8"));
    let names = message(1, &message(1, &[b'a'; 1_000]));
    assert!(matches!(net(&file(&names)).unwrap_err().fault, FormatFault::LongName(1_000)));
    let many = message(5, &[37, 0, 0, 0, 0].repeat(1_000_000));
    assert!(net(&file(&many)).unwrap_err().to_string().contains("a list of more than 65536"));
    // A graph in a graph in a graph is not entered.
    let nested = (0..20_000).fold(Vec::new(), |inner, _| message(6, &inner));
    let node = message(1, &[&[18, 1, b'y'][..], &message(5, &nested)].concat());
    assert!(net(&file(&node)).is_err());
    assert!(net(&[&head[..], &[0x0b; 100]].concat()).is_err() && net(&head).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_nets_are_read_or_refused(at in any::<usize>(), bytes in prop::collection::vec(any::<u8>(), 1..4)) {
        let mut file = std::fs::read(path("net.onnx")).unwrap();
        let at = at % file.len();
        file.splice(at..(at + 1).min(file.len()), bytes);
        if let Ok(imported) = net(&file) {
            prop_assert!(models::Net::new(imported.spec).is_ok());
        }
    }
}
