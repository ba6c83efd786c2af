//! An explanation as JSON: the decision records of one event, with everything that a replay knows (signals.md 6.6).
//!
//! `pooled` from the null to the expected value   `spoken` the trained models   `gated` size, controls, what was done
//!
//! The schema is `docs/formats/explanation.schema.json`. What is not a finite number is `null`.

mod gated;
mod pooled;
mod spoken;
#[cfg(test)]
mod tests;

use desk::{Desk, Event, Explanation, Fact};
use features::{Feature, Frame};
use journal::Header;
use market::{State, Tick};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::beside::hex;
use crate::shares::{Speaker, speakers};
use crate::words::page::Book;

/// How many features are named as the most important.
const TOP: usize = 8;

/// The decision records of one event, after the desk has heard the event while explaining.
pub fn explanation(event: &Event, desk: &Desk, header: &Header) -> Value {
    let tick = match &event.fact {
        Fact::Ticked(tick) => Some(tick),
        _ => None,
    };
    let book = tick.and_then(|tick| Some((tick, Book::of(desk, tick.symbol)?)));
    let record = |explanation: &Explanation| {
        let (tick, book) = book.as_ref()?;
        Some(decision(event, explanation, tick, book))
    };
    let decisions: Vec<Value> = desk.explanations().iter().filter_map(record).collect();
    json!({
        "schema_version": 1,
        "kind": "explanation",
        "event": { "seq": event.seq, "ts_decide": event.time.to_string(), "fact": fact(&event.fact) },
        "build": header.build,
        "config_digest": header.config_digest().to_string(),
        "book": book.as_ref().map(|(tick, book)| quote(tick, book)),
        "decisions": decisions,
    })
}

const fn fact(fact: &Fact) -> &'static str {
    match fact {
        Fact::Ticked(_) => "quote",
        Fact::Traded(_) => "trade",
        Fact::Reported(_) => "report",
        Fact::Woke => "wake",
        Fact::Commanded(_) => "command",
        Fact::Started => "start",
        Fact::Noticed(_) => "notice",
    }
}

fn quote(tick: &Tick, book: &Book<'_>) -> Value {
    json!({
        "symbol": book.instrument.name,
        "ts_exchange": tick.time.to_string(),
        "ts_recv": tick.seen.to_string(),
        "bid": book.price(tick.bid),
        "ask": book.price(tick.ask),
        "bid_lots": book.instrument.show_lots(tick.bid_lots),
        "ask_lots": book.instrument.show_lots(tick.ask_lots),
        "spread_points": tick.spread().0,
    })
}

/// One strategy's record.
fn decision(event: &Event, explanation: &Explanation, tick: &Tick, book: &Book<'_>) -> Value {
    let strategy = book.desk.spec().strategies.get(usize::from(explanation.strategy.0));
    let decided = explanation.decision.as_ref().map(|decided| match decided {
        Ok(decision) => (decision, None),
        Err(no_trade) => (&no_trade.decision, Some(no_trade.reason)),
    });
    let council = decided.and_then(|_| book.council(explanation));
    let heard =
        council.zip(decided).map_or_else(Vec::new, |(council, (decision, _))| speakers(council, decision, explanation));
    let mut record = Map::new();
    let mut put = |key: &str, value: Value| record.insert(key.to_owned(), value);
    put("id", json!(format!("{}-{}", event.seq, explanation.strategy.0)));
    put("strategy", json!(strategy.map(|spec| &spec.name)));
    put("idle", json!(explanation.idle.map(desk::Idle::name)));
    put("features", features(&explanation.frame, &heard));
    put("ensemble", json!(decided.map(|decided| pooled::ensemble(decided, &heard))));
    put("models", json!(council.map(|council| spoken::models(council, &heard))));
    put("proposal", json!(explanation.proposal.as_ref().map(|proposal| gated::proposal(proposal, tick, book))));
    let sizing = explanation.proposal.as_ref().zip(explanation.review.as_ref());
    put("sizing", json!(sizing.map(|(proposal, review)| gated::sizing(proposal, review, book))));
    put("gates", json!(explanation.review.as_ref().map(|review| gated::gates(review, book))));
    put("action", json!(gated::action(explanation)));
    put("refused_by", json!(explanation.refusal.as_ref().map(|refusal| refusal.control().name())));
    put("order_ref", json!(explanation.sent.map(crate::words::page::order_id)));
    Value::Object(record)
}

/// What was seen. The digest is SHA-256 over the frame as a snapshot holds it.
fn features(frame: &Frame, heard: &[Speaker<'_>]) -> Value {
    let mut bytes = Vec::new();
    frame.save(&mut bytes);
    let values: Map<String, Value> =
        Feature::ALL.iter().map(|feature| (feature.name().to_owned(), json!(frame.get(*feature)))).collect();
    json!({ "digest": hex(&Sha256::digest(&bytes).into()), "values": values, "top": top(frame, heard) })
}

/// The features that moved a trained model's log-odds most, each by its largest share.
fn top(frame: &Frame, heard: &[Speaker<'_>]) -> Vec<Value> {
    let mut most: Vec<(Feature, f64)> = Vec::new();
    let shares = heard.iter().flat_map(|speaker| &speaker.apart).flat_map(|apart| &apart.shares);
    for share in shares {
        let Some(feature) = Feature::ALL.iter().find(|feature| feature.name() == share.input) else { continue };
        match most.iter_mut().find(|(known, _)| known == feature) {
            Some((_, adds)) if adds.abs() < share.adds.abs() => *adds = share.adds,
            Some(_) => {}
            None => most.push((*feature, share.adds)),
        }
    }
    most.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let shown = |(feature, adds): &(Feature, f64)| json!({ "feature": feature.name(), "value": frame.get(*feature), "unit": feature.unit(), "adds": adds });
    most.iter().take(TOP).map(shown).collect()
}
