//! What is written into the ledger, and the lockbox.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::ledger::{Contents, Kind, LedgerFault, Trial};
use crate::lockbox::{Candidate, Lockbox};
use crate::split::Life;
use crate::train::calibrate::{Calibrator, Line};
use crate::train::pipeline::Worth;
use crate::train::stages::{digest, replace};
use crate::validate::FOLDER;
use crate::validate::figures::{LockboxFigures, RuleFigures, Under};
use crate::validate::fit::{Said, top};
use crate::validate::judge::Walked;
use crate::validate::rules::{FAMILY, Market};
use crate::validate::run::{Run, json, parsed};

/// What was found in an opened lockbox, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    key: String,
    found: Under,
}

const KEPT: &str = "lockbox.json";

impl Run<'_> {
    fn ledger_fault(&self, fault: &LedgerFault) -> Fault {
        Fault::File(self.ledger.path().display().to_string(), fault.to_string())
    }

    /// Writes every rule of the family down as a trial, unless the same was written before: the same look again adds
    /// nothing. Fits of splits are of a configuration that was counted when it was trained.
    pub(super) fn count(&self, rules: &[RuleFigures]) -> Result<Contents, Fault> {
        let period = self.ground.develop.first().zip(self.ground.test.first());
        let period = period.map(|(from, to)| (self.ground.times[*from as usize], self.ground.times[*to as usize]));
        let before = self.ledger.read().map_err(|fault| self.ledger_fault(&fault))?;
        let same = |a: &Trial, b: &Trial| {
            (a.kind, &a.config, &a.data, &a.code, a.seed) == (b.kind, &b.config, &b.data, &b.code, b.seed)
        };
        for rule in rules {
            let trial = Trial {
                kind: Kind::Backtest,
                time: self.asking.now,
                config: digest(&json(&(&self.key, &rule.rule))?),
                data: vec![self.ground.digest.clone()],
                code: self.asking.code.to_owned(),
                seed: self.asking.spec.seed,
                sharpe_day: rule.sharpe_day,
                expectancy_pips: (rule.trades > 0).then_some(rule.net),
                n: rule.trades,
                parent: None,
                period,
                note: format!("validate: {}", rule.rule),
            };
            if !before.trials.iter().any(|(_, known)| same(known, &trial)) {
                self.ledger.append(&trial).map_err(|fault| self.ledger_fault(&fault))?;
            }
        }
        self.ledger.read().map_err(|fault| self.ledger_fault(&fault))
    }

    /// The period that is kept for the end: what lies beyond the training's cut.
    pub(super) fn lockbox(&self) -> Lockbox {
        let (from, to) = self.ground.beyond().unwrap_or((i64::MAX, i64::MAX));
        Lockbox { from, to }
    }

    /// How often it was opened and what was found; opens it when that is asked.
    pub(super) fn lockbox_figures(&self, walked: &Walked<'_>, chosen: usize) -> Result<LockboxFigures, Fault> {
        let lockbox = self.lockbox();
        let key = digest(&json(&(&self.key, &FAMILY[chosen].text()))?);
        let path = self.asking.training.join(FOLDER).join(KEPT);
        let mut remarks = Vec::new();
        if self.asking.open_lockbox {
            let candidate = Candidate {
                config: key.clone(),
                data: vec![self.ground.digest.clone(), digest(&json(&self.trained()?)?)],
                code: self.asking.code.to_owned(),
                seed: self.asking.spec.seed,
                parent: None,
            };
            let opened =
                lockbox.open(&self.ledger, &candidate, self.asking.now).map_err(|fault| self.ledger_fault(&fault))?;
            remarks.extend(opened.warning());
            let lives = |row: &u32| Life {
                start: self.ground.times[*row as usize],
                end: self.ground.ended[*row as usize].max(self.ground.times[*row as usize]),
            };
            let lives: Vec<Life> = self.ground.test.iter().map(lives).collect();
            let rows: Vec<u32> = opened.inside(&lives).into_iter().map(|place| self.ground.test[place]).collect();
            let found = self.in_lockbox(walked, chosen, &rows)?;
            replace(&path, &json(&Kept { key: key.clone(), found })?)?;
        }
        let kept: Option<Kept> = std::fs::read(&path).ok().map(|bytes| parsed(&path, &bytes)).transpose()?;
        let contents = self.ledger.read().map_err(|fault| self.ledger_fault(&fault))?;
        let openings = lockbox.openings(&contents);
        if kept.as_ref().is_some_and(|kept| kept.key != key) {
            remarks.push("it was opened for other choices than these; what was found is not of them".into());
        }
        if !self.report.spec.sealed {
            let open = "this training judged its models on it and printed the figures: it is no secret any more \
                        (train with --sealed to keep it closed)";
            remarks.push(open.into());
        } else if openings > 0 {
            remarks.push(format!("it was opened {openings} times; a result on it is no first look any more"));
        }
        let found = kept.filter(|kept| kept.key == key).map(|kept| kept.found);
        Ok(LockboxFigures { from: lockbox.from, to: lockbox.to, openings, found, remarks })
    }

    /// The trained models' calibration.
    fn trained(&self) -> Result<[Worth; 2], Fault> {
        let read = |name: &str| {
            let path = self.asking.training.join(format!("{name}.worth.json"));
            let bytes = std::fs::read(&path).map_err(|error| Fault::content(&path, &error))?;
            parsed(&path, &bytes)
        };
        Ok([read("trees_buy")?, read("trees_sell")?])
    }

    /// The trained model with the chosen rule on rows of the lockbox.
    fn in_lockbox(&self, walked: &Walked<'_>, chosen: usize, rows: &[u32]) -> Result<Under, Fault> {
        let column = |name: &str| -> Result<Vec<f64>, Fault> {
            let path = self.asking.training.join(format!("{name}.worth.json"));
            let bytes = std::fs::read(&path).map_err(|error| Fault::content(&path, &error))?;
            let line: Line = parsed::<Worth>(&path, &bytes)?.line;
            let path = self.asking.training.join(format!("{name}.f64"));
            let bytes = std::fs::read(&path).map_err(|error| Fault::content(&path, &error))?;
            let scores: Vec<f64> = bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
            if scores.len() != self.ground.times.len() {
                return Err(Fault::content(&path, &"holds another number of rows: train again"));
            }
            let said = |score: f64| if score.is_nan() { score } else { line.probability(score) };
            Ok(scores.into_iter().map(said).collect())
        };
        let (p, meta) = ([column("trees_buy")?, column("trees_sell")?], column("meta")?);
        let bars = top(&p, self.ground.develop.iter().map(|row| *row as usize));
        let pick = |values: &[f64]| rows.iter().map(|row| values[*row as usize]).collect::<Vec<f64>>();
        let said =
            Said { p: [pick(&p[0]), pick(&p[1])], meta: pick(&meta), top: bars.map(|bar| vec![bar; rows.len()]) };
        let ground = &self.ground;
        let market = Market { times: &ground.times, spread: &self.spread, sides: &ground.sides };
        let trades = market.of_rule(&FAMILY[chosen], &ground.barrier, rows, &said);
        Ok(walked.later(rows, &trades))
    }
}
