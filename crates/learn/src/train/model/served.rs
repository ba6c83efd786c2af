//! What the desk asks of a net and of a meta model is what a training asked: bit for bit, on the bundled ticks.

use super::*;
use crate::dataset::read::Dataset;
use crate::dataset::spec::{DatasetSpec, Sampling};
use crate::dataset::tests::config;
use crate::dataset::{rows, write::Writer};
use crate::train::gru::{self, GruSpec, Inputs, cell::GruShape};
use desk::{Actions, Command, Desk, Event, Fact, Role};
use ensemble::{Barrier, Cadence, Chair, Input, Parts, Step};
use features::Feature;
use feed::{Options, Record};
use market::{Side, SymbolId};
use models::pool::clipped_logit;
use replay::backtest::Input as Files;
use risk::Operator;
use std::path::PathBuf;
use std::sync::Arc;

fn records(config: &config::Config) -> Vec<Record> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/ticks");
    let file = |feed: &str| -> Vec<PathBuf> { vec![root.join(format!("{feed}-EURUSD/20140502.csv.zst"))] };
    let feeds = vec![(file("oanda"), Options::none()), (file("fxcm"), Options::none())];
    let source = Files { feeds }.open(config, None).unwrap();
    let mut records = Vec::new();
    for judged in source {
        records.push(judged.unwrap().record);
        if records.len() == 40_000 {
            break;
        }
    }
    records
}

fn parts(barrier: Barrier, features: &[String], brain: Brain) -> Parts {
    let feature = |name: &String| *Feature::ALL.iter().find(|feature| feature.name() == name).unwrap();
    let input = |name: &String| Input { feature: feature(name), low: -1e99, high: 1e99, deciles: [0.0; 9] };
    let inputs: Vec<Input> = features.iter().map(input).collect();
    let trained = (Time(0), Time(1));
    Parts { name: "t".into(), barrier, missing_max: inputs.len() as u32, outside_max: 0, inputs, trained, brain }
}

/// A desk on which these models sit.
fn desk(config: &config::Config, class: u16, models: Vec<Artefact>) -> (Desk, Actions) {
    let mut desk = Desk::new(&config.desk).unwrap();
    let mut actions = Actions::with_capacity(desk.actions_max());
    for model in models {
        let (by, digest) = (Operator::new("Ann").unwrap(), *model.digest());
        desk.shelve(Arc::new(model));
        let fact = Fact::Commanded(Command::Seat { by, digest, class, role: Role::Champion, until: None });
        desk.on_event(&Event { seq: 1, time: Time(0), fact }, &mut actions);
        actions.clear();
    }
    (desk, actions)
}

fn leaf(features: usize, value: f64) -> models::Forest {
    let mut builder = models::Forest::builder(features).link(Link::Logistic { slope: 1.0 });
    builder.tree(Flat { splits: vec![], leaves: vec![Leaf { value, cover: 1.0 }] }).unwrap();
    builder.build().unwrap()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one run, looked at from both ends")]
fn a_served_net_and_a_meta_model_see_what_training_saw() {
    let config = config();
    let records = records(&config);
    let class = config.desk.classes.iter().position(|class| class.name == "scalp").unwrap();
    let class_spec = DatasetSpec::of_class(&config, "EURUSD", "scalp").unwrap();
    for sampling in [Sampling::Ticks(7), class_spec.sampling, Sampling::Move(market::Points(6))] {
        let spec = DatasetSpec { sampling, ..class_spec };
        let mut taken = rows(&config, &spec, &records).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let about = crate::dataset::meta::Meta::of(&config, &Files { feeds: vec![] }, &spec, "bundled").unwrap();
        let mut writer = Writer::create(&path, &about).unwrap();
        writer.write(&mut taken).unwrap();
        writer.finish().unwrap();
        let data = Dataset::open(&path).unwrap();
        let times = data.times().unwrap();
        assert!(times.len() > 300, "{} rows of {sampling:?}", times.len());

        let net = GruSpec { gap: 20_000_000_000, ..GruSpec::small(1) };
        let all: Vec<u32> = (0..times.len() as u32).collect();
        let inputs = Inputs::of(&data, &net.features, &all).unwrap();
        let shape = GruShape { inputs: net.features.len(), hidden: 5, outputs: 2 };
        let parameters: Vec<f64> =
            (0..shape.parameters().unwrap()).map(|i| ((i * 37 % 101) as f64 - 50.0) / 80.0).collect();
        let made = shape.net(&parameters).unwrap();
        let said = gru::run(&made, &inputs, &times, &all, net.gap);
        let scales = inputs.mean().iter().zip(inputs.scale()).map(|(m, s)| Scale { mean: *m, deviation: *s });
        let line = Calibration { slope: 1.0, offset: 0.0 };
        let sequence = Sequence {
            net: made,
            scales: scales.collect(),
            clip: CLIP,
            cadence: Cadence::parse(&about.sampling).unwrap(),
            gap: Span(net.gap),
            warm: 0,
            lines: [line; 2],
        };
        let barrier = spec.barrier;
        let model = |parts: Parts| replay::beside::made(parts).unwrap();
        let odds = [0.3, -0.2];
        let own = vec!["spread".to_owned()];
        let trees = model(parts(barrier, &own, Brain::Trees(odds.map(|odds| leaf(1, odds)))));
        let context: Vec<String> = meta::CONTEXT.iter().map(|feature| feature.name().to_owned()).collect();
        let second = Brain::Meta { forest: leaf(15, 0.4), of: *trees.digest() };
        let models = vec![
            model(parts(barrier, &net.features, Brain::Sequence(Box::new(sequence)))),
            trees,
            model(parts(barrier, &context, second)),
        ];
        let (mut desk, mut actions) = desk(&config, class as u16, models);
        let mut served: Vec<(i64, [u64; 2], Option<Vec<u64>>)> = Vec::new();
        let mut last = None;
        for (nth, record) in records.iter().enumerate() {
            let Record::Quote(tick) = record else { continue };
            desk.on_event(&Event { seq: nth as u64 + 9, time: tick.seen, fact: Fact::Ticked(*tick) }, &mut actions);
            let council = &desk.councils()[class];
            let step = council.last_step(Chair::Champion).filter(|step| Some(step.outputs) != last);
            if let Some(Step { time, outputs, .. }) = step.filter(|_| tick.symbol == SymbolId(0)) {
                let bits = |row: Vec<f64>| row.into_iter().map(f64::to_bits).collect();
                last = Some(outputs);
                served.push((time.0, outputs.map(f64::to_bits), council.meta_question(Side::Buy).map(bits)));
            }
        }
        assert_eq!(served.len(), times.len());
        // The trees' log-odds go through the council as those beyond the null.
        let spread = data.column("spread").unwrap();
        let p = [0, 1].map(|side| {
            let p = |spread: &f64| {
                let null = clipped_logit(barrier.null(*spread));
                meta::probability((odds[side] - null) + null)
            };
            spread.iter().map(p).collect::<Vec<f64>>()
        });
        let columns = MetaColumns::of(&data, [&p[0], &p[1]], &barrier).unwrap();
        let columns: Vec<Vec<f64>> = names().iter().map(|name| columns.column(name).unwrap()).collect();
        let mut asked = 0;
        for (row, (time, outputs, question)) in served.iter().enumerate() {
            assert_eq!((*time, *outputs), (times[row], said[row].map(f64::to_bits)), "row {row} of {sampling:?}");
            let Some(question) = question else { continue };
            asked += 1;
            for ((seen, column), name) in question.iter().zip(&columns).zip(names()) {
                let (seen, due) = (f64::from_bits(*seen), column[row]);
                assert!(seen.to_bits() == due.to_bits() || seen.is_nan() && due.is_nan(), "{name}: {seen} {due}");
            }
        }
        assert!(asked > 100, "{asked} questions of {} rows", times.len());
    }
}
