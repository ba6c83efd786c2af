//! A trained and validated package into the registry: signed, registered, and on as far as the gates let it, at most to
//! shadow.

use std::path::Path;

use ensemble::Artefact;
use learn::dataset::read::{Columns, Dataset};
use learn::validate::Origin;
use learn::validate::figures::Validation;
use registry::rollout::{Event, Evidence, Ground, Measure, State};
use registry::{By, Checks, Folder, Manifest, Refusal, Registry, Request, Version, Which, Why};
use vault::{Kek, Keks, TrustStore};

use crate::learn::failed as fault;
use crate::models::{failed, passphrase, signing_key, usable};
use crate::schedule::plan::Plan;
use crate::{Failure, Outcome, package, screen, seats};

/// What a decision may take, in microseconds: the whole way of a tick inside the desk (signals.md 6.7).
const BUDGET_US: f64 = 150.0;
/// Rows that latency, domain and parity are measured on.
const ROWS: usize = 2_000;

struct Opened {
    registry: Registry<Folder>,
    trust: TrustStore,
    keks: Keks,
}

impl Opened {
    fn new(plan: &Plan) -> Result<Self, Failure> {
        let registry = Registry::new(Folder::open(&plan.registry).map_err(|refusal| failed(&refusal))?);
        let trust = registry.trust(None).map_err(|refusal| failed(&refusal))?;
        let kek = Kek::read(&plan.kek, passphrase).map_err(|error| usable(&plan.kek, &error))?;
        let keks = Keks::new(vec![kek]).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Self { registry, trust, keks })
    }

    fn checks(&self) -> Checks<'_> {
        let now_s = screen::epoch_seconds();
        Checks { trust: &self.trust, keks: &self.keks, now_s, schema: None, ground: Ground::Paper, seen: None }
    }

    fn state(&self, plan: &Plan, version: Version) -> Result<State, Failure> {
        let shown = self.registry.show(&plan.name, version, &self.checks()).map_err(|refusal| failed(&refusal))?;
        Ok(shown.listed.state)
    }
}

/// What the validation of a training says.
pub(crate) fn verdict(training: &Path) -> Result<String, Failure> {
    Ok(validation(training)?.verdict)
}

fn validation(training: &Path) -> Result<Validation, Failure> {
    let path = training.join("validation.json");
    let shown = |error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(&path).map_err(|error| shown(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| shown(&error))
}

/// The version after the newest of that name: the next minor one.
pub(crate) fn next_version(plan: &Plan) -> Result<String, Failure> {
    let opened = Opened::new(plan)?;
    let versions = match opened.registry.versions(&plan.name) {
        Err(refusal) if matches!(refusal.why, Why::Missing) => Vec::new(),
        found => found.map_err(|refusal| failed(&refusal))?,
    };
    let next = versions.into_iter().max().map_or((1, 0), |newest| (newest.major, newest.minor + 1));
    Ok(format!("{}.{}.0", next.0, next.1))
}

/// `sign`, `register` or `advance`. Answers where the version stands, once it stands somewhere.
pub(crate) fn step(step: &str, plan: &Plan, training: &Path, version: &str) -> Result<Option<String>, Failure> {
    let number =
        Version::parse(version).ok_or_else(|| Failure::Broken(format!("{version:?} is no version of a round")))?;
    let package = training.join("package");
    match step {
        "sign" => sign(plan, &package, number).map(|()| None),
        "register" => register(plan, &package, number).map(|()| None),
        _ => advance(plan, training, number).map(Some),
    }
}

fn sign(plan: &Plan, package: &Path, version: Version) -> Outcome {
    let path = package.join("manifest.json");
    let shown = |error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(&path).map_err(|error| shown(&error))?;
    let mut manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| shown(&error))?;
    manifest.version = version;
    manifest.files.clear();
    let json = serde_json::to_vec_pretty(&manifest).map_err(|error| Failure::Broken(error.to_string()))?;
    let partial = package.with_extension("manifest");
    std::fs::write(&partial, json).and_then(|()| std::fs::rename(&partial, &path)).map_err(|error| shown(&error))?;
    registry::sign_folder(package, &signing_key(&plan.key)?).map(|_| ()).map_err(|refusal| failed(&refusal))
}

/// Registers it; what a killed run registered under this number is the same, or it is said.
fn register(plan: &Plan, package: &Path, version: Version) -> Outcome {
    let opened = Opened::new(plan)?;
    let key = signing_key(&plan.key)?;
    let now_s = screen::epoch_seconds();
    match opened.registry.import(package, &opened.trust, now_s, (&key, &opened.keks)) {
        Ok(_) => Ok(()),
        Err(refusal) if matches!(refusal.why, Why::Exists) => {
            let (draft, _) =
                registry::verify_folder(package, &opened.trust, now_s).map_err(|refusal| failed(&refusal))?;
            let which = Which::Version(version);
            let there =
                opened.registry.verify(&plan.name, which, &opened.checks()).map_err(|refusal| failed(&refusal))?;
            if there.manifest == draft.manifest {
                return Ok(());
            }
            Err(Failure::Output(format!("{} {version} is in the registry already, and is another model", plan.name)))
        }
        Err(refusal) => Err(failed(&refusal)),
    }
}

/// On to validated, to shadow, and the alias to it, as far as the gates are open.
fn advance(plan: &Plan, training: &Path, version: Version) -> Result<String, Failure> {
    let opened = Opened::new(plan)?;
    let ask = |models: &mut Vec<Artefact>, x: &[f64]| package::ask(models, x);
    let which = Which::Version(version);
    let loaded = opened.registry.load(&plan.name, which, &opened.checks(), package::parse, ask);
    let (_, models) = loaded.map_err(|refusal| failed(&refusal))?;
    let mut evidence = Evidence::from([(Measure::GoldenPassed, 1.0), (Measure::SchemaEqual, 1.0)]);
    evidence.extend(measured(training, &models)?);
    for (from, event) in [(State::Draft, Event::Validate), (State::Validated, Event::ToShadow)] {
        if opened.state(plan, version)? != from {
            continue;
        }
        let ask = Request { event, evidence: evidence.clone(), ground: Ground::Paper, consent: None };
        let by = By { actor: &plan.actor, reason: "scheduled retraining", evidence: &[] };
        match opened.registry.advance(&plan.name, version, &ask, by, &opened.checks()) {
            Ok(_) => {}
            Err(Refusal { why: Why::Rollout(refused), .. }) => return Ok(format!("{from}: {refused}")),
            Err(refusal) => return Err(failed(&refusal)),
        }
    }
    let state = opened.state(plan, version)?;
    if state == State::Shadow {
        point(plan, &opened, version)?;
    }
    Ok(state.to_string())
}

fn point(plan: &Plan, opened: &Opened, version: Version) -> Outcome {
    let by = By { actor: &plan.actor, reason: "scheduled retraining", evidence: &[] };
    match opened.registry.promote(&plan.name, plan.alias, version, by, &opened.checks()) {
        // A killed run pointed it there, or somebody pointed it at a newer one.
        Err(Refusal { why: Why::Older { asked, latest, .. }, .. }) if asked <= latest => Ok(()),
        Err(refusal) => Err(failed(&refusal)),
        Ok(_) => Ok(()),
    }
}

/// Latency, domain and parity on the newest rows of the dataset; their labels are not looked at. Models that vote are asked one
/// after the other, as the desk asks them.
pub(crate) fn measured(training: &Path, models: &[Artefact]) -> Result<Evidence, Failure> {
    let origin = Origin::read(training).map_err(fault)?;
    let data = Dataset::open(&origin.dataset).map_err(fault)?;
    let (mut outside, mut asked, mut same, mut took) = (0_usize, 0_usize, true, Vec::new());
    for model in models.iter().filter(|model| model.seat().agent().is_some()) {
        let path = training.join(seats::file_of(model.seat()));
        let trained = replay::beside::read(&path).map_err(|error| Failure::Input(error.to_string()))?;
        let rows = newest(&data, model)?;
        took.resize(took.len().max(rows.len()), 0.0);
        asked += rows.len();
        for (row, took) in rows.iter().zip(&mut took) {
            let began = screen::now();
            let said = model.log_odds(row);
            *took += began.elapsed().as_secs_f64() * 1e6;
            same &= said.map(f64::to_bits) == trained.log_odds(row).map(f64::to_bits);
            let is_out = |(x, input): (&f64, &ensemble::Input)| x.is_finite() && !(input.low..=input.high).contains(x);
            let out = row.iter().zip(&model.parts().inputs).filter(|pair| is_out(*pair)).count() as u32;
            outside += usize::from(out > model.parts().outside_max);
        }
    }
    took.sort_by(f64::total_cmp);
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or(f64::NAN);
    Ok(Evidence::from([
        (Measure::LatencyOfBudget, p99 / BUDGET_US),
        (Measure::OutOfDomain, outside as f64 / asked.max(1) as f64),
        (Measure::ReplayParity, f64::from(u8::from(same && asked > 0))),
    ]))
}

/// What a model reads in the newest rows.
fn newest(data: &Dataset, model: &Artefact) -> Result<Vec<Vec<f64>>, Failure> {
    let inputs = &model.parts().inputs;
    let from = data.rows() * 4 / 5;
    let step = ((data.rows() - from) / ROWS).max(1);
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for input in inputs {
        let column = data.column(input.feature.name()).map_err(fault)?;
        for (nth, value) in column[from..].iter().step_by(step).enumerate() {
            if rows.len() <= nth {
                rows.push(Vec::with_capacity(inputs.len()));
            }
            rows[nth].push(*value);
        }
    }
    Ok(rows)
}
