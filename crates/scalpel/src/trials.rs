//! The trial ledger: what was fitted or run is counted, so that nobody has to remember how often he tried.

use std::path::{Path, PathBuf};

use learn::ledger::{Kind, Ledger, Trial};
use learn::lockbox::{Candidate, Lockbox};
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

/// Writes down a training, one trial for each kind of model that was fitted. Answers how many trials there are now.
pub(crate) fn fitted(ledger: &Ledger, report: &Report, seed: u64) -> Result<u64, Failure> {
    let mut models: Vec<&str> = report.judged.iter().map(|judged| judged.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let spec = serde_json::to_vec(&report.spec).map_err(|error| Failure::Broken(error.to_string()))?;
    for model in models {
        append(
            ledger,
            &Trial {
                kind: Kind::Fit,
                time: now(),
                config: learn::ledger::digest(&spec),
                data: vec![report.dataset_sha256.clone()],
                code: BUILD.into(),
                seed,
                sharpe_day: None,
                expectancy_pips: None,
                n: report.develop as u64,
                parent: None,
                period: None,
                note: model.to_owned(),
            },
        )?;
    }
    if let Some((from, to)) = report.beyond.filter(|_| !report.spec.sealed) {
        looked(ledger, &Lockbox { from, to }, report, (learn::ledger::digest(&spec), seed))?;
    }
    count(ledger)
}

/// A training that is not sealed shows figures of what lies beyond its cut: that is opening the lockbox.
fn looked(ledger: &Ledger, lockbox: &Lockbox, report: &Report, (config, seed): (String, u64)) -> Result<(), Failure> {
    let data = vec![report.dataset_sha256.clone()];
    let candidate = Candidate { config, data, code: BUILD.into(), seed, parent: None };
    let opened = lockbox.open(ledger, &candidate, now()).map_err(|fault| Failure::Output(fault.to_string()))?;
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
