//! `--model FILE` or `--model NAME@ALIAS`: a trained model, from a file or after every check of the registry, into the council
//! that trades its barrier.

use std::path::Path;
use std::sync::Arc;

use config::Config;
use desk::Role;
use ensemble::Artefact;
use replay::backtest::Seating;
use replay::beside;
use risk::Operator;

use crate::models_arguments::Kept;
use crate::{Failure, kept};

/// Who seats the models of a command line.
const BY: &str = "command line";

/// The models of a file or of the registry, each as the champion of the one class whose barrier it was trained for.
pub(crate) fn seatings(named: &Path, from: &Kept, config: &Config) -> Result<Vec<Seating>, Failure> {
    let shown = named.display().to_string();
    let models = match kept::named(&shown).filter(|_| !named.exists()) {
        Some((name, which)) => kept::of_registry(name, which, from)?,
        None => vec![beside::read(named).map_err(|error| Failure::Input(error.to_string()))?],
    };
    models.into_iter().map(|model| seating(model, &shown, config)).collect()
}

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
    Ok(Seating { by, class: class as u16, role: Role::Champion, model: Arc::new(model) })
}
