//! Which parameters of the trees? A seeded search by what they say of rows that their folds did not know.
//!
//! `space` what is searched, and how the next is drawn
//!
//! The objective is the mean of three log-loss skills on the development rows, by purged folds: of a buy, of a sell, and of
//! direction (which side, where just one won), each row counted by its uniqueness. Nothing beyond the training's cut is
//! looked at. Every trial is a line of `tune.jsonl` and of the ledger. A killed search goes on: the trials that are written
//! are told to the search again, which then draws what it would have drawn.

mod space;

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rayon::ThreadPoolBuilder;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::ledger::{Kind, Ledger, LedgerFault, Trial};
use crate::progress::{Progress, tell};
use crate::split::{Life, Split, purged_k_fold};
use crate::train::boost::BoostSpec;
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::spec::TrainSpec;
use crate::train::stages::{digest, replace};
use crate::validate::fit::{Said, fit};
use crate::validate::quality::{Asked, all, bases};

use space::Search;

/// The file of all trials in the folder of a search.
pub const TRIALS: &str = "tune.jsonl";
/// The file of the best spec.
pub const BEST: &str = "spec.json";
/// What was searched.
const SEARCH: &str = "search.json";

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// Its number; 0 is the spec that the search began with.
    pub number: usize,
    /// The trees' parameters.
    pub boost: BoostSpec,
    /// SHA-256 of the whole training spec, in hexadecimal.
    pub spec_sha256: String,
    /// Log-loss skill of buys, sells, direction; null where there was too little to say.
    pub skill: [Option<f64>; 3],
    /// Their mean, with -1 for one that is not there.
    pub objective: f64,
}

/// What is asked of a search.
pub struct Asking<'a> {
    /// The dataset.
    pub dataset: &'a Path,
    /// The folder.
    pub out: &'a Path,
    /// What it begins with, and what is not searched.
    pub base: &'a TrainSpec,
    /// Trials after the first, 1 to 10,000.
    pub trials: usize,
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// Threads; what is found does not depend on how many.
    pub threads: usize,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// The commit of the code.
    pub code: &'a str,
    /// The time, in nanoseconds since 1970 UTC: for the ledger.
    pub now: i64,
}

/// Searches, and writes the best spec. Answers the trials, the best first.
///
/// # Errors
/// [`Fault`]: the dataset, the folder (also when it is of another search), the ledger, too few rows, or a wish to stop.
pub fn tune(asking: &Asking<'_>, progress: &dyn Progress) -> Result<Vec<Tried>, Fault> {
    asking.base.check()?;
    if !(1..=10_000).contains(&asking.trials) {
        return Err(Fault::Asked("trials", "must be 1 to 10,000".into()));
    }
    if !(1..=1_024).contains(&asking.threads) {
        return Err(Fault::Asked("threads", "must be 1 to 1,024".into()));
    }
    let pool = ThreadPoolBuilder::new().num_threads(asking.threads).build();
    let pool = pool.map_err(|error| Fault::Asked("threads", error.to_string()))?;
    pool.install(|| search(asking, progress))
}

fn search(asking: &Asking<'_>, progress: &dyn Progress) -> Result<Vec<Tried>, Fault> {
    let ground = Ground::of(asking.dataset, asking.base)?;
    claim(asking, &ground)?;
    let path = asking.out.join(TRIALS);
    let mut known = read(&path)?.into_iter();
    let search = Search::new(asking.seed)?;
    let mut tried: Vec<Tried> = Vec::new();
    for number in 0..=asking.trials {
        let (drawn, boost) = match number {
            0 => (None, asking.base.boost),
            _ => search.draw(&asking.base.boost).map(|(drawn, boost)| (Some(drawn), boost))?,
        };
        tell(progress, "trials", number as u64, asking.trials as u64 + 1)?;
        let spec = TrainSpec { boost, ..asking.base.clone() };
        let spec_sha256 = digest(&json(&spec)?);
        let one = match known.next() {
            Some(known) if known.number == number && known.spec_sha256 == spec_sha256 => known,
            Some(_) => {
                let what = format!("trial {number} is not what this search draws: begin in another folder");
                return Err(Fault::content(&path, &what));
            }
            None => {
                let one = judge(&ground, &spec, (number, spec_sha256, asking.seed), progress)?;
                append(&path, &one)?;
                one
            }
        };
        count(asking, &ground, &one)?;
        if let Some(drawn) = drawn {
            search.hear(drawn, one.objective);
        }
        tried.push(one);
    }
    tell(progress, "trials", asking.trials as u64 + 1, asking.trials as u64 + 1)?;
    tried.sort_by(|a, b| b.objective.total_cmp(&a.objective).then(a.number.cmp(&b.number)));
    let best = TrainSpec { boost: tried[0].boost, ..asking.base.clone() };
    let text = serde_json::to_vec_pretty(&best).map_err(|error| Fault::file(&path, &error))?;
    replace(&asking.out.join(BEST), &text)?;
    Ok(tried)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|error| Fault::Asked("output", error.to_string()))
}

/// Takes the folder for this search, or finds that it is its own.
fn claim(asking: &Asking<'_>, ground: &Ground) -> Result<(), Fault> {
    std::fs::create_dir_all(asking.out).map_err(|error| Fault::file(asking.out, &error))?;
    let path = asking.out.join(SEARCH);
    let text = json(&(&ground.digest, asking.base, asking.seed))?;
    match std::fs::read(&path) {
        Ok(found) if found == text => Ok(()),
        Ok(_) => Err(Fault::content(&path, &"is of a search with another dataset, spec or seed: take another --out")),
        Err(_) => replace(&path, &text),
    }
}

/// The whole lines of the file; what a kill tore off the end is cut.
fn read(path: &PathBuf) -> Result<Vec<Tried>, Fault> {
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(Vec::new()) };
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let line = |line: &str| serde_json::from_str(line).map_err(|error| Fault::content(path, &error));
    text[..whole].lines().map(line).collect()
}

fn append(path: &Path, one: &Tried) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::file(path, &error);
    let mut options = OpenOptions::new();
    let mut file: File = options.create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
    let bytes = std::fs::read(path).map_err(failed)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1) as u64;
    file.set_len(whole).map_err(failed)?;
    file.seek(SeekFrom::Start(whole)).map_err(failed)?;
    let mut line = json(one)?;
    line.push(b'\n');
    file.write_all(&line).and_then(|()| file.sync_all()).map_err(failed)
}

/// Judges a spec by purged folds of the development rows.
fn judge(
    ground: &Ground,
    spec: &TrainSpec,
    (number, spec_sha256, seed): (usize, String, u64),
    progress: &dyn Progress,
) -> Result<Tried, Fault> {
    let life = |row: &u32| {
        let row = *row as usize;
        Life { start: ground.times[row], end: ground.ended[row].max(ground.times[row]) }
    };
    let lives: Vec<Life> = ground.develop.iter().map(life).collect();
    let folds = purged_k_fold(&lives, spec.folds, spec.embargo());
    let folds = folds.map_err(|fault| Fault::Asked("folds", fault.to_string()))?;
    let (mut said, mut base) = (Said::default(), Vec::new());
    for (nth, Split { train, test, .. }) in folds.iter().enumerate() {
        let rows = |places: &[usize]| places.iter().map(|place| ground.develop[*place]).collect::<Vec<u32>>();
        let (train, test) = (rows(train), rows(test));
        let label = format!("trial {number}, fold {}/{}", nth + 1, folds.len());
        let found = fit(ground, spec, (&train, &test), (&label, progress))?;
        base.extend(vec![bases(ground, &train); test.len()]);
        for (all, part) in said.p.iter_mut().zip(found.p) {
            all.extend(part);
        }
    }
    let qualities = all(ground, &Asked { rows: &ground.develop, said: &said, base: &base }, seed);
    let skill = ["buy", "sell", "direction"].map(|name| {
        let found = qualities.iter().find(|quality| quality.of == name);
        found.map(|quality| quality.log_loss_skill).filter(|skill| skill.is_finite())
    });
    let objective = skill.iter().map(|skill| skill.unwrap_or(-1.0)).sum::<f64>() / 3.0;
    Ok(Tried { number, boost: spec.boost, spec_sha256, skill, objective })
}

/// Writes a trial into the ledger, unless a killed search did.
fn count(asking: &Asking<'_>, ground: &Ground, one: &Tried) -> Result<(), Fault> {
    let failed = |fault: LedgerFault| Fault::File(asking.ledger.path().display().to_string(), fault.to_string());
    let note = format!("tune: trial {}", one.number);
    let is_same = |known: &Trial| {
        (known.kind, known.config.as_str(), known.seed) == (Kind::Fit, one.spec_sha256.as_str(), asking.seed)
            && known.data == [ground.digest.as_str()]
            && known.note == note
    };
    if asking.ledger.read().map_err(failed)?.trials.iter().any(|(_, known)| is_same(known)) {
        return Ok(());
    }
    let trial = Trial {
        kind: Kind::Fit,
        time: asking.now,
        config: one.spec_sha256.clone(),
        data: vec![ground.digest.clone()],
        code: asking.code.to_owned(),
        seed: asking.seed,
        sharpe_day: None,
        expectancy_pips: None,
        n: ground.develop.len() as u64,
        parent: None,
        period: None,
        note,
    };
    asking.ledger.append(&trial).map(|_| ()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;
    use crate::validate::tests::{Fuse, small, trained};
    use std::sync::atomic::AtomicU64;

    #[test]
    fn a_broken_search_ends_where_an_unbroken_one_does() {
        let folder = tempfile::tempdir().unwrap();
        trained(folder.path(), 4, (200, 11, true));
        let dataset = folder.path().join("rows.parquet");
        let base = small(1);
        let ledgers = ["a.log", "b.log"].map(|name| Ledger::at(folder.path().join(name)));
        let outs = ["a", "b"].map(|name| folder.path().join(name));
        let asking = |nth: usize, threads| Asking {
            dataset: &dataset,
            out: &outs[nth],
            base: &base,
            trials: 13,
            seed: 5,
            threads,
            ledger: &ledgers[nth],
            code: "test",
            now: 1,
        };
        let whole = tune(&asking(0, 2), &Quiet).unwrap();
        for fuse in [30, 100, 60] {
            let stopped = tune(&asking(1, 1), &Fuse(AtomicU64::new(fuse)));
            assert!(fuse > 30 || stopped.is_err_and(|fault| fault == Fault::Stopped), "{fuse}");
            // As if killed while a line was written.
            let mut file = OpenOptions::new().create(true).append(true).open(outs[1].join(TRIALS)).unwrap();
            file.write_all(b"{\"number\":").unwrap();
        }
        assert_eq!(tune(&asking(1, 1), &Quiet).unwrap(), whole);
        for name in [TRIALS, BEST] {
            let bytes = |nth: usize| std::fs::read(outs[nth].join(name)).unwrap();
            assert_eq!(bytes(0), bytes(1), "{name}");
        }
        let counts = ledgers.each_ref().map(|ledger| ledger.read().unwrap().count());
        assert_eq!(counts, [14, 14]);
        let best: TrainSpec = serde_json::from_slice(&std::fs::read(outs[0].join(BEST)).unwrap()).unwrap();
        assert_eq!(best.boost, whole[0].boost);
        assert!(whole[0].objective >= whole.iter().find(|one| one.number == 0).unwrap().objective);
        let other = Asking { seed: 6, ..asking(0, 1) };
        assert!(tune(&other, &Quiet).unwrap_err().to_string().contains("take another --out"));
    }
}
