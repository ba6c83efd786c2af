//! What can be asked of `scalpel learn` beyond datasets and training.

use std::path::PathBuf;

use clap::Args;

pub(crate) const VALIDATE: &str = "Example:
  scalpel learn train eurusd.parquet --out runs/models --sealed
  scalpel learn validate runs/models

It finds the dataset and the ticks behind it where they were; run it from the same folder. The period beyond the training's cut is the
lockbox: no figure looks at it before --open-lockbox, and every opening is in the ledger.";

#[derive(Args)]
pub(crate) struct Validate {
    /// The folder of a training, the --out of `learn train`
    #[arg(value_name = "TRAINING_DIR")]
    pub(crate) training: PathBuf,
    /// Where the training's dataset lies now, when it was moved
    #[arg(long, value_name = "FILE")]
    pub(crate) dataset: Option<PathBuf>,
    /// Groups of the combinatorial cross-validation
    #[arg(long, default_value_t = 10)]
    pub(crate) groups: usize,
    /// How many of the groups are the test of a split
    #[arg(long, default_value_t = 2)]
    pub(crate) tests: usize,
    /// From one training to the next in the walk forward, as it will be live: 1d, 12h, 30min
    #[arg(long, default_value = "1d")]
    pub(crate) cadence: String,
    /// How far back a training of the walk forward looks: 30d; by default everything
    #[arg(long, value_name = "TIME")]
    pub(crate) rolling: Option<String>,
    /// The share of the time before the first test of the walk forward
    #[arg(long, default_value_t = 0.4)]
    pub(crate) first: f64,
    /// Look into the lockbox: once. Every opening is written down, and a second one counts as a trial
    #[arg(long)]
    pub(crate) open_lockbox: bool,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Threads; what is found does not depend on it
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// The most memory that the process may have: 2GiB, 500MB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// The ledger of trials; by default that of the training
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Print validation.json on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const TUNE: &str = "Example:
  scalpel learn tune eurusd.parquet --out runs/tune --trials 40 --seed 1
  scalpel learn train eurusd.parquet --out runs/models --spec runs/tune/spec.json --sealed

A killed search goes on with the same command. Nothing beyond the cut of the spec is looked at.";

#[derive(Args)]
pub(crate) struct Tune {
    /// A dataset, as `learn dataset` makes it
    #[arg(value_name = "FILE")]
    pub(crate) dataset: PathBuf,
    /// Folder for tune.jsonl and spec.json; a search that was killed goes on there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Trials beside the spec that it begins with
    #[arg(long)]
    pub(crate) trials: usize,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The training spec to begin with, as JSON; what is not searched stays as it is
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: Option<PathBuf>,
    /// Threads; what is found does not depend on it
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// The most memory that the process may have: 2GiB, 500MB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// The ledger of trials; by default trials.log beside the folder of --out
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Print all trials as JSON on stdout, the best first
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const SCHEDULE: &str = "Example:
  scalpel learn schedule eurusd.plan.toml

docs/formats/schedule.md has the keys of a plan. A killed round goes on with the same command.";

#[derive(Args)]
pub(crate) struct Schedule {
    /// The plan, TOML
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Look once: go on with what a kill left, or do what is due, and end
    #[arg(long)]
    pub(crate) once: bool,
}

pub(crate) const ADOPT: &str = "Examples:
  scalpel learn adopt eurusd.parquet --buy buy.txt --sell sell.txt --trained-until 2014-05-07 --out runs/elsewhere
  scalpel learn adopt eurusd.parquet --net net.onnx --scale standard --trained-until 2014-05-07 --out runs/net

Trees are LightGBM's text or XGBoost's JSON, one binary model a side: does a buy, does a sell, win? Nets are ONNX with two outputs, log-odds of
both. Features are matched by their names in the dataset. When its training ended is your word, and the model's card says so: a backtest seats it
only after that day, and nothing of that day or before is judged.";

#[derive(Args)]
pub(crate) struct Adopt {
    /// A dataset, as `learn dataset` makes it, with days later than what the model has learned from
    #[arg(value_name = "FILE")]
    pub(crate) dataset: PathBuf,
    /// Folder for the model and its package
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The trees of the buy side
    #[arg(long, value_name = "FILE", requires = "sell", conflicts_with = "net", required_unless_present = "net")]
    pub(crate) buy: Option<PathBuf>,
    /// The trees of the sell side
    #[arg(long, value_name = "FILE", requires = "buy")]
    pub(crate) sell: Option<PathBuf>,
    /// A net
    #[arg(long, value_name = "FILE")]
    pub(crate) net: Option<PathBuf>,
    /// The features in the order of the model's columns, where its file does not name them
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) features: Vec<String>,
    /// What a net wants of its inputs: as they are, or by the mean and deviation of the dataset's rows before the cut
    #[arg(long, value_enum, default_value_t = Scale::Raw, conflicts_with = "buy")]
    pub(crate) scale: Scale,
    /// The last day (UTC) of which it has learned anything: 2014-05-07
    #[arg(long, value_name = "DAY")]
    pub(crate) trained_until: String,
    /// From this day on it is judged; by default the last fifth of the rows, or what is later than its training
    #[arg(long, value_name = "DAY")]
    pub(crate) test_from: Option<String>,
    /// Judge nothing beyond the cut
    #[arg(long)]
    pub(crate) sealed: bool,
    /// The most memory that the process may have: 2GiB, 500MB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// The ledger of trials; by default trials.log beside the folder of --out
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Print adoption.json on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a net wants of its inputs.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scale {
    /// Features as they are
    Raw,
    /// Less the mean, by the deviation
    Standard,
}

/// Milliseconds of a time such as `1d`, `12h`, `30min`, `90s`.
pub(crate) fn millis(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit).filter(|millis| *millis > 0)
}
