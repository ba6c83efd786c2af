use std::path::Path;
use std::sync::Arc;

use desk::{Action, Desk, Event, Role};
use ensemble::{Artefact, Brain, Cadence, CanarySpec, Input, Line, Parts, Scale, Sequence, Trained};
use features::Feature;
use journal::{Head, Header};
use market::{Points, Span, SymbolId, Time};
use models::forest::{Forest, Leaf, Link, Tree};
use models::net::{Activation, GruSpec, LayerSpec, NetSpec};
use models::paired::PairedSpec;
use models::{Net, net::attribution::PIECES};
use risk::Operator;
use serde_json::Value;
use venue::paper::Paper;

use super::explanation;
use crate::record::Unrecorded;
use crate::session::{Session, Watch};
use crate::synthetic::{Plant, Walk};

const TRIAL: PairedSpec = PairedSpec {
    alpha: 0.05,
    bound: 200.0,
    margin: 200.0,
    share: 0.0,
    budget: 0.0,
    blocks: 1,
    block_labels: 1,
    labels_min: 1_000_000,
    labels_max: 2_000_000,
};

fn leaf(features: usize, value: f64) -> Forest {
    let mut builder = Forest::builder(features).link(Link::Logistic { slope: 1.0 });
    builder.tree(Tree { splits: vec![], leaves: vec![Leaf { value, cover: 1.0 }] }).unwrap();
    builder.build().unwrap()
}

fn model(name: &str, digest: u8, barrier: ensemble::Barrier, brain: Brain) -> Arc<Artefact> {
    let input = |feature| Input { feature, low: -1e99, high: 1e99, deciles: [0.0; 9] };
    let inputs = vec![input(Feature::Spread), input(Feature::MomentumS60)];
    let (name, trained) = (name.to_owned(), (Time(0), Time(1)));
    let parts = Parts { name, barrier, missing_max: 2, outside_max: 0, inputs, trained, brain };
    Arc::new(Artefact::new(parts, [digest; 32]).unwrap())
}

/// A net with a recurrent unit and layers with a kink, which sees two inputs.
fn net(sharp: f64) -> Brain {
    let list = |n: usize, off: f64| (0..n).map(|i| sharp * (((i * 7 + 3) % 11) as f64 / 5.0 - off)).collect::<Vec<_>>();
    let cell = GruSpec {
        inputs: 2,
        hidden: 3,
        linear_before_reset: true,
        input_weights: list(18, 1.0),
        recurrent_weights: list(27, 0.9),
        input_bias: list(9, 1.1),
        recurrent_bias: list(9, 0.8),
    };
    let layer = |inputs: usize, outputs: usize, activation| LayerSpec {
        outputs,
        weights: list(inputs * outputs, 1.0),
        bias: list(outputs, 0.5),
        activation,
    };
    let layers = vec![layer(3, 4, Activation::Relu), layer(4, 2, Activation::None)];
    Brain::Sequence(Box::new(Sequence {
        net: Net::new(NetSpec { inputs: 2, cell: Some(cell), layers }).unwrap(),
        scales: vec![Scale { mean: 3.0, deviation: 2.0 }, Scale { mean: 0.0, deviation: 1.0 }],
        clip: 5.0,
        cadence: Cadence::Ticks(5),
        gap: Span::from_secs(60),
        warm: 3,
        lines: [Line { slope: 0.5, offset: 0.0 }; 2],
    }))
}

/// What was told of every third event.
struct Told(Vec<(Value, String)>, Header);

impl Watch for Told {
    fn on_action(&mut self, _: &Event, _: &Action, _: &Desk) {}

    fn on_event(&mut self, event: &Event, desk: &Desk) {
        if !event.seq.is_multiple_of(3) {
            return;
        }
        self.0.push((explanation(event, desk, &self.1), crate::words::explanation(event, desk)));
    }
}

fn told() -> Vec<(Value, String)> {
    let config = crate::words::tests::config();
    let mut desk = Desk::new(&config.desk).unwrap();
    desk.explain();
    let class = config.desk.classes.iter().position(|class| class.name == "scalp").unwrap();
    let barrier = *desk.councils()[class].barrier();
    let build = "test".to_owned();
    let header =
        Header { run: [0; 16], created: Time(0), first: 1, previous: Head::default(), build, config: String::new() };
    let venue = Paper::new(config.venue.clone()).unwrap();
    let mut session = Session::new(desk, venue, Unrecorded::default(), Told(Vec::new(), header));
    let start = Time::from_date(2014, 5, 6);
    session.start(start).unwrap();
    let by = Operator::new("Ann").unwrap();
    let class = class as u16;
    let trees = model("oaks", 1, barrier, Brain::Trees([leaf(2, 0.4), leaf(2, -0.4)]));
    let meta = model("judge", 2, barrier, Brain::Meta { forest: leaf(11, 2.0), of: [1; 32] });
    let seats = [
        (trees, Role::Champion),
        (meta, Role::Champion),
        (model("calm", 3, barrier, net(0.5)), Role::Champion),
        (model("sharp", 4, barrier, net(1.5)), Role::Challenger(TRIAL)),
    ];
    for (model, role) in seats {
        session.seat(start, (by, class, role, None), model).unwrap();
    }
    let canary = CanarySpec { share: 0.5, block: Span::MINUTE, salt: 3, budget: 1e6 };
    session.command(start, desk::Command::Stage { by, class, seat: Trained::Sequence, canary }).unwrap();
    let (seed, symbol, every) = (5, SymbolId(0), Span::SECOND.0 / 2);
    let (spread, step, plant) = (Points(3), Points(1), Plant::Nothing);
    let walk = Walk { seed, symbol, ticks: 3_000, start, every, mid: 138_000, spread, step, plant };
    for tick in walk.ticks() {
        session.tick(&tick).unwrap();
    }
    session.watch.0
}

/// Every record fits the schema; the net's parts add up to its output; whose word stands is who is taken apart; and the text
/// tells the same.
#[test]
fn every_model_is_taken_apart_whoever_speaks() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/explanation.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut arms = [0, 0];
    for (object, text) in told() {
        let faults: Vec<String> =
            schema.iter_errors(&object).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{faults:#?} in {object:#}");
        assert!(text.lines().all(|line| line.chars().count() < 120) && !text.contains("UNVERIFIED"), "{text}");
        for record in object["decisions"].as_array().unwrap().iter().filter(|it| !it["ensemble"].is_null()) {
            let models = record["models"].as_array().unwrap();
            assert_eq!(models.len(), 4, "{models:?}");
            let assigned = &record["ensemble"]["assignment"][0];
            let canary = assigned["arm"] == "canary";
            let speaker = models.iter().find(|it| it["seat"] == "sequence" && it["speaks"] == true).unwrap();
            assert_eq!(speaker["name"], if canary { "sharp" } else { "calm" });
            assert!(text.contains(&format!("The net: {}", speaker["name"].as_str().unwrap())), "{text}");
            let block = format!("experiment {}, block {}: the ", assigned["experiment"], assigned["block"]);
            assert!(text.contains(&block) && text.contains("meta champion judge 020202020202"), "{text}");
            let parts = speaker["contributions"].as_array().unwrap();
            assert_eq!(parts.len(), if speaker["step"].is_null() { 0 } else { 2 }, "{speaker}");
            for apart in parts {
                let inputs = apart["inputs"].as_array().unwrap();
                let sum: f64 = inputs.iter().map(|input| input["adds"].as_f64().unwrap()).sum();
                let missed = apart["base"].as_f64().unwrap() + sum - apart["output"].as_f64().unwrap();
                assert!(missed.abs() <= 1e-6 * sum.abs().max(1.0) && apart["verified"] == true, "{apart}");
                assert!(apart["pieces"].as_u64().unwrap() >= PIECES as u64);
                arms[usize::from(canary)] += 1;
            }
        }
    }
    assert!(arms.iter().all(|told| *told > 200), "{arms:?}");
}
