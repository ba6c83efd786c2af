//! The one binary: commands, the clock, wiring.
//!
//! `arguments`  what can be asked of it     `backtest`  recorded ticks through the desk, and the report
//! `bundled`    the ticks it carries        `data`      inspect and import
//! `journals`   verify, replay, explain     `screen`    progress and results on the terminal
//! `facts`      what the report is told            `models`    the registry; its arguments in `models_arguments`, its keys in `models_keys`
//! `learn`      datasets and training            `seats`     trained models into their councils, `kept` those of a registry
//! `trials`     every run and fit is counted     `package`   a training for the registry
//! `rollout`    champions and challengers of a run
//! `validate`   is a training worth anything     `limits`    memory
//! `learn_arguments` what can be asked of it     `schedule`  retraining by the calendar or on drift
//! `tune`       which parameters             `adopt`      models that were trained elsewhere

mod adopt;
mod arguments;
mod backtest;
mod bundled;
mod data;
mod facts;
mod journals;
mod kept;
mod learn;
mod learn_arguments;
mod limits;
mod models;
mod models_arguments;
mod models_keys;
mod opened;
mod package;
mod rollout;
mod schedule;
mod screen;
mod seats;
mod trials;
mod tune;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Verb};

/// What went wrong, with the exit code that says of what kind it is. The codes are in `scalpel --help`.
pub(crate) enum Failure {
    /// 2: what was asked cannot be understood: a flag, a configuration, a symbol.
    Usage(String),
    /// 3: the input cannot be used: a file is missing, damaged or of an unknown kind.
    Input(String),
    /// 4: the output cannot be written: no room, no right, already there.
    Output(String),
    /// 5: a proof failed: a journal is damaged, or a replay differs.
    Proof(String),
    /// 1: the program contradicts itself: please report it.
    Broken(String),
}

pub(crate) type Outcome = Result<(), Failure>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.verb {
        None => backtest::main_job(&arguments.run),
        Some(Verb::Backtest(asked)) => backtest::backtest(&asked),
        Some(Verb::Data(verb)) => data::data(&verb),
        Some(Verb::Journal(verb)) => journals::journal(&verb),
        Some(Verb::Replay(asked)) => journals::replay(&asked),
        Some(Verb::Explain(asked)) => journals::explain(&asked),
        Some(Verb::Trials(asked)) => rollout::trials(&asked),
        Some(Verb::Models(verb)) => models::models(&verb),
        Some(Verb::Learn(verb)) => learn::learn(&verb),
        Some(Verb::Config(asked)) => backtest::print_config(&asked),
    };
    let (code, why) = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Broken(why)) => (1, why),
        Err(Failure::Usage(why)) => (2, why),
        Err(Failure::Input(why)) => (3, why),
        Err(Failure::Output(why)) => (4, why),
        Err(Failure::Proof(why)) => (5, why),
    };
    screen::complain(&why);
    ExitCode::from(code)
}
