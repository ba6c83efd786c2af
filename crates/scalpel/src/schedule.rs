//! `scalpel learn schedule`: retrains by the calendar or on drift, and registers what comes of it.
//!
//! `plan`   what is retrained when     `round`  one retraining, step by step     `enter`  into the registry
//! `drift`  what the desk told of it in its journal
//!
//! One process works on a plan at a time: it holds a lock, which its children hold with it. So after a kill the next run
//! waits until an orphan has ended, and goes on with the step that was not finished.

mod drift;
mod enter;
mod plan;
mod round;

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use crate::learn_arguments::Schedule;
use crate::{Failure, Outcome, screen};
use drift::{Ears, Told};
pub(crate) use enter::measured;
use plan::Plan;
use round::{Round, last};

/// How often a waiting schedule looks.
const LOOK: Duration = Duration::from_secs(20);

pub(crate) fn schedule(asked: &Schedule) -> Outcome {
    let mut ears = Ears::default();
    loop {
        // Read each time: ticks appear, and a plan may be changed while it waits.
        let plan = Plan::read(&asked.plan)?;
        let lock = lock(&plan.work)?;
        let told = ears.told(&plan)?;
        match due(&plan, told.as_ref(), screen::epoch_seconds())? {
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

/// What is to be done now: what was begun and not finished, or a new round. A drift makes one round due, whatever its time:
/// each round writes down how far the journal was heard when it began.
fn due(plan: &Plan, told: Option<&Told>, now_s: i64) -> Result<Due, Failure> {
    let heard = told.map(Told::heard);
    let Some(last) = last(plan)? else {
        return Ok(Due::Now(Box::new(Round::new(1, "the first", (now_s, heard)))));
    };
    if !last.is_finished() {
        return Ok(Due::Now(Box::new(last)));
    }
    let at_s = plan.when.after(last.started_s);
    let drifted = told.and_then(|told| told.since(last.heard.as_ref()));
    let why = match drifted {
        _ if at_s <= now_s => "the calendar".to_owned(),
        Some(what) => format!("drift of {what}"),
        None => return Ok(Due::At(at_s)),
    };
    Ok(Due::Now(Box::new(Round::new(last.number + 1, &why, (now_s, heard.or(last.heard))))))
}
