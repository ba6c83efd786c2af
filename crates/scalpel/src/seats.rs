//! `--model PATH`: trained models from a file or a folder into the council that trades their barrier, never before the
//! run's clock has passed what they have learned from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::Config;
use desk::Role;
use ensemble::Trained;
use market::Time;
use replay::backtest::Seating;
use replay::beside;
use risk::Operator;

use crate::Failure;

/// Who seats the models of a command line.
const BY: &str = "command line";

/// The files of a folder that are models, in the order in which they sit down: the meta model judges the trees.
pub(crate) const FILES: [&str; 3] = ["trees.model", "net.model", "meta.model"];

/// The file of a seat's model.
pub(crate) const fn file_of(seat: Trained) -> &'static str {
    FILES[seat as usize]
}

/// The models of these files and folders, each as the champion of the one class whose barrier it was trained for. One that
/// may have learned from ticks of the run waits until they are over, unless everything shall be seated at once.
pub(crate) fn seatings(paths: &[PathBuf], config: &Config, in_sample: bool) -> Result<Vec<Seating>, Failure> {
    let mut seatings = Vec::new();
    for path in paths {
        for file in files(path)? {
            let seating = seating(&file, config)?;
            let from = if in_sample { Time::MIN } else { seating.model.parts().honest_from() };
            seatings.push(Seating { from, ..seating });
        }
    }
    Ok(seatings)
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

fn seating(path: &Path, config: &Config) -> Result<Seating, Failure> {
    let model = beside::read(path).map_err(|error| Failure::Input(error.to_string()))?;
    let barrier = model.parts().barrier;
    let classes = config.desk.classes.iter().enumerate();
    let fitting: Vec<usize> = classes.filter(|(_, class)| class.council.barrier == barrier).map(|(at, _)| at).collect();
    let shown = path.display();
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
    Ok(Seating { by, class: class as u16, role: Role::Champion, model: Arc::new(model), from: Time::MIN })
}
