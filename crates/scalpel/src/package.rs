//! A training as a package for the registry (manifest, golden questions, card, the model), and the questions asked of one.

use std::fmt::Write;
use std::path::Path;

use ensemble::{Artefact, Brain, Trained, meta};
use learn::dataset::meta::Meta;
use learn::train::adopt::{Adoption, Scaling};
use learn::train::model::Made;
use learn::train::pipeline::judge::{Judged, Quality, Report};
use learn::validate::figures::Validation as Validated;
use registry::manifest::{BarrierSpec, Calibration, FeatureSchema, Kind, Train, Validation};
use registry::{Loaded, Manifest, Version, card, golden};
use vault::{Digest, TrustStore};

use crate::backtest::BUILD;
use crate::{Failure, Outcome, screen, seats};

/// Days after which a model must have been looked at again.
const DAYS: i64 = 90;

const FAILS: &str = "Beyond the ranges of its training it abstains. It knows nothing of news, of other brokers' spreads and of other symbols. \
High AUC on these labels is mostly volatility: read the direction's row in report.json.";

/// What a package says of how its models came about.
pub(crate) struct Story<'a> {
    meta: &'a Meta,
    judged: &'a [Judged],
    by: &'static str,
    /// Rows before the cut.
    develop: usize,
    method: String,
    embargo_s: f64,
    /// Slope and offset of each side.
    points: Vec<[f64; 2]>,
    /// When it should not be trusted.
    fails: String,
}

impl<'a> Story<'a> {
    pub(crate) fn trained(report: &'a Report) -> Self {
        Self {
            meta: &report.meta,
            judged: &report.judged,
            by: "scalpel learn train",
            develop: report.develop,
            method: format!(
                "{} folds by time, purged, with embargo; the figures are of the buy side on {} later rows",
                report.spec.folds, report.test
            ),
            embargo_s: report.spec.embargo_ms as f64 / 1e3,
            points: report.worth.iter().map(|worth| [worth.line.slope, worth.line.offset]).collect(),
            fails: FAILS.into(),
        }
    }

    pub(crate) fn adopted(adoption: &'a Adoption) -> Self {
        let files: Vec<String> = adoption
            .files
            .iter()
            .map(|file| format!("{} ({}, SHA-256 {})", file.file, file.format, file.sha256))
            .collect();
        let scaling = match adoption.spec.scaling {
            Scaling::Raw => "as they are",
            Scaling::Standard => "on the mean and deviation of this dataset's rows before the cut",
        };
        Self {
            meta: &adoption.meta,
            judged: &adoption.judged,
            by: "scalpel learn adopt",
            develop: adoption.develop,
            method: format!(
                "no training that was watched; the figures are of the buy side on {} rows later than what it is said to have learned from",
                adoption.test
            ),
            embargo_s: 0.0,
            points: vec![[1.0, 0.0]; 2],
            fails: format!(
                "It was trained elsewhere and adopted from {}; inputs are read {scaling}. What it was trained on, and that this ended \
                 when the data above says, is the word of whoever adopted it: nobody watched. When it began is not known (written as \
                 1970), and the rows and digests above are of the dataset that it was judged on. {FAILS}",
                files.join(" and ")
            )
            .replace("report.json", "adoption.json"),
        }
    }
}

/// Writes the package of a training or an adoption: what `scalpel models sign` signs.
pub(crate) fn write(folder: &Path, made: &[&Made], (story, trial): (&Story<'_>, u64)) -> Outcome {
    let failed = |error: std::io::Error| Failure::Output(format!("{}: {error}", folder.display()));
    let manifest = manifest(made, story, trial)?;
    let json = serde_json::to_vec_pretty(&manifest).map_err(|error| Failure::Broken(error.to_string()))?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(folder.join("manifest.json"), json).map_err(failed)?;
    std::fs::write(folder.join("golden.jsonl"), questions(made)).map_err(failed)?;
    std::fs::write(folder.join("card.md"), card::write(&manifest, &story.fails)).map_err(failed)?;
    for seat in Trained::ALL {
        let path = folder.join(seats::file_of(*seat));
        match made.iter().find(|made| made.model.seat() == *seat) {
            Some(made) => {
                replay::beside::save(&path, &made.model).map_err(|error| Failure::Output(error.to_string()))?;
            }
            // A training of before may have made one.
            None if path.exists() => std::fs::remove_file(&path).map_err(failed)?,
            None => {}
        }
    }
    Ok(())
}

/// The columns of a model's rows, with their units.
fn columns(model: &Artefact) -> Vec<(String, String)> {
    let own = |names: &[&str], unit: &str| -> Vec<_> {
        names.iter().map(|name| ((*name).to_owned(), unit.to_owned())).collect()
    };
    let inputs = model.parts().inputs.iter();
    let inputs = inputs.map(|input| (input.feature.name().to_owned(), input.feature.unit().to_owned())).collect();
    match model.parts().brain {
        Brain::Trees(_) | Brain::Sequence(_) => inputs,
        Brain::Meta { .. } => {
            [own(&meta::OPINION, "log-odds, side 1 or -1"), inputs, own(&meta::REGIME, "probability")].concat()
        }
    }
}

/// What golden questions have: the columns of all models, each once, in the order of the models; then the side, and which
/// model is asked.
fn schema<'a>(models: impl Iterator<Item = &'a Artefact>) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for column in models.flat_map(columns) {
        if !all.iter().any(|known| known.0 == column.0) {
            all.push(column);
        }
    }
    all.push(("side".into(), "0 buy, 1 sell".into()));
    all.push(("model".into(), "0 trees, 1 net, 2 meta".into()));
    all
}

/// The name of a model: that of its folder, in the registry's letters.
fn name(made: &[&Made]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let given = made.first().map_or("", |made| made.model.parts().name.as_str());
    let name: String = given.chars().map(plain).take(64).collect();
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        name
    } else {
        format!("m{name}").chars().take(64).collect()
    }
}

fn manifest(made: &[&Made], story: &Story<'_>, trial: u64) -> Result<Manifest, Failure> {
    let broken = |what: &str| Failure::Broken(format!("the package has no {what}"));
    let one = |text: &str| Version::parse(text).ok_or_else(|| broken("version"));
    let (names, units) = schema(made.iter().map(|made| &made.model)).into_iter().unzip();
    let voter =
        made.iter().find(|made| made.model.seat().agent().is_some()).ok_or_else(|| broken("model that votes"))?;
    let trained = voter.model.parts().trained;
    let (kind, judged) = match &voter.model.parts().brain {
        Brain::Trees(_) | Brain::Meta { .. } => (Kind::Gbdt, ["trees", "trees"]),
        Brain::Sequence(_) => (Kind::Gru, ["gru", "net"]),
    };
    let now_s = screen::epoch_seconds();
    let of = &story.meta.barrier;
    let judged = story.judged.iter().find(|one| judged.contains(&one.model.as_str()) && one.side == "buy");
    let test = judged.and_then(|judged| judged.test.as_ref());
    let develop = judged.and_then(|judged| judged.develop.as_ref());
    let digests = story.meta.data.iter().map(|data| Digest::from_hex(&data.sha256));
    let wait_s = of.horizon_ms as f64 / 1e3;
    Ok(Manifest {
        schema_version: 1,
        name: name(made),
        version: one("1.0.0")?,
        kind,
        created_at_s: now_s,
        created_by: story.by.into(),
        git_commit: BUILD.into(),
        trial_id: Some(trial),
        files: Vec::new(),
        feature_schema: FeatureSchema::new(names, units, Vec::new()),
        barrier_spec: BarrierSpec {
            target: of.target as f64,
            stop: of.stop as f64,
            wait_s,
            cost_model: format!(
                "exit-side quote {} ms after the decision, commission of {} points a round trip",
                of.latency_ms, of.commission
            ),
        },
        horizon_s: wait_s,
        symbols: vec![story.meta.symbol.clone()],
        train: Train {
            from_s: trained.0.0 / 1_000_000_000,
            to_s: trained.1.0 / 1_000_000_000,
            n: story.develop as u64,
            uniq_n: develop.map_or(0.0, |quality| quality.effective),
            data_digests: digests.collect::<Option<_>>().ok_or_else(|| broken("digests of its data"))?,
        },
        validation: validation(story, test, trial),
        calibration: Calibration { kind: "platt".into(), points: story.points.clone() },
        latency: None,
        expiry_at_s: now_s + DAYS * 86_400,
        min_engine: one(env!("CARGO_PKG_VERSION"))?,
        parents: Vec::new(),
        license: "LicenseRef-unstated".into(),
    })
}

/// How it was judged: the buy side's figures on later rows.
fn validation(story: &Story<'_>, test: Option<&Quality>, trial: u64) -> Validation {
    Validation {
        method: story.method.clone(),
        purge_s: story.meta.barrier.horizon_ms as f64 / 1e3,
        embargo_s: story.embargo_s,
        auc: test.map(|quality| quality.auc),
        logloss: test.map(|quality| quality.log_loss),
        brier: test.map(|quality| quality.brier),
        ece: test.map(|quality| quality.calibration_error),
        exp_pips: None,
        exp_lo95: None,
        dsr: None,
        dsr_n: Some(trial),
        pbo: None,
        spa_p: None,
        verdict: None,
    }
}

/// Writes what a validation found into the package of a training: the manifest, the card, and `validation.json` among the
/// files. A signature that was there is of what it was before, and goes. `false` when the training has no package.
pub(crate) fn validated(folder: &Path, found: &Validated) -> Result<bool, Failure> {
    let path = folder.join("manifest.json");
    let failed = |error: std::io::Error| Failure::Output(format!("{}: {error}", folder.display()));
    let Ok(bytes) = std::fs::read(&path) else { return Ok(false) };
    let broken = |error: serde_json::Error| Failure::Input(format!("{}: {error}; train again", path.display()));
    let mut manifest: Manifest = serde_json::from_slice(&bytes).map_err(broken)?;
    let of = |name: &str| found.quality.iter().find(|quality| quality.of == name);
    let at_cost = found.costs.iter().find(|under| under.at == 1.0);
    let p: Option<Vec<f64>> = found.superior.iter().map(|beaten| beaten.p).collect();
    let validation = &mut manifest.validation;
    validation.method = format!(
        "{} windows of a walk forward ({} rows), {} combinatorial splits, purged and with embargo; auc is of direction, brier and ece of both sides",
        found.windows, found.walked, found.paths.splits
    );
    validation.auc = of("direction").map(|quality| quality.auc);
    validation.brier = of("both").map(|quality| quality.brier);
    validation.ece = of("both").map(|quality| quality.ece);
    validation.logloss = None;
    validation.exp_pips = at_cost.filter(|under| under.trades > 0).map(|under| under.net);
    validation.exp_lo95 = at_cost.and_then(|under| under.interval).map(|ends| ends.low);
    validation.dsr = found.deflated.as_ref().map(|deflated| deflated.probability);
    validation.dsr_n = found.deflated.as_ref().map(|deflated| deflated.trials).or(validation.dsr_n);
    validation.pbo = found.overfit.as_ref().map(|overfit| overfit.probability);
    validation.spa_p = p.filter(|p| !p.is_empty()).map(|p| p.into_iter().fold(0.0, f64::max));
    validation.verdict = Some(found.verdict.clone());
    manifest.files.clear();
    let broken = |error: serde_json::Error| Failure::Broken(error.to_string());
    let found_json = serde_json::to_vec_pretty(found).map_err(broken)?;
    let json = serde_json::to_vec_pretty(&manifest).map_err(broken)?;
    let card =
        format!("{}\nThe verdict of its validation: {}.\n", card::write(&manifest, FAILS).trim_end(), found.verdict);
    std::fs::write(folder.join("validation.json"), found_json).map_err(failed)?;
    std::fs::write(folder.join("card.md"), card).map_err(failed)?;
    std::fs::write(&path, json).map_err(failed)?;
    match std::fs::remove_file(folder.join("manifest.dsse")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(true),
    }
}

/// What the models answer on rows of their dataset, for both sides.
fn questions(made: &[&Made]) -> String {
    let (mut text, schema) = (String::new(), schema(made.iter().map(|made| &made.model)));
    for made in made {
        let own = columns(&made.model);
        for row in &made.rows {
            let value = |name: &String| {
                let place = own.iter().position(|column| column.0 == *name)?;
                row.get(place).copied().filter(|x| x.is_finite())
            };
            for (side, p) in made.model.log_odds(row).map(market::math::sigmoid).into_iter().enumerate() {
                let mut x: Vec<Option<f64>> = schema.iter().map(|column| value(&column.0)).collect();
                let asked = x.len() - 2;
                (x[asked], x[asked + 1]) = (Some(side as f64), Some(f64::from(made.model.seat() as u8)));
                let _ = writeln!(text, "{}", serde_json::json!({ "x": x, "p": p }));
            }
        }
    }
    text
}

/// Whether a package has a model that this program can ask.
pub(crate) fn is_ours(loaded: &Loaded) -> bool {
    seats::FILES.iter().any(|file| loaded.files.contains_key(*file))
}

/// The models of a verified package.
///
/// # Errors
/// Why it has none, or which is none.
pub(crate) fn parse(loaded: &Loaded) -> Result<Vec<Artefact>, String> {
    of_files(|file| loaded.files.get(file).map(Vec::as_slice))
}

/// The models of a package's verified files, which answer to their names.
fn of_files<'a>(bytes: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Vec<Artefact>, String> {
    let mut models = Vec::new();
    for seat in Trained::ALL {
        let file = seats::file_of(*seat);
        let Some(bytes) = bytes(file) else { continue };
        let model = replay::beside::parse(bytes).map_err(|error| format!("{file}: {error}"))?;
        if model.seat() != *seat {
            return Err(format!("{file} is a model of another seat"));
        }
        models.push(model);
    }
    if models.is_empty() { Err(format!("there is none of {} in it", seats::FILES.join(", "))) } else { Ok(models) }
}

/// The models of a signed folder that lies outside of any registry, after every check, as of a moment in seconds since 1970.
///
/// # Errors
/// Which check refused it, and why.
pub(crate) fn of_folder(folder: &Path, trust: &TrustStore, now_s: i64) -> Result<(Manifest, Vec<Artefact>), Failure> {
    let refused = |refusal: &registry::Refusal| crate::models::failed(refusal);
    let (draft, _) = registry::verify_folder(folder, trust, now_s).map_err(|refusal| refused(&refusal))?;
    let shown = |why: String| Failure::Proof(format!("{}: {why}", folder.display()));
    let bytes = |name: &str| draft.files.iter().find(|(file, _)| file == name).map(|(_, bytes)| bytes.as_slice());
    let models = of_files(bytes).map_err(shown)?;
    let width = draft.manifest.feature_schema.names.len();
    let rows = golden::read("golden.jsonl", &draft.golden, width).map_err(|refusal| refused(&refusal))?;
    golden::check("golden.jsonl", &rows, |x| ask(&models, x)).map_err(|refusal| refused(&refusal))?;
    Ok((draft.manifest, models))
}

/// What a model answers to a golden question: a row of all columns, the side behind it, and which model is asked.
///
/// # Errors
/// When the question is not one.
pub(crate) fn ask(models: &[Artefact], x: &[f64]) -> Result<f64, String> {
    let wrong = || "the question is not a row, a side (0 or 1) and a model (0, 1 or 2)".to_owned();
    let schema = schema(models.iter());
    let [.., side, which] = x else { return Err(wrong()) };
    let model = models.iter().find(|model| f64::from(model.seat() as u8) == *which).ok_or_else(wrong)?;
    if x.len() != schema.len() || (*side != 0.0 && *side != 1.0) {
        return Err(wrong());
    }
    let place = |name: &String| schema.iter().position(|column| column.0 == *name);
    let row: Option<Vec<f64>> = columns(model).iter().map(|column| place(&column.0).map(|place| x[place])).collect();
    Ok(market::math::sigmoid(model.log_odds(&row.ok_or_else(wrong)?)[usize::from(*side == 1.0)]))
}
