//! `scalpel learn`: ticks into a dataset, a dataset into models.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use config::default_text;
use feed::{Options, Zone};
use learn::dataset::spec::{DatasetSpec, Sampling};
use learn::dataset::{Built, build};
use learn::fault::Fault;
use learn::progress::Progress;
use learn::train::pipeline::judge::{Judged, Quality, Report, Rule};
use learn::train::pipeline::spec::TrainSpec;
use learn::train::pipeline::train;
use learn::validate::Origin;
use market::{Points, Span};
use replay::backtest::Input;

use crate::arguments::{Learn, MakeDataset, TrainOn};
use crate::backtest::{feeds, instruments, parse};
use crate::screen::{self, Stage};
use crate::{Failure, Outcome, limits, package, seats, trials};

pub(crate) fn learn(verb: &Learn) -> Outcome {
    match verb {
        Learn::Dataset(asked) => dataset(asked),
        Learn::Train(asked) => training(asked),
        Learn::Adopt(asked) => crate::adopt::adopt(asked),
        Learn::Validate(asked) => crate::validate::validate(asked),
        Learn::Tune(asked) => crate::tune::tune(asked),
        Learn::Schedule(asked) => crate::schedule::schedule(asked),
    }
}

pub(crate) fn failed(fault: Fault) -> Failure {
    match fault {
        Fault::Feed(error) => Failure::Input(error.to_string()),
        Fault::Asked(..) => Failure::Usage(fault.to_string()),
        Fault::Content(..) | Fault::TooLittle(..) | Fault::Stopped => Failure::Input(fault.to_string()),
        Fault::File(..) => Failure::Output(fault.to_string()),
    }
}

/// Draws on stderr how far a stage is.
pub(crate) struct Drawn(Mutex<Stage>);

impl Drawn {
    pub(crate) fn new(name: &str) -> Self {
        Self(Mutex::new(Stage::new(name)))
    }

    pub(crate) fn finish(self) {
        if let Ok(stage) = self.0.into_inner() {
            stage.finish(0);
        }
    }
}

impl Progress for Drawn {
    fn at(&self, stage: &str, done: u64, total: u64) -> bool {
        if let Ok(mut drawn) = self.0.lock() {
            drawn.count(stage, done, total);
        }
        true
    }
}

fn dataset(asked: &MakeDataset) -> Outcome {
    limits::bound(asked.memory.as_deref(), limits::DATASET)?;
    let mut options = Options::none();
    if let Some(zone) = &asked.zone {
        options.zone = Some(Zone::parse(zone).map_err(|error| Failure::Usage(error.to_string()))?);
    }
    let text = match &asked.config {
        Some(path) => fs::read_to_string(path).map_err(|e| Failure::Input(format!("{}: {e}", path.display())))?,
        None => default_text(&instruments(&asked.symbol, !asked.leader.is_empty())?).map_err(Failure::Usage)?,
    };
    let named = asked.config.as_ref().map_or("the built-in configuration".into(), |path| path.display().to_string());
    let config = parse(&text, &named, 1)?;
    let files = (asked.symbol.as_str(), asked.ticks.as_slice(), asked.leader.as_slice());
    let input = Input { feeds: feeds(&config, files, &options)? };
    let mut spec = DatasetSpec::of_class(&config, &asked.symbol, &asked.class).map_err(failed)?;
    let pip = config.desk.symbols.get(usize::from(spec.symbol.0)).map_or(1.0, |symbol| symbol.instrument.pip.as_f64());
    let points = |pips: f64| Points((pips * pip).round() as i64);
    let span = |seconds: f64| Span((seconds * 1e9).round() as i64);
    let barrier = &mut spec.barrier;
    barrier.target = asked.target.map_or(barrier.target, points);
    barrier.stop = asked.stop.map_or(barrier.stop, points);
    barrier.horizon = asked.horizon.map_or(barrier.horizon, span);
    barrier.commission_points = asked.commission.map_or(barrier.commission_points, |pips| pips * pip);
    spec.sampling = asked.every.map_or(spec.sampling, |seconds| Sampling::Time(span(seconds)));
    spec.sampling = asked.every_ticks.map_or(spec.sampling, Sampling::Ticks);
    spec.leader_moves = asked.leader_moves.map_or(spec.leader_moves, span);
    let drawn = Drawn::new("dataset");
    let built = build((&config, &input, &asked.source), &spec, &asked.out, &drawn).map_err(failed)?;
    drawn.finish();
    if asked.json {
        let object = serde_json::to_string_pretty(&built.meta).map_err(|error| Failure::Broken(error.to_string()))?;
        return screen::say(&object);
    }
    let Built { meta, records, rows } = built;
    let (barrier, out) = (&meta.barrier, asked.out.display());
    screen::say(&format!(
        "{out}: {rows} rows of {} features from {records} records; {} target {} stop {} points, {} s, {}",
        meta.features.len(),
        meta.symbol,
        barrier.target,
        barrier.stop,
        barrier.horizon_ms / 1_000,
        meta.sampling
    ))
}

/// The training spec of a file, or the usual one.
pub(crate) fn spec_of(path: Option<&Path>, seed: u64) -> Result<TrainSpec, Failure> {
    let Some(path) = path else { return Ok(TrainSpec::usual(seed)) };
    let shown = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| shown(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| shown(error.to_string()))
}

fn training(asked: &TrainOn) -> Outcome {
    let mut spec = spec_of(asked.spec.as_deref(), asked.seed)?;
    if asked.no_net {
        spec.gru = None;
    }
    if let Some(day) = &asked.test_from {
        let read =
            Options::date_of(day).ok_or_else(|| Failure::Usage(format!("--test-from {day}: write 2014-05-08")))?;
        spec.test_from = Some(read.0);
    }
    spec.sealed |= asked.sealed;
    limits::bound(asked.memory.as_deref(), limits::of_dataset(&asked.dataset, asked.threads)?)?;
    let drawn = Drawn::new("training");
    let report = train(&asked.dataset, &asked.out, &spec, asked.threads, &drawn).map_err(failed)?;
    drawn.finish();
    let ledger = trials::ledger(asked.ledger.as_deref(), &asked.out);
    let trials = trials::fitted(&ledger, &trials::Fit::trained(&report)?, asked.seed)?;
    let origin = Origin {
        dataset: asked.dataset.clone(),
        sha256: report.dataset_sha256.clone(),
        ledger: ledger.path().to_owned(),
    };
    origin.write(&asked.out).map_err(failed)?;
    let model = save_models(asked, (&report, trials))?;
    if asked.json {
        let object = serde_json::to_string_pretty(&report).map_err(|error| Failure::Broken(error.to_string()))?;
        return screen::say(&object);
    }
    screen::say(text(&report).trim_end())?;
    screen::say(&format!("{model}\nTrials   {trials} in {}", ledger.path().display()))
}

/// The models to seat, beside the rest, and the package of them all; which there are, and why others are not.
fn save_models(asked: &TrainOn, (report, trials): (&Report, u64)) -> Result<String, Failure> {
    let out = asked.out.display();
    let name = asked.out.file_name().map_or("trained".into(), |name| name.to_string_lossy().into_owned());
    let outcomes = learn::train::model::models(&asked.dataset, &asked.out, &name).map_err(failed)?;
    let (mut text, mut made) = (String::new(), Vec::new());
    for outcome in &outcomes {
        let path = asked.out.join(seats::file_of(outcome.seat));
        let shown = path.display();
        match &outcome.made {
            Ok(one) => {
                replay::beside::save(&path, &one.model).map_err(|error| Failure::Output(error.to_string()))?;
                let _ = write!(text, "\nModel    {shown}   digest {}", replay::beside::hex(one.model.digest()));
                made.push(one);
            }
            Err(why) => {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Failure::Output(format!("{shown}: {error}")));
                    }
                    _ => {}
                }
                let _ = write!(text, "\nNo {}: {why}", seats::file_of(outcome.seat));
            }
        }
    }
    if made.is_empty() {
        return Ok(text + "\nNo model to seat.");
    }
    let package = asked.out.join("package");
    package::write(&package, &made, (&package::Story::trained(report), trials))?;
    let package = package.display();
    let _ = write!(
        text,
        "\n         scalpel backtest --model {out} seats all of them, after the time that they learned from\nPackage  {package}\n         scalpel models sign {package} --key FILE signs it for the registry"
    );
    Ok(text)
}

fn text(report: &Report) -> String {
    format!(
        "{} rows to learn from, {} to be judged on; {} and {} trees\n\n{}",
        report.develop,
        report.test,
        report.trees[0],
        report.trees[1],
        figures(&report.judged, &report.rules, report.meta.pip)
    )
}

/// How good models are, and what rules would have earned on them.
pub(crate) fn figures(judged: &[Judged], rules: &[Rule], pip: i64) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "model     side      part       rows  effective   won    AUC  log-loss skill  ECE");
    for judged in judged {
        for (part, quality) in [("develop", &judged.develop), ("test", &judged.test)] {
            let Some(Quality { rows, effective, won, auc, log_loss_skill, calibration_error, .. }) = quality else {
                continue;
            };
            let _ = writeln!(
                text,
                "{:9} {:9} {part:8} {rows:>7}  {effective:>9.0}  {won:.3}  {auc:.4}  {log_loss_skill:>+13.5}  {calibration_error:.3}",
                judged.model, judged.side
            );
        }
    }
    let pip = pip.max(1) as f64;
    let what = if rules.is_empty() {
        "Sealed: what lies beyond the cut was not judged."
    } else {
        "On the test rows, one trade at a time, after costs:"
    };
    let _ = writeln!(text, "\n{what}");
    for rule in rules {
        let _ = writeln!(
            text,
            "  {:48} {:>6} trades  won {:.3}  net {:>+7.3} pips  t {:>+6.2}",
            rule.rule,
            rule.trades,
            rule.won,
            rule.net / pip,
            rule.t
        );
    }
    text
}
