use super::*;
use crate::testing::BARRIER;
use market::Span;
use models::forest::{Leaf, Tree};
use models::net::{Activation, GruSpec, LayerSpec, NetSpec};
use proptest::prelude::*;

fn leaf(features: usize, value: f64) -> Forest {
    let mut builder = Forest::builder(features).link(Link::Logistic { slope: 1.0 });
    builder.tree(Tree { splits: vec![], leaves: vec![Leaf { value, cover: 1.0 }] }).unwrap();
    builder.build().unwrap()
}

fn net(inputs: usize, hidden: usize) -> Net {
    let list = |len: usize| (0..len).map(|i| ((i * 37 % 19) as f64 - 9.0) / 10.0).collect::<Vec<f64>>();
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
    Net::new(NetSpec { inputs, cell: Some(cell), layers: vec![head] }).unwrap()
}

fn sequence() -> Sequence {
    let line = Line { slope: 0.5, offset: -0.1 };
    Sequence {
        net: net(2, 3),
        scales: vec![Scale { mean: 0.5, deviation: 2.0 }; 2],
        clip: 5.0,
        cadence: Cadence::Ticks(3),
        gap: Span::from_secs(60),
        warm: 4,
        lines: [line, line],
    }
}

/// One of each kind.
fn parts(kind: u8) -> Parts {
    let input = |feature| Input { feature, low: -3.0, high: 3.0, deciles: std::array::from_fn(|i| i as f64 / 9.0) };
    let brain = match kind {
        0 => Brain::Trees([leaf(2, 0.1), leaf(2, -0.1)]),
        1 => Brain::Sequence(Box::new(sequence())),
        _ => Brain::Meta { forest: leaf(11, 0.3), of: [7; 32] },
    };
    Parts {
        name: "one of each".into(),
        barrier: BARRIER,
        inputs: vec![input(Feature::Imbalance), input(Feature::Spread)],
        outside_max: 0,
        missing_max: 1,
        trained: (Time(5), Time(6)),
        brain,
    }
}

fn bytes(parts: &Parts) -> Vec<u8> {
    let mut bytes = Vec::new();
    Artefact::encode(parts, &mut bytes);
    bytes
}

#[test]
fn every_kind_comes_back_and_every_cut_is_torn() {
    for kind in 0..3 {
        let model = Artefact::new(parts(kind), [kind; 32]).unwrap();
        let bytes = bytes(model.parts());
        assert_eq!(Artefact::decode(&bytes, [kind; 32]).unwrap(), model);
        assert_eq!(model.seat() as u8, kind);
        assert!(model.log_odds(&vec![0.5; model.parts().width()]).iter().all(|x| x.is_finite()));
        assert!(model.log_odds(&[0.5; 99]).iter().all(|x| x.is_nan()) || kind != 1);
        for cut in 0..bytes.len() {
            assert!(Artefact::decode(&bytes[..cut], [0; 32]).is_err(), "kind {kind}, cut at {cut}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Artefact::decode(&longer, [0; 32]), Err(ArtefactError::Torn));
    }
}

#[test]
fn another_version_is_named() {
    let mut old = bytes(&parts(0));
    old[7] = 1;
    let refused = Artefact::decode(&old, [0; 32]).unwrap_err();
    assert_eq!(refused, ArtefactError::Version { found: 1 });
    assert!(refused.to_string().contains("train it again"), "{refused}");
}

#[test]
fn what_makes_no_sense_is_named() {
    let refuse = |kind: u8, change: fn(&mut Parts)| {
        let mut parts = parts(kind);
        change(&mut parts);
        Artefact::new(parts, [0; 32]).unwrap_err()
    };
    let net = |change: fn(&mut Sequence)| {
        let mut sequence = sequence();
        change(&mut sequence);
        Artefact::new(Parts { brain: Brain::Sequence(Box::new(sequence)), ..parts(1) }, [0; 32]).unwrap_err()
    };
    assert_eq!(refuse(0, |p| p.inputs.truncate(1)), ArtefactError::Width { reads: 2, inputs: 1 });
    assert_eq!(refuse(2, |p| p.inputs.truncate(1)), ArtefactError::Width { reads: 11, inputs: 10 });
    assert_eq!(refuse(0, |p| p.inputs[1].deciles[4] = 9.0), ArtefactError::Range { input: 1 });
    assert_eq!(refuse(0, |p| p.inputs[0].deciles[4] = f64::NAN), ArtefactError::Range { input: 0 });
    assert_eq!(refuse(1, |p| p.trained = (Time(6), Time(5))), ArtefactError::Period);
    assert_eq!(refuse(1, |p| p.name = " ".into()), ArtefactError::Name);
    assert_eq!(net(|s| s.net = self::net(3, 2)), ArtefactError::Width { reads: 3, inputs: 2 });
    assert_eq!(net(|s| s.scales[1].deviation = 0.0), ArtefactError::Sequence("scale"));
    assert_eq!(net(|s| s.clip = f64::NAN), ArtefactError::Sequence("clip"));
    assert_eq!(net(|s| s.cadence = Cadence::Ticks(0)), ArtefactError::Sequence("cadence"));
    assert_eq!(net(|s| s.gap = Span(0)), ArtefactError::Sequence("gap"));
    assert_eq!(net(|s| s.lines[1].slope = 0.0), ArtefactError::Sequence("calibration"));
    assert_eq!(parts(0).honest_from(), Time(6).plus(BARRIER.horizon));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_flipped_model_is_refused_or_sound(kind in 0_u8..3, at in 0_usize..9000, flip in 1_u8..) {
        let mut bytes = bytes(&parts(kind));
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(model) = Artefact::decode(&bytes, [0; 32]) {
            let said = model.log_odds(&vec![0.25; model.parts().width()]);
            prop_assert!(said.iter().all(|x| x.is_finite()), "{said:?}");
            let mut again = Vec::new();
            Artefact::encode(model.parts(), &mut again);
            prop_assert_eq!(again, bytes);
        }
    }
}
