//! `scalpel learn adopt`: a model that was trained elsewhere becomes one of ours.

use std::fs;
use std::path::Path;

use feed::Options;
use learn::train::adopt::{AdoptSpec, Foreign, Scaling, adopt as take};
use market::Span;

use crate::learn::{failed, figures};
use crate::learn_arguments::{Adopt, Scale};
use crate::package::{self, Story};
use crate::{Failure, Outcome, limits, screen, seats, trials};

/// What a folder says of an adoption.
const FILE: &str = "adoption.json";

pub(crate) fn adopt(asked: &Adopt) -> Outcome {
    let foreign = match (&asked.buy, &asked.sell, &asked.net) {
        (Some(buy), Some(sell), None) => Foreign::Trees([buy.clone(), sell.clone()]),
        (None, None, Some(net)) => Foreign::Net(net.clone()),
        _ => return Err(Failure::Usage("--buy and --sell, or --net".into())),
    };
    let spec = AdoptSpec {
        // The whole of that day.
        trained_until: day("--trained-until", &asked.trained_until)?.saturating_add(Span::DAY.0 - 1),
        test_from: asked.test_from.as_deref().map(|text| day("--test-from", text)).transpose()?,
        sealed: asked.sealed,
        features: asked.features.clone(),
        scaling: match asked.scale {
            Scale::Raw => Scaling::Raw,
            Scale::Standard => Scaling::Standard,
        },
    };
    limits::bound(asked.memory.as_deref(), limits::of_dataset(&asked.dataset, 1)?)?;
    let other = |file: &str| asked.out.join(file).exists();
    if other("report.json") || (seats::FILES.iter().any(|file| other(file)) && !other(FILE)) {
        return Err(Failure::Output(format!("{}: holds a training; take another --out", asked.out.display())));
    }
    let name = asked.out.file_name().map_or("adopted".into(), |name| name.to_string_lossy().into_owned());
    let (adoption, made) = take(&asked.dataset, (&name, &foreign), &spec).map_err(failed)?;
    let ledger = trials::ledger(asked.ledger.as_deref(), &asked.out);
    let count = trials::fitted(&ledger, &trials::Fit::adopted(&adoption)?, 0)?;
    let shown = asked.out.display();
    let written = |error: std::io::Error| Failure::Output(format!("{shown}: {error}"));
    let json = serde_json::to_string_pretty(&adoption).map_err(|error| Failure::Broken(error.to_string()))?;
    fs::create_dir_all(&asked.out).map_err(written)?;
    fs::write(asked.out.join(FILE), &json).map_err(written)?;
    clear(&asked.out).map_err(written)?;
    let path = asked.out.join(seats::file_of(made.model.seat()));
    replay::beside::save(&path, &made.model).map_err(|error| Failure::Output(error.to_string()))?;
    package::write(&asked.out.join("package"), &[&made], (&Story::adopted(&adoption), count))?;
    if asked.json {
        return screen::say(&json);
    }
    screen::say(&format!(
        "{} features, {} rows before the cut, {} to be judged on; its training ended {} by your word\n",
        adoption.features.len(),
        adoption.develop,
        adoption.test,
        asked.trained_until
    ))?;
    screen::say(figures(&adoption.judged, &adoption.rules, adoption.meta.pip).trim_end())?;
    screen::say(&format!(
        "\nModel    {}   digest {}\n         scalpel backtest --model {shown} seats it after {}\nPackage  {shown}/package\n         scalpel models sign {shown}/package --key FILE signs it for the registry\nTrials   {count} in {}",
        path.display(),
        replay::beside::hex(made.model.digest()),
        made.model.parts().honest_from(),
        ledger.path().display()
    ))
}

/// The begin of a day, in nanoseconds since 1970 UTC.
fn day(flag: &str, text: &str) -> Result<i64, Failure> {
    let read = Options::date_of(text).map(|time| time.0);
    read.ok_or_else(|| Failure::Usage(format!("{flag} {text}: write 2014-05-07")))
}

/// Takes away what an adoption of before left: it may have been another kind of model.
fn clear(out: &Path) -> std::io::Result<()> {
    for file in seats::FILES {
        match fs::remove_file(out.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
