//! What happens beside the ticks of a backtest: `--model` and `--challenger` from files and folders into the councils that trade
//! their barriers, never before the run's clock has passed what they have learned from; `--canary`, `--notices`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::Config;
use desk::Role;
use ensemble::{Artefact, CanarySpec, Trained};
use market::{Span, Time};
use models::paired::PairedSpec;
use replay::script::{Script, Seating};
use replay::{beside, notices};
use risk::Operator;

use crate::arguments::Backtest;
use crate::models_arguments::Kept;
use crate::{Failure, kept};

/// Who seats the models of a command line.
const BY: &str = "command line";

/// The files of a folder that are models, in the order in which they sit down: the meta model judges the trees.
pub(crate) const FILES: [&str; 3] = ["trees.model", "net.model", "meta.model"];

/// The file of a seat's model.
pub(crate) const fn file_of(seat: Trained) -> &'static str {
    FILES[seat as usize]
}

/// The models of files, folders and the registry, each as the champion of the one class whose barrier it was trained for. One
/// that may have learned from ticks of the run waits until they are over, unless everything shall be seated at once.
fn seatings(paths: &[PathBuf], from: &Kept, config: &Config, in_sample: bool) -> Result<Vec<Seating>, Failure> {
    let mut seatings = Vec::new();
    for path in paths {
        let shown = path.display().to_string();
        for model in models(path, &shown, from)? {
            let from = if in_sample { Time::MIN } else { model.parts().honest_from() };
            seatings.push(Seating { from, ..seating(model, &shown, config)? });
        }
    }
    Ok(seatings)
}

/// What a path of a command line stands for: a model's file, the models in a folder, or a model of the registry.
fn models(path: &Path, shown: &str, from: &Kept) -> Result<Vec<Artefact>, Failure> {
    if let Some((name, which)) = kept::named(shown).filter(|_| !path.exists()) {
        return kept::of_registry(name, which, from);
    }
    let read = |file: &PathBuf| beside::read(file).map_err(|error| Failure::Input(error.to_string()));
    files(path)?.iter().map(read).collect()
}

/// The file itself, or the models in a folder.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let found: Vec<PathBuf> = FILES.iter().map(|file| path.join(file)).filter(|file| file.is_file()).collect();
    if found.is_empty() {
        return Err(Failure::Input(format!("{}: none of {} is in it", path.display(), FILES.join(", "))));
    }
    Ok(found)
}

/// What is said of a model that a run never seated.
pub(crate) fn unseated(seating: &Seating) -> String {
    let parts = seating.model.parts();
    format!(
        "{} {} was not seated: it has learned from ticks until {}, and its labels live {} s longer; the run ended before (--in-sample seats it all the same)",
        seating.model.seat().name(),
        parts.name,
        parts.trained.1,
        parts.barrier.horizon.as_secs()
    )
}

/// A model as the champion of the one class whose barrier it was trained for.
fn seating(model: Artefact, shown: &str, config: &Config) -> Result<Seating, Failure> {
    let barrier = model.parts().barrier;
    let classes = config.desk.classes.iter().enumerate();
    let fitting: Vec<usize> = classes.filter(|(_, class)| class.council.barrier == barrier).map(|(at, _)| at).collect();
    let class = match fitting.as_slice() {
        [one] => *one,
        [] => {
            let theirs = format!(
                "target {}, stop {}, commission {} points, within {} s",
                barrier.target.0,
                barrier.stop.0,
                barrier.commission_points,
                barrier.horizon.as_secs()
            );
            return Err(Failure::Usage(format!(
                "{shown}: no class of the configuration trades what it was trained for ({theirs}); give the --config that its dataset was made with"
            )));
        }
        _ => {
            return Err(Failure::Usage(format!(
                "{shown}: several classes trade what it was trained for; name one barrier once"
            )));
        }
    };
    let by = Operator::new(BY).ok_or_else(|| Failure::Broken("nobody seats the model".into()))?;
    let class = class as u16;
    Ok(Seating { by, class, role: Role::Champion, until: None, canary: None, model: Arc::new(model), from: Time::MIN })
}

/// How long a canary's block is.
const BLOCK: Span = Span::from_secs(15 * 60);

/// How many of the largest losses a canary's budget holds, unless it is given.
const LOSSES: f64 = 10.0;

/// The rules of a trial that a command line begins: an error of 5 %, at least 200 labels, given up after 20,000; it must
/// forecast better and earn more. No result of a label is taken for larger than twice the farther barrier and the
/// commission, which leaves as much again for gaps. The paired trial itself trades nothing; a canary has its own budget.
fn rules(barrier: &ensemble::Barrier) -> PairedSpec {
    PairedSpec {
        alpha: 0.05,
        bound: 2.0 * barrier.target.max(barrier.stop).as_f64() + barrier.commission_points,
        margin: 0.0,
        share: 0.0,
        budget: 0.0,
        blocks: 1,
        block_labels: 500,
        labels_min: 200,
        labels_max: 20_000,
    }
}

/// A seating as that of a challenger.
fn on_trial(seating: Seating, asked: &Backtest) -> Result<Seating, Failure> {
    let rules = rules(&seating.model.parts().barrier);
    let canary = asked.canary.map(|percent| CanarySpec {
        share: percent / 100.0,
        block: BLOCK,
        salt: asked.run.seed,
        budget: asked.budget.unwrap_or(LOSSES * rules.bound),
    });
    if let Some(CanarySpec { share, budget, .. }) = canary {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Failure::Usage("--canary: a percentage above 0 and at most 100 is wanted, such as 5".into()));
        }
        if !(budget.is_finite() && budget >= rules.bound) {
            return Err(Failure::Usage(format!(
                "--budget: not even one of the largest losses fits in; at least {} points are wanted",
                rules.bound
            )));
        }
    }
    Ok(Seating { role: Role::Challenger(rules), canary, ..seating })
}

/// The models that the program carries, written into a folder and checked there, for the main job.
pub(crate) fn bundled(folder: &Path, config: &Config) -> Result<Vec<Seating>, Failure> {
    let (manifest, models) = crate::bundled::models(folder)?;
    let shown = format!("{} {}", manifest.name, manifest.version);
    let mut seatings = Vec::new();
    for model in models {
        let from = model.parts().honest_from();
        seatings.push(Seating { from, ..seating(model, &shown, config)? });
    }
    Ok(seatings)
}

/// Everything that a command line lets happen beside the ticks.
pub(crate) fn script(asked: &Backtest, config: &Config) -> Result<Script, Failure> {
    let mut models = seatings(&asked.model, &asked.kept, config, asked.in_sample)?;
    for seating in seatings(&asked.challenger, &asked.kept, config, asked.in_sample)? {
        let seating = on_trial(seating, asked)?;
        let beside = |other: &&Seating| other.class == seating.class && other.model.seat() == seating.model.seat();
        match models.iter().find(beside) {
            None => {
                return Err(Failure::Usage(format!(
                    "{}: no --model sits on the seat that it challenges",
                    seating.model.parts().name
                )));
            }
            Some(_) => models.push(seating),
        }
    }
    models.sort_by_key(|seating| seating.from);
    let heard = match &asked.notices {
        None => Vec::new(),
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path).map_err(|error| Failure::Input(format!("{shown}: {error}")))?;
            let names: Vec<&str> = config.desk.symbols.iter().map(|symbol| symbol.instrument.name.as_str()).collect();
            notices::parse(&text, &names).map_err(|fault| Failure::Input(format!("{shown}: {fault}")))?
        }
    };
    let promotes = if asked.promote_when_ruled { Operator::new(BY) } else { None };
    Ok(Script { models, notices: heard, promotes })
}
