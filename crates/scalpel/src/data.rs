//! `scalpel data`: look at market data files, or turn them into Parquet.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use feed::{Existing, FeedSpec, ImportOptions, InstrumentTable, Options, Quarantine, Zone};
use serde::Serialize;

use crate::arguments::{Data, Import, Inspect, Told};
use crate::screen::{self, Stage};
use crate::{Failure, Outcome};

pub(crate) fn data(verb: &Data) -> Outcome {
    match verb {
        Data::Inspect(asked) if asked.against.is_empty() => inspect(asked),
        Data::Inspect(asked) => against(asked),
        Data::Import(asked) => import(asked),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands the error over")]
pub(crate) fn input(error: feed::FeedError) -> Failure {
    Failure::Input(error.to_string())
}

fn options(told: &Told) -> Result<Options, Failure> {
    let mut options = Options::none();
    if let Some(zone) = &told.zone {
        options.zone = Some(Zone::parse(zone).map_err(|error| Failure::Usage(error.to_string()))?);
    }
    if let Some(hour) = &told.hour {
        let read = Options::hour_of(hour);
        options.hour = Some(read.ok_or_else(|| Failure::Usage(format!("--hour {hour}: write 2019-02-04T13")))?);
    }
    if let Some(date) = &told.date {
        let read = Options::date_of(date);
        options.date = Some(read.ok_or_else(|| Failure::Usage(format!("--date {date}: write 2014-05-01")))?);
    }
    options.market.clone_from(&told.market);
    Ok(options)
}

fn quarantine(told: &Told) -> Result<Option<Quarantine>, Failure> {
    let Some(path) = &told.quarantine else { return Ok(None) };
    let file = File::create(path).map_err(|error| Failure::Output(format!("{}: {error}", path.display())))?;
    Ok(Some(Quarantine::new(Box::new(BufWriter::new(file)))))
}

fn print(json: bool, value: &impl Serialize, text: &str) -> Outcome {
    if json {
        let object = serde_json::to_string_pretty(value).map_err(|error| Failure::Broken(error.to_string()))?;
        screen::say(&object)
    } else {
        screen::say(text.trim_end())
    }
}

fn inspect(asked: &Inspect) -> Outcome {
    let (options, table) = (options(&asked.told)?, InstrumentTable::built_in());
    let mut stage = Stage::new("inspecting");
    let quarantine = quarantine(&asked.told)?;
    let symbol = asked.told.symbol.as_deref();
    let mut shown = |progress| stage.show(0, progress);
    let found = feed::inspect_all(&asked.files, symbol, &table, &options, quarantine, &mut shown).map_err(input)?;
    stage.finish(0);
    print(asked.told.json, &found, &found.render())
}

fn spec(files: &[PathBuf], told: &Told) -> Result<FeedSpec, Failure> {
    let (options, table) = (options(told)?, InstrumentTable::built_in());
    let symbol = told.symbol.as_deref();
    let (instrument, _) = feed::resolve_symbol(files, symbol, &table, &options).map_err(input)?;
    let beliefs = feed::schema_for(&instrument);
    Ok(FeedSpec { paths: files.to_vec(), instrument, beliefs, options })
}

/// The offset of two clocks as a JSON object.
#[derive(Serialize)]
struct Offset<'a> {
    schema: &'static str,
    #[serde(flatten)]
    offset: &'a feed::ClockOffset,
}

fn against(asked: &Inspect) -> Outcome {
    let offset = feed::offset(spec(&asked.files, &asked.told)?, spec(&asked.against, &asked.told)?).map_err(input)?;
    let object = Offset { schema: "scalpel-offset/1", offset: &offset };
    print(asked.told.json, &object, &offset.render())?;
    offset.merge_allowed().map_err(|error| Failure::Proof(error.to_string()))
}

/// A failure of an import: of its output, when that is the file concerned.
fn imported(asked: &Import, error: feed::FeedError) -> Failure {
    let out = asked.out.display().to_string();
    let quarantine = asked.told.quarantine.as_ref().map(|path| path.display().to_string());
    let ours = error.file.starts_with(&out) || quarantine.is_some_and(|path| error.file.starts_with(&path));
    match error.fault {
        feed::Fault::Exists => Failure::Output(format!("{} exists already; --replace replaces it", error.file)),
        _ if ours && !asked.files.iter().any(|file| error.file == file.display().to_string()) => {
            Failure::Output(error.to_string())
        }
        _ => input(error),
    }
}

fn import(asked: &Import) -> Outcome {
    if asked.told.symbol.is_none() {
        return Err(Failure::Usage("data import needs --symbol".into()));
    }
    let existing = if asked.replace { Existing::Replace } else { Existing::Refuse };
    let how = ImportOptions { existing, quarantine: asked.told.quarantine.clone() };
    let mut stage = Stage::new("importing");
    let mut shown = |progress| stage.show(0, progress);
    let done = feed::import(spec(&asked.files, &asked.told)?, &asked.out, &how, &mut shown);
    let done = done.map_err(|error| imported(asked, error))?;
    stage.finish(0);
    print(asked.told.json, &done, &done.render())
}
