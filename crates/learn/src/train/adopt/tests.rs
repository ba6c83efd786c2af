use super::*;
use crate::dataset::read::Dataset;
use crate::progress::Quiet;
use crate::train::pipeline::judge::Report;
use crate::train::pipeline::tests::{dataset, small};
use crate::train::pipeline::train;
use crate::train::trees::Forest as Grown;

/// A training of ours without a net, and the choices that judge it again on the same rows.
fn trained(folder: &Path) -> (PathBuf, Report, AdoptSpec) {
    let data = dataset(folder);
    let asked = TrainSpec { gru: None, ..small() };
    let report = train(&data, &folder.join("own"), &asked, 2, &Quiet).unwrap();
    let ground = Ground::of(&data, &asked).unwrap();
    let from = ground.times[ground.test[0] as usize];
    let trained_until = from - ground.barrier.horizon.0 - 1;
    let features = Vec::new();
    (data, report, AdoptSpec { trained_until, test_from: None, sealed: false, features, scaling: Scaling::Raw })
}

fn row(data: &Dataset, features: &[String], row: usize) -> Vec<f64> {
    features.iter().map(|name| data.column(name).unwrap()[row]).collect()
}

#[test]
fn trees_of_ours_adopted_again_say_the_same_bit_for_bit_and_are_judged_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (data, report, spec) = trained(folder.path());
    let file = |name: &str| folder.path().join("own").join(name);
    let foreign = Foreign::Trees([file("trees_buy.txt"), file("trees_sell.txt")]);
    let (adoption, made) = adopt(&data, ("again", &foreign), &spec).unwrap();
    let grown = ["trees_buy.json", "trees_sell.json"]
        .map(|name| -> Grown { serde_json::from_slice(&std::fs::read(file(name)).unwrap()).unwrap() });
    assert_eq!(adoption.features, grown[0].features);
    assert_eq!((adoption.test, adoption.beyond), (report.test, report.beyond));
    // Without the calibration that a training folds in, they say what the trees say, bit for bit.
    let read = Dataset::open(&data).unwrap();
    for at in (0..read.rows()).step_by(read.rows() / 40) {
        let x = row(&read, &adoption.features, at);
        let own = grown.each_ref().map(|forest| forest.raw_score(&x).to_bits());
        assert_eq!(made.model.log_odds(&x).map(f64::to_bits), own, "row {at}");
    }
    // A line through log-odds changes no order, so no AUC; the log loss is that of the raw scores.
    let auc = |judged: &[Judged], side: &str| {
        let one = judged.iter().find(|one| one.model == "trees" && one.side == side).unwrap();
        one.test.as_ref().unwrap().auc
    };
    for side in ["buy", "sell"] {
        assert!((auc(&adoption.judged, side) - auc(&report.judged, side)).abs() < 1e-9);
    }
    assert_eq!(adoption.rules[0], report.rules[0]);
    // Nothing before the cut is later than its training, so nothing there is judged.
    assert!(adoption.judged.iter().all(|one| one.develop.is_none()), "{:?}", adoption.judged);
    assert_eq!(made.model.parts().honest_from().0 + 1, adoption.beyond.unwrap().0);
}

#[test]
fn it_is_judged_on_nothing_that_it_may_have_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (data, report, spec) = trained(folder.path());
    let file = |name: &str| folder.path().join("own").join(name);
    let foreign = Foreign::Trees([file("trees_buy.txt"), file("trees_sell.txt")]);
    let go = |spec: &AdoptSpec| adopt(&data, ("again", &foreign), spec);
    let (from, until) = report.beyond.unwrap();
    let middle = i64::midpoint(from, until);
    let (later, _) = go(&AdoptSpec { trained_until: middle, ..spec.clone() }).unwrap();
    assert!(later.beyond.unwrap().0 > middle && later.test < report.test && later.test > 0);
    let early = AdoptSpec { trained_until: middle, test_from: Some(from), ..spec.clone() };
    assert!(go(&early).unwrap_err().to_string().starts_with("test_from: must be after 2014"));
    let all = AdoptSpec { trained_until: until, ..spec.clone() };
    assert!(go(&all).unwrap_err().to_string().contains("no labelled rows after"));
    let (sealed, _) = go(&AdoptSpec { sealed: true, trained_until: 0, ..spec }).unwrap();
    assert!(sealed.rules.is_empty() && sealed.judged.iter().all(|one| one.test.is_none() && one.develop.is_some()));
}

#[test]
fn what_is_no_such_model_is_refused_with_the_file_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (data, _, spec) = trained(folder.path());
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registry/tests/data");
    let own = |name: &str| folder.path().join("own").join(name);
    let edited = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(own("trees_sell.txt")).unwrap();
        assert!(text.contains(from));
        std::fs::write(folder.path().join(name), text.replacen(from, to, 1)).unwrap();
        folder.path().join(name)
    };
    let first = &crate::train::pipeline::spec::TrainSpec::usual(1).features_of(Dataset::open(&data).unwrap().meta())[0];
    let unknown = edited("unknown.txt", first, "mystery");
    let swapped = {
        let text = std::fs::read_to_string(own("trees_sell.txt")).unwrap();
        let names = text.lines().find_map(|line| line.strip_prefix("feature_names=")).unwrap().to_owned();
        let mut turned: Vec<&str> = names.split(' ').collect();
        turned.swap(0, 1);
        edited("swapped.txt", &names, &turned.join(" "))
    };
    let trees = |buy: PathBuf, sell: PathBuf| Foreign::Trees([buy, sell]);
    let buy = || own("trees_buy.txt");
    let refused: [(Foreign, &[&str], &[&str]); 9] = [
        (trees(foreign.join("plain.txt"), buy()), &[], &["plain.txt", "regression", "objective binary"]),
        (trees(buy(), foreign.join("squares.json")), &[], &["squares.json", "binary:logistic"]),
        (trees(foreign.join("binary.txt"), buy()), &[], &["binary.txt", "is no feature of this build", "--features"]),
        (trees(foreign.join("logistic.json"), buy()), &["spread"], &["logistic.json", "8 features, and 1 are given"]),
        (trees(buy(), unknown), &[], &["unknown.txt", "'mystery'"]),
        (trees(buy(), swapped), &[], &["swapped.txt", "in another order"]),
        (trees(buy(), foreign.join("net.onnx")), &[], &["net.onnx", "load it as a net"]),
        (Foreign::Net(foreign.join("net.onnx")), &[], &["net.onnx", "1 outputs; two are needed"]),
        (Foreign::Net(folder.path().join("none")), &[], &["none", "No such file"]),
    ];
    for (foreign, features, words) in refused {
        let features = features.iter().map(|name| (*name).to_owned()).collect();
        let said = adopt(&data, ("again", &foreign), &AdoptSpec { features, ..spec.clone() }).unwrap_err().to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
    }
}

/// Protocol buffers by hand: what a length stands before.
fn part(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut long = bytes.len();
    while long >= 128 {
        out.push(long as u8 | 128);
        long >>= 7;
    }
    out.push(long as u8);
    [out, bytes.to_vec()].concat()
}

fn count(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

fn tensor(name: &str, dims: &[u8], numbers: &[f64]) -> Vec<u8> {
    let mut bytes: Vec<u8> = dims.iter().flat_map(|dim| count(1, *dim)).collect();
    bytes.extend([count(2, 11), part(8, name.as_bytes())].concat());
    bytes.extend(part(9, &numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>()));
    part(5, &bytes)
}

fn value(field: u8, name: &str, width: u8) -> Vec<u8> {
    let shape = [part(1, &count(1, 1)), part(1, &count(1, width))].concat();
    let tensor = [count(1, 11), part(2, &shape)].concat();
    part(field, &[part(1, name.as_bytes()), part(2, &part(1, &tensor))].concat())
}

/// A net of one dense layer, `x W + b`, with the names of its inputs in the metadata; maybe with a sigmoid behind it.
fn onnx(names: &str, weights: &[f64], bias: &[f64], sigmoid: bool) -> Vec<u8> {
    let node = |inputs: &[&str], out: &str, op: &str| {
        let mut bytes: Vec<u8> = inputs.iter().flat_map(|name| part(1, name.as_bytes())).collect();
        bytes.extend([part(2, out.as_bytes()), part(4, op.as_bytes())].concat());
        part(1, &bytes)
    };
    let mut graph = node(&["x", "w", "b"], "y", "Gemm");
    if sigmoid {
        graph.extend(node(&["y"], "p", "Sigmoid"));
    }
    let inputs = (weights.len() / bias.len()) as u8;
    graph.extend(tensor("w", &[inputs, bias.len() as u8], weights));
    graph.extend(tensor("b", &[bias.len() as u8], bias));
    graph.extend(value(11, "x", inputs));
    graph.extend(value(12, if sigmoid { "p" } else { "y" }, bias.len() as u8));
    let metadata = [part(1, b"feature_names"), part(2, names.as_bytes())].concat();
    let opset = count(2, 17);
    [count(1, 8), part(7, &graph), part(8, &opset), part(14, &metadata)].concat()
}

#[test]
fn a_net_reads_features_as_they_are_or_on_the_scale_of_the_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let (data, _, spec) = trained(folder.path());
    let path = folder.path().join("net.onnx");
    let (names, weights, bias) = ("spread,momentum_s5", [0.01, -0.02, 0.5, -0.5], [0.1, -0.1]);
    std::fs::write(&path, onnx(names, &weights, &bias, false)).unwrap();
    let foreign = Foreign::Net(path.clone());
    let (adoption, made) = adopt(&data, ("net", &foreign), &spec).unwrap();
    let read = Dataset::open(&data).unwrap();
    assert_eq!((adoption.features.join(",").as_str(), adoption.files[0].format.as_str()), (names, "ONNX"));
    let ground = Ground::of(&data, &TrainSpec::usual(0)).unwrap();
    let scale = Inputs::of(&read, &adoption.features, &ground.develop).unwrap();
    let standard = AdoptSpec { scaling: Scaling::Standard, ..spec.clone() };
    let (_, scaled) = adopt(&data, ("net", &foreign), &standard).unwrap();
    for at in (200..read.rows()).step_by(read.rows() / 20) {
        let x = row(&read, &adoption.features, at);
        let by_hand =
            |x: &[f64]| [0, 1].map(|side| bias[side] + (0..2).map(|i| x[i] * weights[i * 2 + side]).sum::<f64>());
        let close = |said: [f64; 2], due: [f64; 2]| said.iter().zip(due).all(|(said, due)| (said - due).abs() < 1e-9);
        assert!(close(made.model.log_odds(&x), by_hand(&x)), "row {at}");
        let on: Vec<f64> =
            x.iter().zip(scale.mean().iter().zip(scale.scale())).map(|(x, (m, d))| (x - m) / d).collect();
        assert!(close(scaled.model.log_odds(&x), by_hand(&on)), "row {at}");
    }
    // What ends in a sigmoid says probabilities, not log-odds; features that it does not name must be given.
    let refused = |bytes: &[u8], features: &[&str]| {
        std::fs::write(&path, bytes).unwrap();
        let features = features.iter().map(|name| (*name).to_owned()).collect();
        adopt(&data, ("net", &foreign), &AdoptSpec { features, ..spec.clone() }).unwrap_err().to_string()
    };
    assert!(refused(&onnx(names, &weights, &bias, true), &[]).contains("no activation"));
    assert!(refused(&onnx("a,b", &weights, &bias, false), &[]).contains("'a' of its features"));
    assert!(refused(&onnx("a,b", &weights, &bias, false), &["spread", "spread"]).contains("spread twice"));
    assert!(refused(&onnx(names, &weights, &bias, false), &["momentum_s5", "spread"]).contains("leave --features out"));
}
