//! Recorded ticks through the desk, and the report: the main job, and the same with arguments.

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use config::{Config, Role, default_text};
use feed::{InstrumentTable, Options, Quarantine, Zone};
use journal::{Durability, Header, Writer};
use market::{Instrument, SymbolId, Time};
use replay::backtest::{self as runs, Finished, Input, RunError};
use replay::record::{Journalled, RecordError, Resumed};
use replay::script::Script;
use report::{Session, assess};
use sha2::{Digest, Sha256};

use crate::arguments::{Backtest, ConfigFor, Durability as Asked, Run};
use crate::screen::{self, Stage};
use crate::{Failure, Outcome, bundled, facts, trials};

/// What stands in the headers of journals and snapshots: only the same build reads its snapshots.
pub(crate) const BUILD: &str = concat!("scalpel ", env!("CARGO_PKG_VERSION"), " ", env!("SCALPEL_BUILD"));

/// The run's number in order ids. A backtest has one run; a live desk counts them.
const RUN: u16 = 1;

/// A backtest ready to run.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Job {
    config: Config,
    input: Input,
    out: PathBuf,
    seed: u64,
    json: bool,
    quick: bool,
    durability: Durability,
    resume: bool,
    command: String,
    script: Script,
    in_sample: bool,
    ledger: Option<PathBuf>,
}

/// The main job: the bundled ticks through the default desk.
pub(crate) fn main_job(asked: &Run) -> Outcome {
    let base = job(asked)?;
    let out = folder(asked.out.as_deref(), false)?;
    let files = bundled::write(&out.join("ticks"))?;
    let config = parse(&main_text()?, "the built-in configuration", asked.seed)?;
    let input = Input { feeds: vec![(files.traded, Options::none()), (files.leader, Options::none())] };
    let command = format!("scalpel --seed {}", asked.seed);
    let models = crate::seats::bundled(&out.join("model"), &config)?;
    let script = Script { models, ..Script::default() };
    run(&Job { script, ..Job::new(base, config, input, out, command) })
}

/// The configuration of the main job: the default desk, and a class that the bundled models serve.
fn main_text() -> Result<String, Failure> {
    let text = default_text(&instruments("EURUSD", true)?).map_err(Failure::Usage)?;
    Ok(text + include_str!("demo.toml"))
}

/// The part of a job that comes from the common arguments.
fn job(asked: &Run) -> Result<JobBase, Failure> {
    let durability = match asked.durability {
        Asked::Process => Durability::Process,
        Asked::Disk => Durability::Disk,
        Asked::Replica => {
            return Err(Failure::Usage("--durability replica: no second machine can be set up yet; use disk".into()));
        }
    };
    let ledger = asked.ledger.clone();
    Ok(JobBase { seed: asked.seed, json: asked.json, quick: asked.quick, durability, ledger })
}

/// See [`job`].
struct JobBase {
    seed: u64,
    json: bool,
    quick: bool,
    durability: Durability,
    ledger: Option<PathBuf>,
}

/// `scalpel backtest`.
pub(crate) fn backtest(asked: &Backtest) -> Outcome {
    let base = job(&asked.run)?;
    let mut options = Options::none();
    if let Some(zone) = &asked.zone {
        options.zone = Some(Zone::parse(zone).map_err(|error| Failure::Usage(error.to_string()))?);
    }
    let text = match &asked.config {
        Some(path) => fs::read_to_string(path).map_err(|e| Failure::Input(format!("{}: {e}", path.display())))?,
        None => default_text(&instruments(&asked.symbol, !asked.leader.is_empty())?).map_err(Failure::Usage)?,
    };
    let named = asked.config.as_ref().map_or("the built-in configuration".into(), |path| path.display().to_string());
    let config = parse(&text, &named, asked.run.seed)?;
    let files = (asked.symbol.as_str(), asked.ticks.as_slice(), asked.leader.as_slice());
    let input = Input { feeds: feeds(&config, files, &options)? };
    doubt_symbol(asked, &options);
    let out = folder(asked.run.out.as_deref(), asked.resume)?;
    let command = std::env::args().collect::<Vec<_>>().join(" ");
    let script = crate::seats::script(asked, &config)?;
    let in_sample = asked.in_sample;
    run(&Job { resume: asked.resume, script, in_sample, ..Job::new(base, config, input, out, command) })
}

/// A path that names another symbol than was asked for is worth a word: the content of most tick files names none.
fn doubt_symbol(asked: &Backtest, options: &Options) {
    let named = feed::resolve_symbol(&asked.ticks, None, &InstrumentTable::built_in(), options);
    if let Ok((instrument, _)) = named
        && !instrument.name.eq_ignore_ascii_case(&asked.symbol)
    {
        screen::line(&format!("warning: the path names {}, but it is read as {}", instrument.name, asked.symbol));
    }
}

/// `scalpel config`.
pub(crate) fn print_config(asked: &ConfigFor) -> Outcome {
    if asked.main_job {
        return screen::say(main_text()?.trim_end());
    }
    screen::say(default_text(&instruments(&asked.symbol, false)?).map_err(Failure::Usage)?.trim_end())
}

/// The instrument to trade and, when wanted, the same from another feed to listen to.
pub(crate) fn instruments(symbol: &str, led: bool) -> Result<Vec<(Instrument, Role)>, Failure> {
    let table = InstrumentTable::built_in();
    let traded = table.require(symbol, SymbolId(0)).map_err(|error| Failure::Usage(error.to_string()))?;
    if table.kind(symbol) == Some(feed::Kind::QuotesOnly) {
        return Err(Failure::Usage(format!(
            "{symbol} is an inverse contract; its profit cannot be booked, so it is not traded"
        )));
    }
    if !led {
        return Ok(vec![(traded, Role::Trade { leader: None })]);
    }
    let name = format!("{symbol}.leader");
    let leader = Instrument { symbol: SymbolId(1), name: name.clone(), ..traded.clone() };
    Ok(vec![(traded, Role::Trade { leader: Some(name) }), (leader, Role::Listen)])
}

/// The files of each instrument of the configuration.
pub(crate) fn feeds(
    config: &Config,
    (symbol, ticks, led_by): (&str, &[PathBuf], &[PathBuf]),
    options: &Options,
) -> Result<Vec<(Vec<PathBuf>, Options)>, Failure> {
    let symbols = &config.desk.symbols;
    let traded = symbols.iter().position(|known| known.instrument.name.eq_ignore_ascii_case(symbol));
    let Some(traded) = traded else {
        let names: Vec<_> = symbols.iter().map(|symbol| symbol.instrument.name.as_str()).collect();
        return Err(Failure::Usage(format!("--symbol {symbol}: the configuration has {}", names.join(", "))));
    };
    let leader = symbols[traded].leader.map(|leader| usize::from(leader.0));
    if leader.is_none() && !led_by.is_empty() {
        return Err(Failure::Usage(format!("--leader: {symbol} has no leader in the configuration")));
    }
    let files = |place: usize| {
        if place == traded {
            ticks.to_vec()
        } else if Some(place) == leader {
            led_by.to_vec()
        } else {
            Vec::new()
        }
    };
    Ok((0..symbols.len()).map(|place| (files(place), options.clone())).collect())
}

pub(crate) fn parse(text: &str, named: &str, seed: u64) -> Result<Config, Failure> {
    config::parse(text, RUN, seed).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
        Failure::Usage(format!("{named} cannot be used:\n{}", lines.join("\n")))
    })
}

/// The folder of the results: a new one, or the one to go on in.
fn folder(asked: Option<&Path>, resume: bool) -> Result<PathBuf, Failure> {
    let path = asked.map_or_else(|| PathBuf::from(format!("runs/{}", stamp())), Path::to_owned);
    let journal = path.join("session.journal");
    if resume && !journal.exists() {
        return Err(Failure::Usage(format!("--resume: there is no {}", journal.display())));
    }
    if !resume && journal.exists() {
        let shown = path.display();
        return Err(Failure::Output(format!("{shown} holds a run already; give another --out, or --resume")));
    }
    let made = fs::create_dir_all(&path);
    made.map_err(|error| Failure::Output(format!("the folder {} cannot be made: {error}", path.display())))?;
    Ok(path)
}

fn stamp() -> String {
    let time = Time(screen::epoch_seconds() * 1_000_000_000).to_string();
    time[..19].replace(':', "-")
}

impl Job {
    fn new(base: JobBase, config: Config, input: Input, out: PathBuf, command: String) -> Self {
        let JobBase { seed, json, quick, durability, ledger } = base;
        Self {
            config,
            input,
            out,
            seed,
            json,
            quick,
            durability,
            resume: false,
            in_sample: false,
            command,
            script: Script::default(),
            ledger,
        }
    }
}

fn failed(error: RunError) -> Failure {
    match error {
        RunError::Feed(error) => Failure::Input(error.to_string()),
        RunError::Record(RecordError::Journal(error)) => Failure::Output(error.to_string()),
        RunError::Record(error) => Failure::Proof(error.to_string()),
        RunError::Desk(_) | RunError::Venue(_) => Failure::Usage(error.to_string()),
    }
}

/// The main run's results, whatever recorded it.
struct Main {
    finished: Finished<()>,
    head: String,
    ticks_per_second: f64,
}

fn run(job: &Job) -> Outcome {
    let shown = job.out.display();
    write(&job.out.join("config.toml"), job.config.text.as_bytes())?;
    let main = main_run(job)?;
    usable(job, &main.finished)?;
    let mut session = facts::session(&main.finished, &job.config);
    session.manifest.build = BUILD.into();
    session.manifest.command.clone_from(&job.command);
    session.manifest.seed = job.seed;
    session.manifest.data = digests(&job.input)?;
    session.manifest.journal_head.clone_from(&main.head);
    session.ticks_per_second = main.ticks_per_second;
    session.in_sample = job.in_sample;
    if job.in_sample {
        session.warnings.push("in-sample: models were seated on ticks that they may have learned from".into());
    }
    session.warnings.extend(main.finished.unseated.iter().map(crate::seats::unseated));
    compare(job, &main, &mut session)?;
    session.memory_peak = screen::memory_peak();
    let assessment =
        assess(&session).map_err(|why| Failure::Broken(format!("the report contradicts itself: {why}")))?;
    let trials = trials::ran(&trials::ledger(job.ledger.as_deref(), &job.out), &session, &assessment)?;
    let object = report::json::json(&session, &assessment);
    let trades = &session.trades;
    let files = |error: replay::files::FileError| Failure::Output(format!("{shown}: {error}"));
    replay::files::write_csv(&job.out.join("trades.csv"), trades).map_err(files)?;
    replay::files::write_parquet(&job.out.join("trades.parquet"), trades).map_err(files)?;
    write(&job.out.join("report.html"), report::html::html(&session, &assessment).as_bytes())?;
    write(&job.out.join("result.json"), format!("{object:#}\n").as_bytes())?;
    if job.json {
        screen::say(&object.to_string())
    } else {
        screen::say(&report::text::summary(&session, &assessment))?;
        screen::say(&format!(
            "\nReport   {shown}/report.html\nTrades   {shown}/trades.csv, trades.parquet\nJournal  {shown}/session.journal\nHead     {}\nTrials   {trials} in the ledger",
            main.head
        ))
    }
}

fn main_run(job: &Job) -> Result<Main, Failure> {
    let quarantine = fs::File::create(job.out.join("quarantine.jsonl"));
    let quarantine = quarantine.map_err(|error| Failure::Output(format!("quarantine.jsonl: {error}")))?;
    let source = job.input.open(&job.config, Some(Quarantine::new(Box::new(BufWriter::new(quarantine)))));
    let source = source.map_err(|error| Failure::Input(error.to_string()))?;
    let path = job.out.join("session.journal");
    let journal = |error: journal::Error| Failure::Output(format!("{}: {error}", path.display()));
    for seating in &job.script.models {
        replay::beside::keep(&path, &seating.model).map_err(|error| Failure::Output(error.to_string()))?;
    }
    let mut stage = Stage::new("desk");
    let places = job.input.places();
    let snapshots = runs::Snapshots::beside(&path, BUILD);
    let mut ticks = 0;
    let mut shown = |heard, progress| {
        ticks = heard;
        stage.show(heard, progress);
    };
    let header = Header {
        run: run_id(RUN),
        created: Time(0),
        first: 1,
        previous: journal::Head::default(),
        build: BUILD.into(),
        config: job.config.text.clone(),
    };
    let (finished, head) = if job.resume {
        let record = resume(&path, &header, job.durability)?;
        let finished = runs::run(&job.config, (source, &places), &job.script, record, Some(&snapshots), &mut shown)
            .map_err(failed)?;
        let (finished, record) = finished.split();
        screen::line(&format!("{} records were there already and agree", report::text::grouped(record.agreed())));
        (finished, record.close())
    } else {
        let record = Journalled::new(Writer::create(&path, &header).map_err(journal)?, job.durability);
        let finished = runs::run(&job.config, (source, &places), &job.script, record, Some(&snapshots), &mut shown)
            .map_err(failed)?;
        let (finished, record) = finished.split();
        (finished, record.close())
    };
    let head = head.map_err(|error| Failure::Output(error.to_string()))?;
    let took = stage.finish(ticks);
    let ticks_per_second = ticks as f64 / took.as_secs_f64().max(1e-9);
    Ok(Main { finished, head: head.to_string(), ticks_per_second })
}

/// A symbol whose every record was useless is a wrong file or a wrong symbol, not a result.
fn usable(job: &Job, finished: &Finished<()>) -> Outcome {
    for place in job.input.places() {
        let id = SymbolId(place as u16);
        if finished.desk.tick_counts(id).is_some_and(|counts| counts.believed > 0) {
            continue;
        }
        let symbol = &job.config.desk.symbols[place].instrument.name;
        let reasons = finished.feed_of(place).map(|feed| finished.unusable_by_reason(feed)).unwrap_or_default();
        let reasons: Vec<String> = reasons
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(name, n)| format!("{name} {}", report::text::grouped(*n)))
            .collect();
        let why = if reasons.is_empty() { "there is none, or none is believed".into() } else { reasons.join(", ") };
        let kept = job.out.join("quarantine.jsonl");
        return Err(Failure::Input(format!(
            "{symbol}: not one record could be used ({why}); are these the files of {symbol}? What was rejected is in {}",
            kept.display()
        )));
    }
    Ok(())
}

/// A run's id in the journal's header: its number, then zeros, so that the same input gives the same bytes.
fn run_id(run: u16) -> [u8; 16] {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&run.to_le_bytes());
    id
}

fn resume(path: &Path, header: &Header, durability: Durability) -> Result<Resumed, Failure> {
    let shown = path.display();
    let (record, torn) = Resumed::open(path, header, durability).map_err(|error| match error {
        RecordError::Journal(journal::Error::Closed) => {
            Failure::Usage(format!("{shown}: the run was ended; there is nothing to go on with"))
        }
        RecordError::OtherRun => Failure::Usage(format!("{shown}: {error}")),
        error => Failure::Proof(format!("{shown}: {error}")),
    })?;
    if let Some(torn) = torn {
        screen::line(&format!("{} bytes that a crash cut short were moved to {}", torn.bytes, torn.file.display()));
    }
    Ok(record)
}

/// The coin, and the grids of costs and latencies.
fn compare(job: &Job, main: &Main, session: &mut Session) -> Outcome {
    let Some(period) = main.finished.collected.period else { return Ok(()) };
    let stage = Stage::new("coin");
    let every = runs::coin_pace(period, runs::COIN_TRADES);
    session.null = runs::null_trades(&job.config, &job.input, &job.script, (job.seed, every)).map_err(failed)?;
    stage.finish(0);
    if job.quick {
        session.warnings.push("run with --quick: no cost and latency sensitivity".into());
        return Ok(());
    }
    let spreads = facts::usual_spreads(session, &job.config);
    let stage = Stage::new("costs, latency");
    for factor in [1.0, 1.5, 2.0] {
        let venue = runs::at_costs(&job.config.venue, factor, &spreads);
        session.costs.push(runs::at(&job.config, &job.input, &job.script, (venue, factor)).map_err(failed)?);
    }
    for millis in [0, 20, 100, 250] {
        let venue = runs::at_latency(&job.config.venue, millis);
        session.latencies.push(runs::at(&job.config, &job.input, &job.script, (venue, millis as f64)).map_err(failed)?);
    }
    stage.finish(0);
    Ok(())
}

/// The SHA-256 of every data file.
fn digests(input: &Input) -> Result<Vec<(String, String)>, Failure> {
    let mut digests = Vec::new();
    for path in input.feeds.iter().flat_map(|(paths, _)| paths) {
        let bytes = fs::read(path).map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
        let digest = journal::Head(Sha256::digest(&bytes).into());
        digests.push((path.display().to_string(), digest.to_string()));
    }
    Ok(digests)
}

fn write(path: &Path, bytes: &[u8]) -> Outcome {
    fs::write(path, bytes).map_err(|error| Failure::Output(format!("{}: {error}", path.display())))
}
