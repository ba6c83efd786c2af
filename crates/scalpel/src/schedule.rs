//! `scalpel learn schedule`: retrains by the calendar or on drift, and registers what comes of it.
//!
//! `plan`   what is retrained when     `round`  one retraining, step by step     `enter`  into the registry
//!
//! One process works on a plan at a time: it holds a lock, which its children hold with it. So after a kill the next run
//! waits until an orphan has ended, and goes on with the step that was not finished.

mod enter;
mod plan;
mod round;

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::learn_arguments::Schedule;
use crate::{Failure, Outcome, screen};
use plan::Plan;
use round::{Round, last};

/// How often a waiting schedule looks.
const LOOK: Duration = Duration::from_secs(20);

pub(crate) fn schedule(asked: &Schedule) -> Outcome {
    loop {
        // Read each time: ticks appear, and a plan may be changed while it waits.
        let plan = Plan::read(&asked.plan)?;
        let lock = lock(&plan.work)?;
        match due(&plan, screen::epoch_seconds())? {
            Due::Now(round) => round.go(&plan, &lock)?,
            Due::At(at_s) if asked.once => {
                let left = at_s - screen::epoch_seconds();
                return screen::say(&format!("nothing is due for {left} s, and no drift was seen"));
            }
            Due::At(_) => {}
        }
        if asked.once {
            return Ok(());
        }
        drop(lock);
        wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a shell: it waits for the next look at the calendar")]
fn wait() {
    std::thread::sleep(LOOK);
}

/// Takes the plan's lock; waits for whoever has it.
fn lock(work: &Path) -> Result<File, Failure> {
    let path = work.join("lock");
    let failed = |error: std::io::Error| Failure::Output(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(work.join("rounds")).map_err(failed)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).read(true).open(&path).map_err(failed)?;
    if file.try_lock().is_err() {
        screen::line("waiting for another run of this plan, or for what a killed one left running");
        file.lock().map_err(failed)?;
    }
    Ok(file)
}

enum Due {
    Now(Box<Round>),
    At(i64),
}

/// What is to be done now: what was begun and not finished, or a new round.
fn due(plan: &Plan, now_s: i64) -> Result<Due, Failure> {
    let Some(last) = last(plan)? else {
        return Ok(Due::Now(Box::new(Round::new(1, "the first", now_s))));
    };
    if !last.is_finished() {
        return Ok(Due::Now(Box::new(last)));
    }
    let at_s = plan.when.after(last.started_s);
    let drifted = drifts(plan)?.into_iter().any(|time_s| time_s > last.started_s);
    let why = if at_s <= now_s {
        "the calendar"
    } else if drifted {
        "drift"
    } else {
        return Ok(Due::At(at_s));
    };
    Ok(Due::Now(Box::new(Round::new(last.number + 1, why, now_s))))
}

/// A line of the file of drift.
#[derive(Deserialize)]
struct Drifted {
    /// When, in nanoseconds since 1970 UTC.
    time: i64,
}

/// When drift was seen, in seconds since 1970 UTC. The one place that knows where that is written: JSON lines now; the facts
/// of a journal can be read here.
fn drifts(plan: &Plan) -> Result<Vec<i64>, Failure> {
    let Some(path) = &plan.drift else { return Ok(Vec::new()) };
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?,
    };
    // A last line without its end is still being written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let line = |(nth, line): (usize, &str)| {
        let read: Result<Drifted, _> = serde_json::from_str(line);
        let failed = |error| Failure::Input(format!("{}: line {}: {error}", path.display(), nth + 1));
        read.map(|drifted| drifted.time.div_euclid(1_000_000_000)).map_err(failed)
    };
    whole.lines().enumerate().map(line).collect()
}
