//! All of it, in stages: what a killed validation finished is not done again, and the ledger is written once.

mod count;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use market::Span;
use market::Time;
use rayon::ThreadPoolBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dataset::meta::file_sha256;
use crate::dataset::read::{Columns, SideLabels};
use crate::dataset::recipe::{Recipe, Source};
use crate::dataset::spec::DatasetSpec;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::progress::Progress;
use crate::split::{Combinatorial, Life, Split, WalkForward, purged_k_fold, walk_forward};
use crate::train::pipeline::ground::Ground;
use crate::train::pipeline::judge::Report;
use crate::train::stages::{Stages, digest, replace};
use crate::validate::again::{Again, Fingerprint, again};
use crate::validate::figures::{Paths, Quality, SCHEMA, Under, Validation};
use crate::validate::fit::{Said, fit};
use crate::validate::judge::{Walked, decide};
use crate::validate::nulls::Nulls;
use crate::validate::quality::{Asked, all, bases};
use crate::validate::rules::{FAMILY, Market, Trade, sharpe, stretches, sums};
use crate::validate::sound::{CONTROL_AUC, Sound, control, look};
use crate::validate::spec::ValidateSpec;
use crate::validate::{FOLDER, Origin};

/// What is asked of a validation.
pub struct Asking<'a> {
    /// The folder of the training.
    pub training: &'a Path,
    /// Where its dataset lies now, when it was moved.
    pub dataset: Option<&'a Path>,
    /// The choices.
    pub spec: &'a ValidateSpec,
    /// The ledger; that of the training when absent.
    pub ledger: Option<Ledger>,
    /// The commit of the code.
    pub code: &'a str,
    /// The time, in nanoseconds since 1970 UTC: for the ledger.
    pub now: i64,
    /// Threads; what is found does not depend on how many.
    pub threads: usize,
    /// Whether to look into the lockbox.
    pub open_lockbox: bool,
}

/// Validates a training and writes `validation.json` into its folder.
///
/// # Errors
/// [`Fault`]: a file is missing or not what it was, a spec that makes no sense, the ledger, or a wish to stop.
pub fn validate(asking: &Asking<'_>, progress: &dyn Progress) -> Result<Validation, Fault> {
    asking.spec.check()?;
    if !(1..=1_024).contains(&asking.threads) {
        return Err(Fault::Asked("threads", "must be 1 to 1,024".into()));
    }
    let pool = ThreadPoolBuilder::new().num_threads(asking.threads).build();
    let pool = pool.map_err(|error| Fault::Asked("threads", error.to_string()))?;
    pool.install(|| Run::open(asking, progress)?.all())
}

/// Tells of the whole, not of its parts.
struct Whole<'a> {
    told: &'a dyn Progress,
    done: AtomicU64,
    total: u64,
}

impl Progress for Whole<'_> {
    fn at(&self, stage: &str, _: u64, _: u64) -> bool {
        self.told.at(stage, self.done.load(Ordering::Relaxed), self.total)
    }
}

struct Run<'a> {
    asking: &'a Asking<'a>,
    progress: &'a dyn Progress,
    report: Report,
    ledger: Ledger,
    source: Source,
    ground: Ground,
    stages: Stages,
    lives: Vec<Life>,
    spread: Vec<f64>,
    /// What every fit is made from.
    key: String,
}

/// What was said of rows.
struct Heard {
    rows: Vec<u32>,
    said: Said,
    base: Vec<[f64; 3]>,
}

fn asked(fault: &report::Fault) -> Fault {
    Fault::Asked("validation", fault.to_string())
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|error| Fault::Asked("output", error.to_string()))
}

fn parsed<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::content(path, &error))
}

impl<'a> Run<'a> {
    fn open(asking: &'a Asking<'a>, progress: &'a dyn Progress) -> Result<Self, Fault> {
        let origin = Origin::read(asking.training)?;
        let path = asking.training.join("report.json");
        let bytes = std::fs::read(&path).map_err(|error| Fault::content(&path, &error))?;
        let report: Report = parsed(&path, &bytes)?;
        let dataset = asking.dataset.unwrap_or(&origin.dataset);
        let moved = "is what the training learned from: name where it lies now with --dataset, or train again";
        let (found, _) =
            file_sha256(dataset).map_err(|fault| Fault::content(dataset, &format!("{fault}; it {moved}")))?;
        if found != origin.sha256 || found != report.dataset_sha256 {
            return Err(Fault::content(dataset, &format!("is not the file that it was; that {moved}")));
        }
        let ground = Ground::of(dataset, &report.spec)?;
        let source = Recipe::in_dataset(dataset, ground.data.meta())?.open()?;
        let stages = Stages::open(&asking.training.join(FOLDER))?;
        let life = |row: &u32| {
            let row = *row as usize;
            Life { start: ground.times[row], end: ground.ended[row].max(ground.times[row]) }
        };
        let lives = ground.develop.iter().map(life).collect();
        let (bid, ask) = (ground.data.column("bid")?, ground.data.column("ask")?);
        let spread = bid.iter().zip(&ask).map(|(bid, ask)| ask - bid).collect();
        let spec = asking.spec;
        let splits = (spec.groups, spec.tests, spec.cadence_ms, spec.first, spec.rolling_ms, spec.gap_ms);
        let key = serde_json::to_string(&(&ground.digest, ground.cut(), &report.spec, splits));
        let key = key.map_err(|error| Fault::Asked("spec", error.to_string()))?;
        let ledger = asking.ledger.clone().unwrap_or_else(|| Ledger::at(&origin.ledger));
        Ok(Self { asking, progress, report, ledger, source, ground, stages, lives, spread, key })
    }

    /// The rows of places in the development part.
    fn rows(&self, places: &[usize]) -> Vec<u32> {
        places.iter().map(|place| self.ground.develop[*place]).collect()
    }

    /// The splits of the folds, of the combinations and of the walk.
    fn splits(&self) -> Result<(Vec<Split>, Combinatorial, Vec<Split>), Fault> {
        let (spec, embargo) = (self.asking.spec, self.report.spec.embargo());
        let folds = purged_k_fold(&self.lives, self.report.spec.folds, embargo).map_err(|fault| asked(&fault))?;
        let combined = Combinatorial::new(&self.lives, spec.groups, spec.tests, embargo).map_err(|f| asked(&f))?;
        let (begin, end) = (self.lives[0].start, self.lives[self.lives.len() - 1].start);
        let walk = WalkForward {
            window: spec.window(),
            first: (((end - begin) as f64 * spec.first) as i64).max(1),
            cadence: Span::from_millis(spec.cadence_ms).0,
            gap: Span::from_millis(spec.gap_ms).0,
        };
        Ok((folds, combined, walk_forward(&self.lives, &walk).map_err(|fault| asked(&fault))?))
    }

    /// What was said of each split's test.
    fn fits(&mut self, name: &str, splits: &[Split], whole: &Whole<'_>) -> Result<Vec<Said>, Fault> {
        let mut said = Vec::with_capacity(splits.len());
        for (nth, split) in splits.iter().enumerate() {
            let (train, test) = (self.rows(&split.train), self.rows(&split.test));
            let (stage, file) = (format!("{name}_{nth:05}"), format!("{name}_{nth:05}.f64"));
            let label = format!("{name} {}/{}", nth + 1, splits.len());
            let Self { ground, stages, report, key, .. } = self;
            let bytes = stages.run(&stage, (&[key.as_str()], &[file.as_str()]), || {
                Ok(vec![fit(ground, &report.spec, (&train, &test), (&label, whole))?.pack()])
            })?;
            said.push(Said::unpack(&bytes[0], test.len())?);
            whole.done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(said)
    }

    /// The tests of splits one after the other, in the order of their rows.
    fn heard(&self, splits: &[Split], said: Vec<Said>) -> Heard {
        let mut heard = Heard { rows: vec![], said: Said::default(), base: vec![] };
        for (split, said) in splits.iter().zip(said) {
            let base = bases(&self.ground, &self.rows(&split.train));
            heard.rows.extend(self.rows(&split.test));
            heard.base.extend(vec![base; split.test.len()]);
            let [buy, sell] = said.p;
            heard.said.p[0].extend(buy);
            heard.said.p[1].extend(sell);
            heard.said.meta.extend(said.meta);
            for (all, top) in heard.said.top.iter_mut().zip(said.top) {
                all.extend(top);
            }
        }
        heard
    }

    fn all(mut self) -> Result<Validation, Fault> {
        let (folds, combined, walk) = self.splits()?;
        let latencies = self.latencies();
        let total = folds.len() + combined.splits.len() + walk.len() + latencies.len() + 1;
        let whole = Whole { told: self.progress, done: AtomicU64::new(0), total: total as u64 };
        let mut sound = self.sound(&folds, &whole)?;
        let said = self.fits("folds", &folds, &whole)?;
        let folded = self.heard(&folds, said);
        let said = self.fits("walk", &walk, &whole)?;
        let walked = self.heard(&walk, said);
        let paths = self.fits("paths", &combined.splits, &whole)?;
        let quality = {
            let asked = Asked { rows: &folded.rows, said: &folded.said, base: &folded.base };
            all(&self.ground, &asked, self.asking.spec.seed)
        };
        let labels = self.relabelled(&latencies, &mut sound, &whole)?;
        if walked.rows.is_empty() {
            sound
                .faults
                .push("the history is too short for a walk forward: use more days, or a shorter --cadence".into());
        }
        let (mut found, results) = self.judged(sound, quality, &walked, (&combined, &paths), &labels)?;
        found.windows = walk.len();
        decide(&mut found, &results);
        let path = self.asking.training.join("validation.json");
        let text = serde_json::to_vec_pretty(&found).map_err(|error| Fault::file(&path, &error))?;
        replace(&path, &text)?;
        Ok(found)
    }

    fn sound(&mut self, folds: &[Split], whole: &Whole<'_>) -> Result<Sound, Fault> {
        let (spec, until) = (self.asking.spec, self.lockbox().from);
        let used = self.report.spec.features_of(self.ground.data.meta());
        let key = json(&(&self.key, until, spec.pieces, spec.records, spec.cuts))?;
        let key = String::from_utf8_lossy(&key).into_owned();
        let (train, test) = (self.rows(&folds[0].train), self.rows(&folds[0].test));
        let Self { source, stages, ground, report, .. } = self;
        let bytes = stages.run("sound", (&[&key], &["sound.json"]), || {
            let mut found = look(source, spec, (until, &used), whole)?;
            found.control_auc = control(ground, (&used, &report.spec.boost), (&train, &test), whole)?;
            match found.control_auc {
                None => found.faults.push("a leak could not be planted: too few rows".into()),
                Some(auc) if auc > CONTROL_AUC => {}
                Some(auc) => found.faults.push(format!("trees that see a planted leak have an AUC of only {auc:.3}")),
            }
            Ok(vec![json(&found)?])
        })?;
        whole.done.fetch_add(1, Ordering::Relaxed);
        parsed(&self.asking.training.join(FOLDER).join("sound.json"), &bytes[0])
    }

    /// The latencies that are looked at, in milliseconds, that of the dataset among them.
    fn latencies(&self) -> Vec<i64> {
        let mut all = self.asking.spec.latencies_ms.clone();
        all.push(self.source.spec.latency.as_millis());
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The labels at each latency; the features must be those of the dataset.
    fn relabelled(
        &mut self,
        latencies: &[i64],
        sound: &mut Sound,
        whole: &Whole<'_>,
    ) -> Result<Vec<(i64, [SideLabels; 2])>, Fault> {
        let mut all = Vec::new();
        let rows = self.ground.data.rows();
        for latency in latencies {
            let (name, label) = (format!("latency_{latency}"), format!("latency {latency} ms"));
            let files = [format!("{name}.bin"), format!("{name}.json")];
            let files = files.each_ref().map(String::as_str);
            let Self { source, stages, ground, .. } = self;
            let bytes = stages.run(&name, (&[&ground.digest], &files), || {
                let spec = DatasetSpec { latency: Span::from_millis(*latency), ..source.spec };
                let made: Again = again(source, &spec, (&label, whole))?;
                let expected = Fingerprint::of(&ground.data)?;
                Ok(vec![made.pack(), json(&expected.differs(&made.fingerprint))?])
            })?;
            let differs: Option<String> = parsed(Path::new(&name), &bytes[1])?;
            if let Some(column) = differs {
                sound.faults.push(format!("rows made again at {latency} ms differ from the dataset in {column}"));
                sound.made_again = Some(column);
            } else {
                all.push((*latency, Again::unpack(&bytes[0], rows)?));
            }
            whole.done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(all)
    }

    fn judged(
        &self,
        sound: Sound,
        quality: Vec<Quality>,
        heard: &Heard,
        (combined, said): (&Combinatorial, &[Said]),
        labels: &[(i64, [SideLabels; 2])],
    ) -> Result<(Validation, Vec<(Time, f64)>), Fault> {
        let (spec, ground) = (self.asking.spec, &self.ground);
        let market = Market { times: &ground.times, spread: &self.spread, sides: &ground.sides };
        let trades: Vec<Vec<Trade>> =
            FAMILY.iter().map(|rule| market.of_rule(rule, &ground.barrier, &heard.rows, &heard.said)).collect();
        let names = &self.report.spec.logistic_features;
        let nulls = Nulls::new(ground, (market, &heard.rows), names, (spec.seed, spec.paths))?;
        let days = stretches(&ground.times, &heard.rows, Span::DAY.0);
        let walked = Walked { ground, nulls, days, trades, seed: spec.seed };
        let chosen = walked.chosen();
        let mine = &walked.trades[chosen];
        let rules = walked.rules();
        let contents = self.count(&rules)?;
        let lockbox = self.lockbox_figures(&walked, chosen)?;
        let (uplift, uplift_interval, uplift_needed) = walked.uplift(mine);
        let at = |(latency, sides): &(i64, [SideLabels; 2])| {
            let market = Market { sides, ..market };
            let trades = market.of_rule(&FAMILY[chosen], &ground.barrier, &heard.rows, &heard.said);
            walked.under(*latency as f64, &trades, 1.0)
        };
        let found = Validation {
            schema: SCHEMA.to_owned(),
            dataset_sha256: ground.digest.clone(),
            training_sha256: digest(&json(&self.report.spec)?),
            spec: spec.clone(),
            develop: ground.develop.len(),
            walked: heard.rows.len(),
            windows: 0,
            days: walked.days.len(),
            sound,
            quality,
            chosen: rules[chosen].rule.clone(),
            rules,
            costs: spec.costs.iter().map(|costs| walked.under(*costs, mine, *costs)).collect(),
            latencies: labels.iter().map(at).collect::<Vec<Under>>(),
            paths: self.paths(chosen, combined, said)?,
            overfit: walked.overfit(),
            superior: walked.superior(),
            deflated: walked.deflated(mine, &contents),
            uplift,
            uplift_interval,
            uplift_needed,
            lockbox,
            verdict: String::new(),
            reasons: vec![],
            marks: vec![],
        };
        let results = walked.results(mine);
        Ok((found, results))
    }

    fn paths(&self, chosen: usize, combined: &Combinatorial, said: &[Said]) -> Result<Paths, Fault> {
        let ground = &self.ground;
        let each = |said: &Said| (0..said.meta.len()).map(|nth| said.of(nth)).collect();
        let silent = said.iter().filter(|said| said.p.iter().flatten().all(|p| p.is_nan())).count();
        let whole =
            combined.assemble(&said.iter().map(each).collect::<Vec<Vec<_>>>()).map_err(|fault| asked(&fault))?;
        let market = Market { times: &ground.times, spread: &self.spread, sides: &ground.sides };
        let days = stretches(&ground.times, &ground.develop, Span::DAY.0);
        let pip = ground.data.meta().pip.max(1) as f64;
        let mut paths = Paths { splits: combined.splits.len(), silent, ..Paths::default() };
        for path in whole {
            let trades = market.trades(&ground.develop, |nth| FAMILY[chosen].side(&ground.barrier, &path[nth]));
            let results = trades.iter().map(|trade| (trade.time, trade.net / pip));
            let by_day: Vec<f64> = sums(&days, Span::DAY.0, results.clone()).iter().map(|day| day.sum).collect();
            paths.sharpe_day.push(sharpe(&by_day));
            let net = results.map(|(_, net)| net).sum::<f64>() / trades.len().max(1) as f64;
            paths.net.push((!trades.is_empty()).then_some(net));
        }
        Ok(paths)
    }
}
