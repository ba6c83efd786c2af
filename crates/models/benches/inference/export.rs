//! The models of the bench in forms that their peers read: `LightGBM`'s text, and plain numbers for ONNX.

use std::fmt::Write as _;
use std::path::Path;

use models::Net;
use models::forest::{Child, Forest, Split, Test, Tree};

/// One line of `LightGBM`'s text: a name and what each node has.
fn list<T, V: std::fmt::Display>(out: &mut String, name: &str, nodes: &[T], of: impl Fn(&T) -> V) {
    let values: Vec<String> = nodes.iter().map(|node| of(node).to_string()).collect();
    let _ = writeln!(out, "{name}={}", values.join(" "));
}

fn tree(out: &mut String, number: usize, tree: &Tree) {
    let place = |child: Child| match child {
        Child::Split(split) => i64::from(split),
        Child::Leaf(leaf) => !i64::from(leaf),
    };
    let threshold = |split: &Split| match split.test {
        Test::AtMost { threshold, .. } => threshold,
        Test::In { .. } => unreachable!("the bench grows no sets"),
    };
    // Numerical, NaN is missing (2 << 2), and whether it goes left.
    let kind = |split: &Split| match split.test {
        Test::AtMost { default_left, .. } => 8 + 2 * u32::from(default_left),
        Test::In { .. } => unreachable!("the bench grows no sets"),
    };
    let _ = writeln!(out, "Tree={number}\nnum_leaves={}\nnum_cat=0", tree.leaves.len());
    list(out, "split_feature", &tree.splits, |split| split.feature);
    list(out, "split_gain", &tree.splits, |_| 1);
    list(out, "threshold", &tree.splits, threshold);
    list(out, "decision_type", &tree.splits, kind);
    list(out, "left_child", &tree.splits, |split| place(split.left));
    list(out, "right_child", &tree.splits, |split| place(split.right));
    list(out, "leaf_value", &tree.leaves, |leaf| leaf.value);
    list(out, "leaf_weight", &tree.leaves, |leaf| leaf.cover);
    list(out, "leaf_count", &tree.leaves, |_| 1);
    list(out, "internal_value", &tree.splits, |_| 0);
    list(out, "internal_weight", &tree.splits, |split| split.cover);
    list(out, "internal_count", &tree.splits, |_| 1);
    out.push_str("is_linear=0\nshrinkage=1\n\n\n");
}

/// The forest as `LightGBM` writes one.
fn lightgbm(forest: &Forest) -> String {
    let names: Vec<String> = (0..forest.features()).map(|feature| format!("f{feature}")).collect();
    let infos = vec!["[0:1]"; forest.features()];
    let mut out = String::from("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n");
    let _ = writeln!(out, "max_feature_idx={}\nobjective=binary sigmoid:1", forest.features() - 1);
    let _ = writeln!(out, "feature_names={}\nfeature_infos={}\n", names.join(" "), infos.join(" "));
    for (number, one) in forest.trees().iter().enumerate() {
        tree(&mut out, number, one);
    }
    out.push_str("end of trees\n\nfeature_importances:\n\nparameters:\nend of parameters\n\npandas_categorical:null\n");
    out
}

fn numbers(place: &Path, lists: &[&[f64]]) -> std::io::Result<()> {
    let bytes: Vec<u8> = lists.iter().copied().flatten().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(place, bytes)
}

/// Writes the forest, rows, and what we say of them.
pub fn forest<const N: usize>(folder: &Path, forest: &Forest, rows: &[[f64; N]]) -> std::io::Result<()> {
    std::fs::write(folder.join("forest.txt"), lightgbm(forest))?;
    let said: Vec<f64> = rows.iter().map(|row| forest.raw(row)).collect();
    numbers(&folder.join("rows.f64"), &[rows.as_flattened()])?;
    numbers(&folder.join("said.f64"), &[&said])
}

/// Writes the weights, the observations, and what we say after each of them.
pub fn net(folder: &Path, net: &Net, rows: &[Vec<f64>]) -> std::io::Result<()> {
    let spec = net.spec();
    let (Some(cell), Some(head)) = (&spec.cell, spec.layers.first()) else { return Ok(()) };
    let (mut state, mut said) = (net.rest(), vec![0.0; 2 * rows.len()]);
    for (row, out) in rows.iter().zip(said.chunks_exact_mut(2)) {
        net.step(&mut state, row, out).expect("finite inputs");
    }
    let weights: [&[f64]; 6] = [
        &cell.input_weights,
        &cell.recurrent_weights,
        &cell.input_bias,
        &cell.recurrent_bias,
        &head.weights,
        &head.bias,
    ];
    let name = |what: &str| folder.join(format!("gru_{}_{}.{what}.f64", cell.inputs, cell.hidden));
    numbers(&name("weights"), &weights)?;
    numbers(&name("rows"), &[&rows.concat()])?;
    numbers(&name("said"), &[&said])
}
