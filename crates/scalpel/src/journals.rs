//! `scalpel journal`, `replay` and `explain`: what was written, whether it follows again, and why.

use journal::Ending;
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
    let found = journal::verify(&asked.file).map_err(|fault| Failure::Proof(format!("{shown}: {fault}")))?;
    let head = found.place.head.to_string();
    let closed = matches!(found.ending, Ending::Closed);
    if asked.json {
        let object = json!({ "schema_version": 1, "kind": "journal_verify", "records": found.records, "head": head,
            "closed": closed, "ending": ending(&found.ending), "build": found.header.build });
        screen::say(&object.to_string());
    } else {
        let records = report::text::grouped(found.records);
        screen::say(&format!("{shown}: {records} records, {} bytes, {}", found.bytes, ending(&found.ending)));
        screen::say(&format!("head {head}"));
    }
    match &asked.head {
        Some(expected) if !head.eq_ignore_ascii_case(expected) => {
            Err(Failure::Proof(format!("{shown}: the head is {head}, not {expected}: it is another journal, or a changed one")))
        }
        Some(_) => Ok(()),
        None if closed => Ok(()),
        None => Err(Failure::Proof(format!("{shown}: not closed; every record in it is whole, but more may be missing"))),
    }
}

fn failed(file: &std::path::Path) -> impl Fn(ReplayError) -> Failure + '_ {
    move |error| {
        let why = format!("{}: {error}", file.display());
        match error {
            ReplayError::NoEvent { .. } => Failure::Usage(why),
            ReplayError::Config(_) | ReplayError::Desk(_) | ReplayError::Journal(_) => Failure::Input(why),
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
    let again = Again::open(&asked.file, begin, u64::MAX).map_err(failed(&asked.file))?;
    let found = again.to_the_end().map_err(failed(&asked.file))?;
    if asked.json {
        screen::say(&as_json(&found).to_string());
        return Ok(());
    }
    for skipped in &found.skipped {
        screen::say(&format!("not used: {skipped}"));
    }
    let from = if found.began_after == 0 { "the start".into() } else { format!("the snapshot after record {}", found.began_after) };
    screen::say(&format!(
        "From {from}: {} events heard again, {} actions followed again bit for bit; {}",
        report::text::grouped(found.events),
        report::text::grouped(found.actions),
        ending(&found.ending)
    ));
    screen::say(&format!("actions {}", found.digest));
    Ok(())
}

fn as_json(found: &Replayed) -> serde_json::Value {
    json!({ "schema_version": 1, "kind": "replay", "events": found.events, "actions": found.actions,
        "last_record": found.last, "began_after": found.began_after, "actions_sha256": found.digest.to_string(),
        "skipped_snapshots": found.skipped, "ending": ending(&found.ending) })
}

pub(crate) fn explain(asked: &Explain) -> Outcome {
    let mut again = Again::open(&asked.file, Begin::Snapshot, asked.seq.saturating_sub(1)).map_err(failed(&asked.file))?;
    let event = again.explain(asked.seq).map_err(failed(&asked.file))?;
    screen::say(replay::words::explanation(&event, again.desk()).trim_end());
    Ok(())
}
