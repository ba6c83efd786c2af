//! What can be asked of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const CODES: &str = "Examples:
  scalpel
  scalpel backtest --ticks data/ticks/oanda-EURUSD/*.zst --symbol EURUSD

Exit codes:
  0  done
  1  the program contradicts itself; please report it
  2  what was asked cannot be understood: a flag, a configuration, a symbol
  3  the input cannot be used: missing, damaged, of an unknown kind
  4  the output cannot be written: no room, no right, already there
  5  a proof failed: a journal is damaged, or a replay differs

Without a command it replays the bundled EURUSD ticks through the whole desk and reports.";

/// An AI scalping desk: ticks in, risk-checked orders out, and proof of both.
#[derive(Parser)]
#[command(version, about, after_help = CODES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Replay recorded ticks through the desk and report
    #[command(
        after_help = "Example:\n  scalpel backtest --ticks data/ticks/oanda-EURUSD/*.zst --symbol EURUSD --out runs/mine"
    )]
    Backtest(Backtest),
    /// Look at market data files, or turn them into Parquet
    #[command(subcommand, after_help = "Example:\n  scalpel data inspect data/ticks/fxcm-EURUSD/*.zst")]
    Data(Data),
    /// Check a journal
    #[command(subcommand, after_help = "Example:\n  scalpel journal verify runs/mine/session.journal")]
    Journal(Journal),
    /// Feed a journal back to the desk: every action must follow again, bit for bit
    #[command(
        after_help = "Example:\n  scalpel replay runs/mine/session.journal\n  scalpel replay runs/mine/session.journal --from snapshot"
    )]
    Replay(Replay),
    /// Print the arithmetic of one decision
    #[command(
        after_help = "Example:\n  scalpel explain runs/mine/session.journal 48213\n\nThe number is that of an event in the journal; the first column of trades.csv names those that opened trades."
    )]
    Explain(Explain),
    /// Champions and challengers of a run: their trials, budgets, and when they will be decided
    #[command(after_help = "Example:\n  scalpel trials runs/mine/session.journal --json")]
    Trials(Trials),
    /// Models as signed, encrypted versions with their history
    #[command(subcommand)]
    Models(crate::models_arguments::Models),
    /// From recorded ticks to models: make a dataset, train on it
    #[command(
        subcommand,
        after_help = "Example:\n  scalpel learn dataset --ticks data/ticks/oanda-EURUSD/*.zst --symbol EURUSD --out eurusd.parquet\n  scalpel learn train eurusd.parquet --out runs/models"
    )]
    Learn(Learn),
    /// Print the configuration that is used when none is given
    #[command(after_help = "Example:\n  scalpel config --symbol EURUSD > desk.toml")]
    Config(ConfigFor),
}

#[derive(Args)]
pub(crate) struct Run {
    /// Folder for the results; by default a new one under runs/
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print one JSON object on stdout instead of the summary
    #[arg(long)]
    pub(crate) json: bool,
    /// What an order waits for before it leaves
    #[arg(long, value_enum, default_value_t = Durability::Process)]
    pub(crate) durability: Durability,
    /// Skip the runs at other costs and latencies
    #[arg(long)]
    pub(crate) quick: bool,
    /// The ledger of trials; by default trials.log beside the folder of the run
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
}

/// What an order waits for before it leaves.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// Written: survives kill -9
    Process,
    /// On the disk: survives power loss
    Disk,
    /// Acknowledged by a second machine; none can be set up yet
    Replica,
}

#[derive(Args)]
pub(crate) struct Backtest {
    /// Tick files of the symbol, in any format that `data inspect` knows
    #[arg(long, num_args = 1.., required = true, value_name = "FILE")]
    pub(crate) ticks: Vec<PathBuf>,
    /// The symbol that they quote
    #[arg(long)]
    pub(crate) symbol: String,
    /// Tick files of another feed or symbol that moves first
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) leader: Vec<PathBuf>,
    /// The configuration; `scalpel config` prints the one used otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Trained models: files, folders of a training or a package, or models of --registry as NAME@ALIAS or NAME@VERSION
    /// after every check. Each is seated once the run's clock has passed the end
    /// of its training and the life of its last labels; several make a schedule of swaps
    #[arg(long, num_args = 1.., value_name = "PATH|NAME@ALIAS")]
    pub(crate) model: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) kept: crate::models_arguments::Kept,
    /// Seat the models when the run begins, whatever they have learned from; the report and the verdict say so
    #[arg(long, requires = "model")]
    pub(crate) in_sample: bool,
    /// Trained models to seat beside those of --model, on trial
    #[arg(long, num_args = 1.., value_name = "PATH|NAME@ALIAS", requires = "model")]
    pub(crate) challenger: Vec<PathBuf>,
    /// Let the challengers really trade in so many percent of blocks of 15 minutes
    #[arg(long, value_name = "PERCENT", requires = "challenger")]
    pub(crate) canary: Option<f64>,
    /// What each canary may lose, in points per unit of volume; by default ten of the largest losses
    #[arg(long, value_name = "POINTS", requires = "canary")]
    pub(crate) budget: Option<f64>,
    /// Promote a challenger as soon as its trial says so
    #[arg(long, requires = "challenger")]
    pub(crate) promote_when_ruled: bool,
    /// News to hear beside the ticks, as JSON lines: docs/formats/notices.md
    #[arg(long, value_name = "FILE")]
    pub(crate) notices: Option<PathBuf>,
    /// Clock of the files, where they do not say: UTC, UTC-5, Europe/Athens
    #[arg(long)]
    pub(crate) zone: Option<String>,
    /// Go on with the killed run in --out
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Args)]
pub(crate) struct ConfigFor {
    /// The symbol to trade
    #[arg(long, default_value = "EURUSD")]
    pub(crate) symbol: String,
    /// That of the main job: EURUSD led by another feed, and a second class that trained models serve
    #[arg(long, conflicts_with = "symbol")]
    pub(crate) main_job: bool,
}

#[derive(Subcommand)]
pub(crate) enum Learn {
    /// Ticks into rows: the desk's features, and what came of a trade on either side
    #[command(
        after_help = "Example:\n  scalpel learn dataset --ticks data/ticks/oanda-EURUSD/*.zst --leader data/ticks/fxcm-EURUSD/*.zst --symbol EURUSD --out eurusd.parquet"
    )]
    Dataset(MakeDataset),
    /// Rows into models, judged on days that none of them saw. What a killed run finished is not done again
    #[command(after_help = "Example:\n  scalpel learn train eurusd.parquet --out runs/models --test-from 2014-05-08")]
    Train(TrainOn),
    /// A model that was trained elsewhere becomes one of ours, judged on days later than all that it has learned from
    #[command(after_help = crate::learn_arguments::ADOPT)]
    Adopt(crate::learn_arguments::Adopt),
    /// Is a training worth anything? Judged on rows that nothing was learned from; the verdict goes into its package
    #[command(after_help = crate::learn_arguments::VALIDATE)]
    Validate(crate::learn_arguments::Validate),
    /// Search the parameters of the trees, by what they say of rows that their folds did not know
    #[command(after_help = crate::learn_arguments::TUNE)]
    Tune(crate::learn_arguments::Tune),
    /// Retrain by a calendar or on drift: dataset, training, validation, registry, as far as shadow
    #[command(after_help = crate::learn_arguments::SCHEDULE)]
    Schedule(crate::learn_arguments::Schedule),
}

#[derive(Args)]
pub(crate) struct MakeDataset {
    /// Tick files of the symbol, in any format that `data inspect` knows
    #[arg(long, num_args = 1.., required = true, value_name = "FILE")]
    pub(crate) ticks: Vec<PathBuf>,
    /// The symbol that they quote
    #[arg(long)]
    pub(crate) symbol: String,
    /// Tick files of another feed or symbol that moves first
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) leader: Vec<PathBuf>,
    /// The configuration; `scalpel config` prints the one used otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The class whose barrier, latency and cadence the labels have
    #[arg(long, default_value = "scalp")]
    pub(crate) class: String,
    /// Another target than the class's, in pips
    #[arg(long, value_name = "PIPS")]
    pub(crate) target: Option<f64>,
    /// Another stop than the class's, in pips
    #[arg(long, value_name = "PIPS")]
    pub(crate) stop: Option<f64>,
    /// Another horizon than the class's, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) horizon: Option<f64>,
    /// Another commission than the class's, in pips of a round trip
    #[arg(long, value_name = "PIPS")]
    pub(crate) commission: Option<f64>,
    /// A row every so many seconds
    #[arg(long, value_name = "SECONDS", conflicts_with = "every_ticks")]
    pub(crate) every: Option<f64>,
    /// A row every so many ticks
    #[arg(long, value_name = "TICKS")]
    pub(crate) every_ticks: Option<u32>,
    /// Rows also when the leader moves, while the own quote is not older than this; as `leader_moves` of the class
    #[arg(long, value_name = "SECONDS", requires = "leader")]
    pub(crate) leader_moves: Option<f64>,
    /// Clock of the files, where they do not say: UTC, UTC-5, Europe/Athens
    #[arg(long)]
    pub(crate) zone: Option<String>,
    /// Where the ticks are from, in words
    #[arg(long, default_value = "")]
    pub(crate) source: String,
    /// The Parquet file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The most memory that the process may have: 2GiB, 500MB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct TrainOn {
    /// A dataset, as `learn dataset` makes it
    #[arg(value_name = "FILE")]
    pub(crate) dataset: PathBuf,
    /// Folder for the models; a run that was killed goes on there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Threads; the models do not depend on it
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// From this day on nothing is learned from, only judged: 2014-05-08. By default the last fifth of the rows
    #[arg(long, value_name = "DAY")]
    pub(crate) test_from: Option<String>,
    /// A file with a training spec as JSON; report.json of a training holds one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "no_net"])]
    pub(crate) spec: Option<PathBuf>,
    /// Train no recurrent net
    #[arg(long)]
    pub(crate) no_net: bool,
    /// Judge nothing beyond the cut: it stays a lockbox, for `learn validate --open-lockbox`
    #[arg(long)]
    pub(crate) sealed: bool,
    /// The most memory that the process may have: 2GiB, 500MB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// The ledger of trials; by default trials.log beside the folder of --out
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Print the report as one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Data {
    /// Rows, times, spreads, and everything doubtful in market data files
    #[command(
        after_help = "Examples:\n  scalpel data inspect data/ticks/fxcm-EURUSD/*.zst\n  scalpel data inspect A.csv --against B.csv --symbol EURUSD"
    )]
    Inspect(Inspect),
    /// Turn market data files of one symbol into one Parquet file
    #[command(after_help = "Example:\n  scalpel data import ticks/*.bi5 --symbol EURUSD --out eurusd.parquet")]
    Import(Import),
}

#[derive(Args)]
pub(crate) struct Told {
    /// The symbol that the files quote, where they do not say
    #[arg(long)]
    pub(crate) symbol: Option<String>,
    /// Clock of the files, where they do not say: UTC, UTC-5, Europe/Athens
    #[arg(long)]
    pub(crate) zone: Option<String>,
    /// The hour of a .bi5 file, where its path does not say: 2019-02-04T13
    #[arg(long)]
    pub(crate) hour: Option<String>,
    /// The day of a file that only has times of day: 2014-05-01
    #[arg(long)]
    pub(crate) date: Option<String>,
    /// The market of a LEAN file: oanda, fxcm
    #[arg(long)]
    pub(crate) market: Option<String>,
    /// Where to keep rejected records, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) quarantine: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Inspect {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Files of another source of the same symbol: is its clock the same?
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) against: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) told: Told,
}

#[derive(Args)]
pub(crate) struct Import {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The Parquet file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) told: Told,
}

#[derive(Subcommand)]
pub(crate) enum Journal {
    /// Is this file what was written? Names the first bad record
    #[command(
        after_help = "Example:\n  scalpel journal verify runs/mine/session.journal --head 3f7a...\n\nWithout --head it can only say that the file is whole in itself; the head that the run printed proves that it is that file."
    )]
    Verify(Verify),
}

#[derive(Args)]
pub(crate) struct Verify {
    /// The journal
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The hash at its head, as the run printed it
    #[arg(long)]
    pub(crate) head: Option<String>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a replay begins.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// At the first record
    Start,
    /// At the newest snapshot that fits
    Snapshot,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// The journal
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where to begin
    #[arg(long, value_enum, default_value_t = From::Start)]
    pub(crate) from: From,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Trials {
    /// The journal
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Explain {
    /// The journal
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The number of the event
    #[arg(value_name = "SEQ")]
    pub(crate) seq: u64,
    /// The decision records as one JSON object (docs/formats/explanation.schema.json)
    #[arg(long)]
    pub(crate) json: bool,
}
