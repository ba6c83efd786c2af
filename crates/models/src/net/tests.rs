use super::*;
use crate::testing::{Lcg, anything, check_restore, close};
use proptest::prelude::*;

fn spec(seed: u64, inputs: usize, hidden: usize, linear_before_reset: bool) -> NetSpec {
    let mut noise = Lcg::new(seed);
    let mut list = |len: usize| -> Vec<f64> { (0..len).map(|_| f64::from(noise.normal() as f32) / 4.0).collect() };
    let cell = GruSpec {
        inputs,
        hidden,
        linear_before_reset,
        input_weights: list(3 * hidden * inputs),
        recurrent_weights: list(3 * hidden * hidden),
        input_bias: list(3 * hidden),
        recurrent_bias: list(3 * hidden),
    };
    let head = LayerSpec { outputs: 2, weights: list(2 * hidden), bias: list(2), activation: Activation::None };
    NetSpec { inputs, cell: Some(cell), layers: vec![head] }
}

/// Layers of every activation behind the cell, or without one.
fn deep(seed: u64, inputs: usize, hidden: usize) -> NetSpec {
    let mut spec = spec(seed, inputs, hidden, seed.is_multiple_of(2));
    let mut noise = Lcg::new(seed + 1);
    let mut width = hidden;
    if seed.is_multiple_of(3) {
        (spec.cell, width) = (None, inputs);
    }
    spec.layers.clear();
    for (outputs, activation) in [5, 9, 3, 2].into_iter().zip(Activation::ALL) {
        let mut list = |len: usize| -> Vec<f64> { (0..len).map(|_| noise.normal()).collect() };
        let (weights, bias) = (list(outputs * width), list(outputs));
        spec.layers.push(LayerSpec { outputs, weights, bias, activation: *activation });
        width = outputs;
    }
    spec
}

fn cell(spec: &mut NetSpec) -> &mut GruSpec {
    spec.cell.as_mut().unwrap()
}

/// The twin: the equations of the operator, unit by unit.
fn plain(spec: &GruSpec, h: &[f64], x: &[f64]) -> Vec<f64> {
    let n = spec.hidden;
    let w = |row: usize| -> f64 { (0..spec.inputs).map(|i| spec.input_weights[row * spec.inputs + i] * x[i]).sum() };
    let r = |row: usize, h: &[f64]| -> f64 { (0..n).map(|i| spec.recurrent_weights[row * n + i] * h[i]).sum() };
    let (wb, rb) = (&spec.input_bias, &spec.recurrent_bias);
    let gate = |row: usize| sigmoid(w(row) + r(row, h) + wb[row] + rb[row]);
    let reset: Vec<f64> = (n..2 * n).map(gate).collect();
    let kept: Vec<f64> = reset.iter().zip(h).map(|(r, h)| r * h).collect();
    let unit = |i: usize| {
        let row = 2 * n + i;
        let recurrent =
            if spec.linear_before_reset { reset[i] * (r(row, h) + rb[row]) } else { r(row, &kept) + rb[row] };
        let z = gate(i);
        (1.0 - z) * tanh(w(row) + wb[row] + recurrent) + z * h[i]
    };
    (0..n).map(unit).collect()
}

fn plain_layers(layers: &[LayerSpec], row: &[f64]) -> Vec<f64> {
    layers.iter().fold(row.to_vec(), |x, layer| {
        let sum = |o: usize| (0..x.len()).map(|i| layer.weights[o * x.len() + i] * x[i]).sum::<f64>() + layer.bias[o];
        (0..layer.outputs).map(|o| layer.activation.of(sum(o))).collect()
    })
}

#[test]
fn it_is_the_operator_of_onnx_runtime() {
    let text = include_str!("../../tests/data/gru.txt");
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    for linear_before_reset in [false, true] {
        let net = Net::new(spec(2026, 5, 11, linear_before_reset)).unwrap();
        let (mut state, mut noise) = (net.rest(), Lcg::new(31));
        for _ in 0..20 {
            let x: [f64; 5] = std::array::from_fn(|_| f64::from(noise.normal() as f32));
            net.step(&mut state, &x, &mut [0.0; 2]).unwrap();
            let expected = lines.next().unwrap().split_whitespace().map(|h| h.parse::<f64>().unwrap());
            let expected: Vec<f64> = expected.collect();
            assert_eq!(expected.len(), 11);
            state.hidden().iter().zip(expected).for_each(|(h, expected)| close(*h, expected, 1e-6));
        }
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn it_is_restored() {
    let net = Net::new(spec(3, 2, 9, true)).unwrap();
    let step = |state: &mut NetState, i: usize| {
        net.step(state, &[(i % 7) as f64 - 3.0, (i % 3) as f64], &mut [0.0; 2]).unwrap();
    };
    check_restore(|| net.rest(), step);
    let one = Net::new(spec(3, 2, 1, true)).unwrap();
    let mut bytes = crate::testing::bytes(&one.rest());
    bytes[8..16].copy_from_slice(&1.5_f64.to_le_bytes());
    assert!(one.rest().load(&mut Reader::new(&bytes)).is_err());
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let net = Net::new(spec(3, 2, 9, false)).unwrap();
    let (mut state, mut out) = (net.rest(), [0.0; 2]);
    net.step(&mut state, &[1.0, 2.0], &mut out).unwrap();
    let before = (crate::testing::bytes(&state), out);
    for inputs in [&[1.0, f64::NAN][..], &[f64::INFINITY, 0.0], &[1.0], &[1.0; 3]] {
        assert_eq!(net.step(&mut state, inputs, &mut out), None);
    }
    assert_eq!(net.step(&mut state, &[1.0, 2.0], &mut [0.0; 3]), None);
    for other in [spec(3, 2, 8, false), deep(2, 2, 9)] {
        assert_eq!(net.step(&mut Net::new(other).unwrap().rest(), &[1.0, 2.0], &mut out), None);
    }
    assert_eq!((crate::testing::bytes(&state), out), before);
    state.rest();
    assert_eq!((state.hidden(), state.steps()), (&[0.0; 9][..], 0));
}

#[test]
fn without_layers_the_hidden_state_is_said_and_without_a_cell_nothing_is_remembered() {
    let bare = Net::new(NetSpec { layers: vec![], ..spec(3, 2, 4, true) }).unwrap();
    let (mut state, mut out) = (bare.rest(), [0.0; 4]);
    bare.step(&mut state, &[0.5, -0.5], &mut out).unwrap();
    assert_eq!(state.hidden(), out);
    let dense = Net::new(deep(3, 2, 4)).unwrap();
    let (mut state, mut first, mut second) = (dense.rest(), [0.0; 2], [0.0; 2]);
    dense.step(&mut state, &[0.5, -0.5], &mut first).unwrap();
    dense.step(&mut state, &[0.5, -0.5], &mut second).unwrap();
    assert_eq!((first, state.steps(), state.hidden().len()), (second, 2, 0));
}

#[test]
fn it_names_what_it_refuses() {
    let refuse = |change: fn(&mut NetSpec)| {
        let mut spec = spec(3, 2, 4, false);
        change(&mut spec);
        Net::new(spec).unwrap_err()
    };
    assert_eq!(refuse(|s| s.inputs = 0), NetError::Width("inputs", 0));
    assert_eq!(refuse(|s| s.inputs = 3), NetError::CellInputs { cell: 2, net: 3 });
    assert_eq!(refuse(|s| cell(s).hidden = WIDTH_MAX + 1), NetError::Width("hidden", WIDTH_MAX + 1));
    assert_eq!(refuse(|s| s.layers[0].bias.push(0.0)), NetError::Length(List::Layer(0, "bias"), 3, 2));
    let weight = NetError::Weight(List::Cell("recurrent_weights"), 3);
    assert_eq!(refuse(|s| cell(s).recurrent_weights[3] = f64::NAN), weight);
    assert_eq!(refuse(|s| s.layers[0].weights[1] = 2e6), NetError::Weight(List::Layer(0, "weights"), 1));
    assert_eq!(refuse(|s| cell(s).hidden = 3).to_string(), "cell.input_weights has 24 numbers; 18 are due");
    assert_eq!(refuse(|s| s.layers = vec![s.layers[0].clone(); 17]), NetError::Layers(17));
    assert_eq!(Net::new(NetSpec { inputs: 2, cell: None, layers: vec![] }), Err(NetError::Empty));
}

/// The largest weights through the most layers, from the largest inputs.
#[test]
fn the_deepest_net_is_finite() {
    let layer = |inputs: usize| LayerSpec {
        outputs: 32,
        weights: vec![WEIGHT_MAX; 32 * inputs],
        bias: vec![WEIGHT_MAX; 32],
        activation: Activation::None,
    };
    let layers = (0..LAYERS_MAX).map(|place| layer(if place == 0 { 4 } else { 32 })).collect();
    let net = Net::new(NetSpec { inputs: 4, cell: None, layers }).unwrap();
    let mut out = [0.0; 32];
    net.step(&mut net.rest(), &[f64::MAX; 4], &mut out).unwrap();
    assert!(out.iter().all(|x| x.is_finite()), "{out:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn blocks_and_plain_equations_agree(
        seed in 0_u64..1000, inputs in 1_usize..12, hidden in 1_usize..20, layers in any::<bool>(),
    ) {
        let spec = if layers { deep(seed, inputs, hidden) } else { spec(seed, inputs, hidden, seed % 2 == 0) };
        let net = Net::new(spec.clone()).unwrap();
        let (mut state, mut noise, mut h) = (net.rest(), Lcg::new(seed), vec![0.0; hidden]);
        for _ in 0..10 {
            let x: Vec<f64> = (0..inputs).map(|_| noise.normal()).collect();
            let mut said = vec![0.0; net.outputs()];
            net.step(&mut state, &x, &mut said).unwrap();
            let row = match &spec.cell {
                Some(cell) => {
                    h = plain(cell, &h, &x);
                    prop_assert!(state.hidden().iter().zip(&h).all(|(a, b)| (a - b).abs() < 1e-12));
                    h.clone()
                }
                None => x,
            };
            let expected = plain_layers(&spec.layers, &row);
            prop_assert!(said.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{said:?} {expected:?}");
        }
    }

    #[test]
    fn nothing_breaks_it(seed in 0_u64..100, stream in prop::collection::vec(anything(), 3..60)) {
        let net = Net::new(spec(seed, 3, 5, seed % 2 == 0)).unwrap();
        let (mut state, mut out) = (net.rest(), [0.0; 2]);
        for x in stream.chunks_exact(3) {
            prop_assert_eq!(net.step(&mut state, x, &mut out).is_some(), x.iter().all(|x| x.is_finite()));
            prop_assert!(out.iter().all(|x| x.is_finite()) && state.hidden().iter().all(|h| h.abs() <= 1.0));
        }
    }

    #[test]
    fn it_comes_back_from_its_bytes(seed in 0_u64..100, at in 0_usize..9000, flip in 1_u8.., deep in any::<bool>()) {
        let net = Net::new(if deep { self::deep(seed, 3, 5) } else { spec(seed, 3, 5, seed % 2 == 0) }).unwrap();
        let mut bytes = Vec::new();
        net.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Net::decode(&mut reader).unwrap(), net);
        prop_assert!(reader.rest().is_empty());
        let at = at % bytes.len();
        prop_assert!(Net::decode(&mut Reader::new(&bytes[..at])).is_err());
        bytes[at] ^= flip;
        if let Ok(net) = Net::decode(&mut Reader::new(&bytes)) {
            let mut out = vec![0.0; net.outputs()];
            net.step(&mut net.rest(), &vec![0.5; net.inputs()], &mut out).unwrap();
            prop_assert!(out.iter().all(|x| x.is_finite()));
        }
    }
}
