//! `scalpel learn tune`: which parameters of the trees?

use std::fmt::Write;

use learn::tune::{Asking, BEST, tune as search};

use crate::backtest::BUILD;
use crate::learn::{Drawn, failed, spec_of};
use crate::learn_arguments::Tune;
use crate::{Failure, Outcome, limits, screen, trials};

pub(crate) fn tune(asked: &Tune) -> Outcome {
    let base = spec_of(asked.spec.as_deref(), asked.seed)?;
    limits::bound(asked.memory.as_deref(), limits::of_dataset(&asked.dataset, asked.threads)?)?;
    let ledger = trials::ledger(asked.ledger.as_deref(), &asked.out);
    trials::make_room(&ledger)?;
    let asking = Asking {
        dataset: &asked.dataset,
        out: &asked.out,
        base: &base,
        trials: asked.trials,
        seed: asked.seed,
        threads: asked.threads,
        ledger: &ledger,
        code: BUILD,
        now: trials::now(),
    };
    let drawn = Drawn::new("tuning");
    let tried = search(&asking, &drawn).map_err(failed)?;
    drawn.finish();
    if asked.json {
        let object = serde_json::to_string_pretty(&tried).map_err(|error| Failure::Broken(error.to_string()))?;
        return screen::say(&object);
    }
    let mut text = String::from(
        "trial  objective       buy      sell  direction  rate  leaves depth  rows     l2  features  rows\n",
    );
    for one in tried.iter().take(10) {
        let skill = one.skill.map(|skill| skill.map_or("unknown".into(), |skill| format!("{skill:+.5}")));
        let [buy, sell, direction] = skill;
        let boost = &one.boost;
        let _ = writeln!(
            text,
            "{:>5}  {:>+9.5}  {buy:>8}  {sell:>8}  {direction:>9}  {:.3}  {:>5} {:>5} {:>5} {:>6.1}  {:>8.2}  {:.2}",
            one.number,
            one.objective,
            boost.learning_rate,
            boost.leaves_max,
            boost.depth_max,
            boost.leaf_rows_min,
            boost.l2,
            boost.feature_share,
            boost.row_share
        );
    }
    let (count, file) = (tried.len(), asked.out.join(BEST));
    let _ = write!(
        text,
        "\nMean log-loss skill out of fold; trial 0 is what it began with. {count} trials, each in {}\n\
         Best     {file}; scalpel learn train FILE --spec {file}",
        ledger.path().display(),
        file = file.display()
    );
    screen::say(&text)
}
