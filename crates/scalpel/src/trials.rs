//! The trial ledger: what was fitted or run is counted, so that nobody has to remember how often he tried.

use std::path::{Path, PathBuf};

use learn::ledger::{Kind, Ledger, Trial};
use learn::lockbox::{Candidate, Lockbox};
use learn::train::adopt::Adoption;
use learn::train::pipeline::judge::Report;
use report::{Assessment, Session};

use crate::backtest::BUILD;
use crate::{Failure, screen};

/// The ledger of a folder of runs: beside the folder of the run, unless another is named.
pub(crate) fn ledger(named: Option<&Path>, out: &Path) -> Ledger {
    let beside = || out.parent().filter(|p| !p.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_owned);
    Ledger::at(named.map_or_else(|| beside().join("trials.log"), Path::to_owned))
}

/// Writes down a run: one trial a strategy. Answers how many trials there are now.
pub(crate) fn ran(ledger: &Ledger, session: &Session, assessment: &Assessment) -> Result<u64, Failure> {
    let manifest = &session.manifest;
    let (from, to) = manifest.period;
    for judged in &assessment.strategies {
        let count = judged.pips.count;
        append(
            ledger,
            &Trial {
                kind: Kind::Backtest,
                time: now(),
                config: manifest.config_digest.clone(),
                data: manifest.data.iter().map(|(_, digest)| digest.clone()).collect(),
                code: BUILD.into(),
                seed: manifest.seed,
                sharpe_day: sharpe(session, &judged.strategy),
                expectancy_pips: (count > 0).then_some(judged.pips.expectancy),
                n: count,
                parent: None,
                period: Some((from.0, to.0)),
                note: format!("{}: {}", judged.strategy, judged.verdict.name()),
            },
        )?;
    }
    count(ledger)
}

/// What was fitted, or taken over from elsewhere.
pub(crate) struct Fit<'a> {
    kinds: Vec<&'a str>,
    /// What was a choice, as JSON.
    spec: Vec<u8>,
    data: &'a str,
    develop: usize,
    /// What was looked at beyond the cut; `None` when that stayed closed.
    beyond: Option<(i64, i64)>,
    note: &'static str,
}

impl<'a> Fit<'a> {
    /// A training: each kind of model that was fitted.
    pub(crate) fn trained(report: &'a Report) -> Result<Self, Failure> {
        let mut kinds: Vec<&str> = report.judged.iter().map(|judged| judged.model.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let spec = serde_json::to_vec(&report.spec).map_err(|error| Failure::Broken(error.to_string()))?;
        let beyond = report.beyond.filter(|_| !report.spec.sealed);
        Ok(Self { kinds, spec, data: &report.dataset_sha256, develop: report.develop, beyond, note: "" })
    }

    /// An adoption: one model, whatever was tried where it came from.
    pub(crate) fn adopted(adoption: &'a Adoption) -> Result<Self, Failure> {
        let spec = serde_json::to_vec(&(&adoption.files, &adoption.spec));
        Ok(Self {
            kinds: adoption.judged.iter().map(|judged| judged.model.as_str()).take(1).collect(),
            spec: spec.map_err(|error| Failure::Broken(error.to_string()))?,
            data: &adoption.dataset_sha256,
            develop: adoption.develop,
            beyond: adoption.beyond.filter(|_| !adoption.spec.sealed),
            note: " adopted",
        })
    }
}

/// Writes down one trial for each kind of model. Answers how many trials there are now.
pub(crate) fn fitted(ledger: &Ledger, fit: &Fit<'_>, seed: u64) -> Result<u64, Failure> {
    let (config, data) = (learn::ledger::digest(&fit.spec), vec![fit.data.to_owned()]);
    for kind in &fit.kinds {
        append(
            ledger,
            &Trial {
                kind: Kind::Fit,
                time: now(),
                config: config.clone(),
                data: data.clone(),
                code: BUILD.into(),
                seed,
                sharpe_day: None,
                expectancy_pips: None,
                n: fit.develop as u64,
                parent: None,
                period: None,
                note: format!("{kind}{}", fit.note),
            },
        )?;
    }
    if let Some((from, to)) = fit.beyond {
        let candidate = Candidate { config, data, code: BUILD.into(), seed, parent: None };
        looked(ledger, &Lockbox { from, to }, &candidate)?;
    }
    count(ledger)
}

/// Figures of what lies beyond a cut that is not sealed: that is opening the lockbox.
fn looked(ledger: &Ledger, lockbox: &Lockbox, candidate: &Candidate) -> Result<(), Failure> {
    let opened = lockbox.open(ledger, candidate, now()).map_err(|fault| Failure::Output(fault.to_string()))?;
    if let Some(warning) = opened.warning() {
        screen::line(&format!("{warning}; --sealed leaves it closed"));
    }
    Ok(())
}

pub(crate) fn now() -> i64 {
    screen::epoch_seconds().saturating_mul(1_000_000_000)
}

/// Makes the ledger's folder.
pub(crate) fn make_room(ledger: &Ledger) -> Result<(), Failure> {
    let Some(folder) = ledger.path().parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|e| Failure::Output(format!("{}: {e}", folder.display())))
}

fn append(ledger: &Ledger, trial: &Trial) -> Result<(), Failure> {
    make_room(ledger)?;
    let appended = ledger.append(trial).map_err(|fault| Failure::Output(fault.to_string()))?;
    if let Some(aside) = appended.aside {
        screen::line(&format!("the ledger's torn end was moved to {}", aside.display()));
    }
    Ok(())
}

fn count(ledger: &Ledger) -> Result<u64, Failure> {
    let contents = ledger.read().map_err(|fault| Failure::Output(fault.to_string()))?;
    Ok(contents.count())
}

/// The Sharpe ratio per day of one strategy: its net results by the day of their closing, days without trades included.
fn sharpe(session: &Session, strategy: &str) -> Option<f64> {
    let days = session.days.iter().map(|day| {
        let of_day =
            session.trades.iter().filter(|trade| trade.strategy == strategy && trade.closed.day() == day.day.day());
        of_day.map(|trade| trade.net().as_f64()).sum::<f64>()
    });
    let days: Vec<f64> = days.collect();
    let n = days.len() as f64;
    let mean = days.iter().sum::<f64>() / n;
    let deviation = (days.iter().map(|day| (day - mean) * (day - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    (days.len() > 1 && deviation > 0.0).then_some(mean / deviation)
}
