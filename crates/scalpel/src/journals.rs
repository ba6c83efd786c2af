//! `scalpel journal`, `replay` and `explain`: what was written, whether it follows again, and why.

use std::fs::File;
use std::path::Path;

use journal::{Ending, Fault, What};
use replay::again::{From as Begin, Replay as Again, ReplayError, Replayed};
use serde_json::json;

use crate::arguments::{Explain, From, Journal, Replay, Verify};
use crate::screen;
use crate::{Failure, Outcome};

pub(crate) fn journal(verb: &Journal) -> Outcome {
    match verb {
        Journal::Verify(asked) => verify(asked),
    }
}

fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Closed => "closed".into(),
        Ending::Open { seq, .. } => format!("open after record {seq}: the run was not ended"),
        Ending::Torn { seq, offset, bytes, .. } => {
            format!("torn at record {seq}, byte {offset}: {bytes} bytes of a write that a crash cut short")
        }
    }
}

fn verify(asked: &Verify) -> Outcome {
    let shown = asked.file.display();
    readable(&asked.file)?;
    let found = journal::verify(&asked.file).map_err(|fault| Failure::Proof(format!("{shown}: {fault}")))?;
    let head = found.place.head.to_string();
    let closed = matches!(found.ending, Ending::Closed);
    if asked.json {
        let object = json!({ "schema_version": 1, "kind": "journal_verify", "records": found.records, "head": head,
            "closed": closed, "ending": ending(&found.ending), "build": found.header.build });
        screen::say(&object.to_string())?;
    } else {
        let (records, bytes) = (report::text::grouped(found.records), report::text::grouped(found.bytes));
        screen::say(&format!("{shown}: {records} records, {bytes} bytes, {}", ending(&found.ending)))?;
        screen::say(&format!("head {head}"))?;
    }
    match &asked.head {
        Some(expected) if !head.eq_ignore_ascii_case(expected) => Err(Failure::Proof(format!(
            "{shown}: the head is {head}, not {expected}: it is another journal, or a changed one"
        ))),
        Some(_) => Ok(()),
        None if closed => Ok(()),
        None => {
            Err(Failure::Proof(format!("{shown}: not closed; every record in it is whole, but more may be missing")))
        }
    }
}

/// A file that is not there, or not a file, is no damaged journal.
pub(crate) fn readable(file: &Path) -> Outcome {
    let shown = file.display();
    match File::open(file).and_then(|file| file.metadata()) {
        Err(error) => Err(Failure::Input(format!("{shown}: {error}"))),
        Ok(found) if !found.is_file() => {
            Err(Failure::Input(format!("{shown}: not a file; name the session.journal in it")))
        }
        Ok(_) => Ok(()),
    }
}

pub(crate) fn failed(file: &Path) -> impl Fn(ReplayError) -> Failure + '_ {
    move |error| {
        let why = format!("{}: {error}", file.display());
        match error {
            ReplayError::NoEvent { seq, last } if seq == last => Failure::Usage(format!(
                "{}: record {seq} is an action, not an event; the event that it followed from has a lower number",
                file.display()
            )),
            ReplayError::NoEvent { .. } => Failure::Usage(why),
            ReplayError::Damaged(Fault { what: What::HeaderMagic, .. }) => {
                Failure::Input(format!("{}: not a journal", file.display()))
            }
            ReplayError::Config(_) | ReplayError::Desk(_) | ReplayError::Journal(_) | ReplayError::Model { .. } => {
                Failure::Input(why)
            }
            ReplayError::Damaged(_)
            | ReplayError::Payload { .. }
            | ReplayError::Differs { .. }
            | ReplayError::Snapshot => Failure::Proof(why),
        }
    }
}

pub(crate) fn replay(asked: &Replay) -> Outcome {
    let begin = match asked.from {
        From::Start => Begin::Start,
        From::Snapshot => Begin::Snapshot,
    };
    readable(&asked.file)?;
    let again = Again::open(&asked.file, begin, u64::MAX).map_err(failed(&asked.file))?;
    let found = again.to_the_end().map_err(failed(&asked.file))?;
    if asked.json {
        return screen::say(&as_json(&found).to_string());
    }
    for skipped in &found.skipped {
        screen::say(&format!("not used: {skipped}"))?;
    }
    let from = if found.began_after == 0 {
        "the start".into()
    } else {
        format!("the snapshot after record {}", found.began_after)
    };
    screen::say(&format!(
        "From {from}: {} events heard again, {} actions followed again bit for bit; {}",
        report::text::grouped(found.events),
        report::text::grouped(found.actions),
        ending(&found.ending)
    ))?;
    screen::say(&format!("actions {}", found.digest))
}

fn as_json(found: &Replayed) -> serde_json::Value {
    json!({ "schema_version": 1, "kind": "replay", "events": found.events, "actions": found.actions,
        "last_record": found.last, "began_after": found.began_after, "actions_sha256": found.digest.to_string(),
        "skipped_snapshots": found.skipped, "ending": ending(&found.ending) })
}

pub(crate) fn explain(asked: &Explain) -> Outcome {
    if asked.seq == 0 {
        return Err(Failure::Usage("events are numbered from 1".into()));
    }
    readable(&asked.file)?;
    let mut again =
        Again::open(&asked.file, Begin::Snapshot, asked.seq.saturating_sub(1)).map_err(failed(&asked.file))?;
    let event = again.explain(asked.seq).map_err(failed(&asked.file))?;
    if asked.json {
        return screen::say(&replay::told::explanation(&event, again.desk(), again.header()).to_string());
    }
    screen::say(replay::words::explanation(&event, again.desk()).trim_end())
}
