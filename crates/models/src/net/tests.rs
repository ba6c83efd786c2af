use super::attribution::gradient;
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

/// A net after some steps, and the inputs of the next.
fn asked(seed: u64, (inputs, hidden): (usize, usize), layers: bool, past: usize) -> (Net, NetState, Vec<f64>) {
    let spec = if layers { deep(seed, inputs, hidden) } else { spec(seed, inputs, hidden, seed.is_multiple_of(2)) };
    let (net, mut noise) = (Net::new(spec).unwrap(), Lcg::new(seed + 7));
    let mut state = net.rest();
    let mut row = || -> Vec<f64> { (0..inputs).map(|_| 2.0 * noise.normal()).collect() };
    for _ in 0..past {
        net.step(&mut state, &row(), &mut [0.0; 2]).unwrap();
    }
    let x = row();
    (net, state, x)
}

/// What no input touches has no part, and a linear net's parts are its weights times its inputs.
#[test]
fn a_linear_net_is_taken_apart_exactly() {
    let weights = vec![0.5, -2.0, 0.0, 1.0, 1.0, 3.0];
    let layer = LayerSpec { outputs: 2, weights, bias: vec![0.25, -1.0], activation: Activation::None };
    let net = Net::new(NetSpec { inputs: 3, cell: None, layers: vec![layer] }).unwrap();
    let found = attributions(&net, &net.rest(), &[2.0, 1.5, -4.0], 0).unwrap();
    [1.0, -3.0, 0.0].iter().zip(&found.parts).for_each(|(expected, part)| close(*part, *expected, 1e-12));
    assert_eq!((found.base, found.output, found.pieces), (0.25, -1.75, attribution::PIECES));
    assert_eq!(attributions(&net, &net.rest(), &[f64::NAN; 3], 0), None);
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
    fn the_gradient_is_that_of_central_differences(
        seed in 0_u64..1000, inputs in 1_usize..8, hidden in 1_usize..12, layers in any::<bool>(), past in 0_usize..6,
    ) {
        let (net, state, x) = asked(seed, (inputs, hidden), layers, past);
        // Smooth nets only: across a kink a difference is no slope.
        let mut smooth = net.spec().clone();
        smooth.layers.iter_mut().filter(|l| l.activation == Activation::Relu).for_each(|l| l.activation = Activation::Tanh);
        let net = Net::new(smooth).unwrap();
        for output in 0..2 {
            let slopes = gradient(&net, &state, &x, output).unwrap();
            for (nth, slope) in slopes.iter().enumerate() {
                let at = |off: f64| {
                    let (mut x, mut out) = (x.clone(), [0.0; 2]);
                    x[nth] += off;
                    net.step(&mut state.clone(), &x, &mut out).unwrap();
                    out[output]
                };
                // Richardson's extrapolation of two central differences.
                let central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
                let expected = (4.0 * central(5e-4) - central(1e-3)) / 3.0;
                prop_assert!((slope - expected).abs() <= 1e-7 * expected.abs().max(1.0), "{slope} {expected}");
            }
        }
    }

    #[test]
    fn the_parts_of_a_step_add_up(
        seed in 0_u64..1000, inputs in 1_usize..8, hidden in 1_usize..12, layers in any::<bool>(), past in 0_usize..6,
    ) {
        let (net, state, x) = asked(seed, (inputs, hidden), layers, past);
        let (mut here, mut there) = ([0.0; 2], [0.0; 2]);
        net.step(&mut state.clone(), &x, &mut here).unwrap();
        net.step(&mut state.clone(), &vec![0.0; inputs], &mut there).unwrap();
        for output in 0..2 {
            let found = attributions(&net, &state, &x, output).unwrap();
            prop_assert_eq!((found.output, found.base), (here[output], there[output]));
            let missed = (found.base + found.parts.iter().sum::<f64>() - here[output]).abs();
            prop_assert!(missed <= 1e-6 * (here[output] - there[output]).abs().max(1.0), "{missed} of {found:?}");
            prop_assert!(found.holds() && found.pieces <= attribution::PIECES_MAX);
        }
        prop_assert_eq!(attributions(&net, &state, &x, 2), None);
        prop_assert_eq!(attributions(&net, &state, &x[1..], 0), None);
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
