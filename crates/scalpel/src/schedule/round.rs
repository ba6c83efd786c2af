//! One retraining: dataset, training, validation as processes of this program, then the registry. Each step is begun again
//! after a kill, and does nothing twice.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::schedule::drift::Heard;
use crate::schedule::enter;
use crate::schedule::plan::Plan;
use crate::{Failure, Outcome, screen};

/// The steps of a round, in order.
pub(crate) const STEPS: [&str; 8] = ["dataset", "train", "validate", "number", "sign", "register", "advance", "log"];

/// A round as it stands in `round.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Round {
    pub(crate) number: u64,
    /// Why it was begun.
    pub(crate) why: String,
    /// When it was begun, in seconds since 1970 UTC.
    pub(crate) started_s: i64,
    /// Steps that are done.
    pub(crate) done: Vec<String>,
    /// The version that it registers; it is written down before anything has it.
    pub(crate) version: Option<String>,
    /// What the validation said.
    pub(crate) verdict: Option<String>,
    /// Where the version came in the registry; why not further.
    pub(crate) state: Option<String>,
    /// How far the desk's journal was heard when it was begun.
    #[serde(default)]
    pub(crate) heard: Option<Heard>,
}

/// The newest round; `None` before the first.
pub(crate) fn last(plan: &Plan) -> Result<Option<Round>, Failure> {
    let folder = plan.work.join("rounds");
    let failed = |error: std::io::Error| Failure::Input(format!("{}: {error}", folder.display()));
    let mut numbers: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path().join("round.json");
        if path.exists() {
            numbers.push(path);
        }
    }
    numbers.sort();
    let Some(path) = numbers.pop() else { return Ok(None) };
    let bytes = fs::read(&path).map_err(failed)?;
    let broken =
        |error| Failure::Input(format!("{}: {error}; remove its folder to begin the round anew", path.display()));
    serde_json::from_slice(&bytes).map(Some).map_err(broken)
}

impl Round {
    pub(crate) fn new(number: u64, why: &str, (started_s, heard): (i64, Option<Heard>)) -> Self {
        let why = why.to_owned();
        Self { number, why, started_s, done: vec![], version: None, verdict: None, state: None, heard }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.done.len() == STEPS.len()
    }

    pub(crate) fn folder(&self, plan: &Plan) -> PathBuf {
        plan.work.join("rounds").join(format!("{:06}", self.number))
    }

    /// The folder of its training, which gives the model its name.
    pub(crate) fn training(&self, plan: &Plan) -> PathBuf {
        self.folder(plan).join(&plan.name)
    }

    /// Writes it so that its name only ever stands for whole content.
    fn save(&self, plan: &Plan) -> Outcome {
        let folder = self.folder(plan);
        let failed = |error: std::io::Error| Failure::Output(format!("{}: {error}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        let text = serde_json::to_vec_pretty(self).map_err(|error| Failure::Broken(error.to_string()))?;
        let partial = folder.join("round.json.partial");
        let mut file = File::create(&partial).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&partial, folder.join("round.json")).map_err(failed)
    }

    /// Does every step that is not done.
    pub(crate) fn go(mut self, plan: &Plan, lock: &File) -> Outcome {
        self.save(plan)?;
        screen::line(&format!("round {} because of {}", self.number, self.why));
        for step in &STEPS[self.done.len()..] {
            self.step(step, plan, lock)?;
            self.done.push((*step).to_owned());
            self.save(plan)?;
        }
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
        screen::say(&format!(
            "round {}: {} {}, {}, {}",
            self.number,
            plan.name,
            known(&self.version),
            known(&self.verdict),
            known(&self.state)
        ))
    }

    fn step(&mut self, step: &str, plan: &Plan, lock: &File) -> Outcome {
        let folder = self.folder(plan);
        let (rows, training) = (folder.join("rows.parquet"), self.training(plan));
        let rows = rows.display().to_string();
        let shown = training.display().to_string();
        match step {
            "dataset" if Path::new(&rows).exists() => Ok(()),
            "dataset" => {
                let mut words = plan.dataset.clone();
                words.extend(["--out".to_owned(), rows, "--ticks".to_owned()]);
                words.extend(plan.ticks.iter().map(|path| path.display().to_string()));
                if !plan.leader.is_empty() {
                    words.push("--leader".to_owned());
                    words.extend(plan.leader.iter().map(|path| path.display().to_string()));
                }
                child("dataset", &words, lock)
            }
            "train" => {
                let ledger = plan.work.join("trials.log").display().to_string();
                let mut words = vec![rows, "--out".into(), shown, "--sealed".into(), "--ledger".into(), ledger];
                words.extend(plan.train.clone());
                child("train", &words, lock)
            }
            "validate" => {
                let mut words = vec![shown];
                words.extend(plan.validate.clone());
                child("validate", &words, lock)?;
                self.verdict = Some(enter::verdict(&training)?);
                Ok(())
            }
            _ if !training.join("package").exists() => {
                self.state = Some("no model: the trees of one side tell nothing apart".into());
                if step == "log" { self.log(plan) } else { Ok(()) }
            }
            "number" => {
                self.version = Some(enter::next_version(plan)?);
                Ok(())
            }
            "log" => self.log(plan),
            _ => {
                let version = self.version.clone().unwrap_or_default();
                self.state = enter::step(step, plan, &training, &version)?.or(self.state.take());
                Ok(())
            }
        }
    }

    /// One line of the log of rounds, unless a killed run wrote it.
    fn log(&self, plan: &Plan) -> Outcome {
        let path = plan.work.join("rounds.jsonl");
        let failed = |error: std::io::Error| Failure::Output(format!("{}: {error}", path.display()));
        let before = fs::read_to_string(&path).unwrap_or_default();
        let whole = before.rfind('\n').map_or(0, |end| end + 1);
        let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["round"].as_u64();
        if before[..whole].lines().filter_map(number).any(|number| number == self.number) {
            return Ok(());
        }
        let line = serde_json::json!({ "round": self.number, "why": self.why, "started_s": self.started_s,
            "ended_s": screen::epoch_seconds(), "model": plan.name, "version": self.version, "verdict": self.verdict,
            "state": self.state });
        let mut file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        // What a kill tore off is overwritten.
        file.set_len(whole as u64).map_err(failed)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(failed)?;
        file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }
}

/// Runs a command of this program; it holds the lock as long as it lives.
fn child(verb: &str, words: &[String], lock: &File) -> Outcome {
    let this = std::env::current_exe().map_err(|error| Failure::Broken(error.to_string()))?;
    let held = lock.try_clone().map_err(|error| Failure::Output(error.to_string()))?;
    let mut command = Command::new(this);
    command.args(["learn", verb]).args(words).stdin(Stdio::from(held)).stdout(Stdio::null());
    let status = command.status().map_err(|error| Failure::Broken(format!("learn {verb}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let why = format!("learn {verb} ended with {status}; the reason is above. The same command goes on from there");
    Err(match status.code() {
        Some(2) => Failure::Usage(why),
        Some(4) => Failure::Output(why),
        _ => Failure::Input(why),
    })
}
