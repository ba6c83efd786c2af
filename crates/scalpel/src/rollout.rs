//! `scalpel trials`: a journal back through the desk, and where its trained models stand.

use std::path::Path;

use desk::{Desk, News};
use ensemble::watch::Drifted;
use ensemble::{Artefact, Chair, Council, Trained, Trial};
use market::Time;
use models::paired::Decision as Ruling;
use registry::rollout::Measure;
use replay::again::{From, Replay};
use replay::beside::hex;
use serde_json::{Value, json};

use crate::Outcome;
use crate::arguments::Trials;
use crate::journals::{failed, readable};
use crate::screen;

pub(crate) fn trials(asked: &Trials) -> Outcome {
    readable(&asked.file)?;
    let mut replay = Replay::open(&asked.file, From::Start, u64::MAX).map_err(failed(&asked.file))?;
    replay.listen();
    let replayed = replay.rest().map_err(failed(&asked.file))?;
    let now = replay.desk().position().time;
    let seats = seats(replay.desk(), replay.told(), now);
    let told: Vec<Value> = replay.told().iter().filter_map(|(seq, time, news)| event(*seq, *time, news)).collect();
    let object = json!({ "schema_version": 1, "kind": "trials", "last_record": replayed.last,
        "as_of": now.to_string(), "seats": seats, "events": told });
    if asked.json {
        return screen::say(&object.to_string());
    }
    print(&asked.file, &object)
}

/// Every seat that ever had a model, or has somebody beside it.
fn seats(desk: &Desk, told: &[(u64, Time, News)], now: Time) -> Vec<Value> {
    let mut seats = Vec::new();
    for (place, council) in desk.councils().iter().enumerate() {
        for seat in Trained::ALL {
            let (champion, challenger) = (council.champion(*seat), council.challenger(*seat));
            let former = council.former(*seat);
            let known = told.iter().any(|(_, _, news)| about(news) == Some((place as u16, *seat)));
            if champion.is_none() && challenger.is_none() && former.is_none() && !known {
                continue;
            }
            let class = desk.spec().classes.get(place);
            let symbol = class.and_then(|class| desk.spec().symbols.get(usize::from(class.symbol.0)));
            let since = |chair| since(told, (place as u16, *seat), chair).map(|time| time.to_string());
            seats.push(json!({
                "class": class.map_or("", |class| class.name.as_str()),
                "symbol": symbol.map_or("", |symbol| symbol.instrument.name.as_str()),
                "seat": format!("{seat:?}").to_lowercase(),
                "champion": model(champion, since(Chair::Champion).as_deref(), council.until(*seat)),
                "challenger": model(challenger, since(Chair::Challenger).as_deref(), None),
                "former": model(former, None, None),
                "ensemble_epoch": council.epoch(),
                "trial": council.trial(*seat).map(|found| trial(found, council, *seat, now)),
                "evidence": council.trial(*seat).map(|found| evidence(found, council, *seat)),
            }));
        }
    }
    seats
}

fn model(model: Option<&std::sync::Arc<Artefact>>, since: Option<&str>, until: Option<Time>) -> Value {
    model.map_or(Value::Null, |model| {
        json!({ "name": model.parts().name, "digest": hex(model.digest()), "since": since,
            "until": until.map(|until| until.to_string()) })
    })
}

/// When whoever sits on a chair sat down.
fn since(told: &[(u64, Time, News)], seat: (u16, Trained), chair: Chair) -> Option<Time> {
    let moved = told.iter().rev().find(|(_, _, news)| match news {
        News::Seated { class, seat: which, chair: sat, .. } => (*class, *which) == seat && *sat == chair,
        News::Reseated { moved: true, .. } => about(news) == Some(seat) && chair == Chair::Champion,
        News::Withdrawn { chair: left, .. } => about(news) == Some(seat) && *left == chair,
        _ => false,
    });
    moved.map(|(_, time, _)| *time)
}

const fn about(news: &News) -> Option<(u16, Trained)> {
    match news {
        News::Seated { class, seat, .. }
        | News::Reseated { class, seat, .. }
        | News::Ruled { class, seat, .. }
        | News::Withdrawn { class, seat, .. }
        | News::Drifted { class, seat, .. }
        | News::Staged { class, seat }
        | News::Unstaged { class, seat, .. } => Some((*class, *seat)),
        _ => None,
    }
}

fn trial(trial: &Trial, council: &Council, seat: Trained, now: Time) -> Value {
    let (paired, spec) = (trial.paired(), trial.spec());
    let needed = 1.0 / spec.alpha;
    let left = labels_left(paired.labels(), paired.wealth(), spec.alpha);
    let hours = trial.since().map_or(0.0, |since| now.since(since).as_secs() / 3_600.0);
    let rate = if hours > 0.0 { paired.labels() as f64 / hours } else { 0.0 };
    let watch = council.watched(seat, Chair::Challenger);
    let canary = trial.canary().map(|canary| {
        json!({ "share": canary.spec().share, "block_s": canary.spec().block.as_secs(), "salt": canary.spec().salt,
            "budget_points": canary.spec().budget, "spent_points": canary.spent(),
            "reserved_points": canary.reserved(), "result_points": canary.result(), "closed": canary.closed(),
            "days": canary.days(), "bound_points": canary.bound() })
    });
    json!({
        "state": if canary.is_some() { "canary" } else { "shadow" },
        "labels": paired.labels(), "labels_min": spec.labels_min, "labels_max": spec.labels_max,
        "evalue_forecasts": paired.wealth()[0], "evalue_results": paired.wealth()[1], "evalue_needed": needed,
        "margin_points": spec.margin, "bound_points": spec.bound,
        "canary": canary,
        "labels_left": left, "labels_per_hour": rate,
        "hours_left": left.filter(|_| rate > 0.0).map(|left| left / rate),
        "out_of_domain": watch.and_then(ensemble::Watch::outside),
        "ruling": match paired.decision() {
            Ruling::Continue => "open".to_owned(),
            Ruling::Promote => "promote".to_owned(),
            Ruling::Stop(stop) => format!("stop: {stop:?}"),
        },
    })
}

/// How many labels are still needed at the growth of both gamblers' log wealth so far; `None` when one does not grow.
fn labels_left(labels: u64, wealth: [f64; 2], alpha: f64) -> Option<f64> {
    let goal = market::math::ln(1.0 / alpha);
    let left = wealth.map(|wealth| {
        let grown = market::math::ln(wealth);
        let rate = if labels > 0 { grown / labels as f64 } else { 0.0 };
        (rate > 0.0).then(|| ((goal - grown) / rate).max(0.0))
    });
    left[0].zip(left[1]).map(|(one, other)| one.max(other).ceil())
}

/// What `scalpel models advance --evidence` takes, by the registry's names: only what was measured here.
fn evidence(trial: &Trial, council: &Council, seat: Trained) -> Value {
    let wealth = trial.paired().wealth();
    let mut found = serde_json::Map::new();
    let mut put = |measure: Measure, value: f64| {
        if let Ok(Value::String(name)) = serde_json::to_value(measure) {
            found.insert(name, json!(value));
        }
    };
    put(Measure::Labels, trial.paired().labels() as f64);
    put(Measure::LogLossEvalue, wealth[0]);
    put(Measure::ProfitEvalue, wealth[1]);
    put(Measure::ReplayParity, 1.0);
    if let Some(share) = council.watched(seat, Chair::Challenger).and_then(ensemble::Watch::outside) {
        put(Measure::OutOfDomain, share);
    }
    if let Some(canary) = trial.canary() {
        put(Measure::TradingDays, f64::from(canary.days()));
    }
    Value::Object(found)
}

/// Moved inputs are many: a list for people counts them.
const INPUT_DRIFTED: &str = " drifted: input";

/// What was told of models, for a list.
fn event(seq: u64, time: Time, news: &News) -> Option<Value> {
    let (class, seat) = about(news)?;
    let what = match news {
        News::Seated { digest, chair, .. } => format!("seated {} as {}", &hex(digest)[..12], chair_name(*chair)),
        News::Reseated { how, why, moved: true, .. } => format!("{how:?}: {}", why.name()),
        News::Reseated { how, .. } => format!("{how:?}: nobody to move"),
        News::Ruled { ruling, .. } => format!("ruling: {ruling:?}"),
        News::Withdrawn { chair, why, back, .. } => {
            let then = if *back { "; the one before is back" } else { "" };
            format!("{} left: {}{then}", chair_name(*chair), why.name())
        }
        News::Drifted { chair, what: Drifted::Inputs { input }, .. } => {
            format!("{}{INPUT_DRIFTED} {input}", chair_name(*chair))
        }
        News::Drifted { chair, what, .. } => format!("{} drifted: {what:?}", chair_name(*chair)),
        News::Staged { .. } => "canary staged".into(),
        News::Unstaged { why, .. } => format!("canary refused: {why:?}"),
        _ => return None,
    };
    let seat = format!("{seat:?}").to_lowercase();
    Some(json!({ "seq": seq, "time": time.to_string(), "class": class, "seat": seat, "what": what }))
}

const fn chair_name(chair: Chair) -> &'static str {
    match chair {
        Chair::Champion => "champion",
        Chair::Challenger => "challenger",
    }
}

fn print(file: &Path, object: &Value) -> Outcome {
    let none = Vec::new();
    let seats = object["seats"].as_array().unwrap_or(&none);
    screen::say(&format!("{}: as of {}", file.display(), text(&object["as_of"])))?;
    if seats.is_empty() {
        return screen::say("no trained model was ever seated in this run");
    }
    for seat in seats {
        screen::say(&format!("\n{} {} ({})", text(&seat["symbol"]), text(&seat["class"]), text(&seat["seat"])))?;
        for chair in ["champion", "challenger", "former"] {
            let model = &seat[chair];
            let shown = if model.is_null() {
                "none".into()
            } else {
                let digest: String = text(&model["digest"]).chars().take(12).collect();
                let since = model["since"].as_str().map_or_else(String::new, |since| format!(", since {since}"));
                let until = model["until"].as_str().map_or_else(String::new, |until| format!(", until {until}"));
                format!("{} {digest}{since}{until}", text(&model["name"]))
            };
            screen::say(&format!("  {chair:10}  {shown}"))?;
        }
        let trial = &seat["trial"];
        if trial.is_null() {
            continue;
        }
        let unknown = |value: &Value| if value.is_null() { "unknown".to_owned() } else { text(value) };
        let canary = &trial["canary"];
        let state = if canary.is_null() {
            "shadow: it trades nothing".to_owned()
        } else {
            format!(
                "canary: {} % of blocks; {} of {} points spent, {} more at stake, {} closings came to {}",
                figure(canary["share"].as_f64().unwrap_or_default() * 100.0),
                text(&canary["spent_points"]),
                text(&canary["budget_points"]),
                text(&canary["reserved_points"]),
                text(&canary["closed"]),
                text(&canary["result_points"])
            )
        };
        screen::say(&format!("  state       {state}"))?;
        screen::say(&format!("  ruling      {}", text(&trial["ruling"])))?;
        screen::say(&format!(
            "  e-values    forecasts {}, results {}; {} needed of both, after {} labels",
            text(&trial["evalue_forecasts"]),
            text(&trial["evalue_results"]),
            text(&trial["evalue_needed"]),
            text(&trial["labels"])
        ))?;
        screen::say(&format!(
            "  to decide   {} labels more, {} hours at {} labels an hour",
            unknown(&trial["labels_left"]),
            unknown(&trial["hours_left"]),
            text(&trial["labels_per_hour"])
        ))?;
    }
    events(object)
}

/// What was told of models, in order; alarms of inputs are counted.
fn events(object: &Value) -> Outcome {
    let none = Vec::new();
    let events = object["events"].as_array().unwrap_or(&none);
    let is_input = |event: &&Value| event["what"].as_str().is_some_and(|what| what.contains(INPUT_DRIFTED));
    for event in events.iter().filter(|event| !is_input(event)) {
        let seat = text(&event["seat"]);
        screen::say(&format!("{}  {}  {seat}: {}", text(&event["seq"]), text(&event["time"]), text(&event["what"])))?;
    }
    let moved: Vec<&Value> = events.iter().filter(is_input).collect();
    if let (Some(first), Some(last)) = (moved.first(), moved.last()) {
        let (count, first, last) = (moved.len(), text(&first["time"]), text(&last["time"]));
        screen::say(&format!("{count} alarms of inputs that moved, {first} to {last}; --json lists them"))?;
    }
    Ok(())
}

/// A value for people.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), figure),
        other => other.to_string(),
    }
}

/// A whole number as one, others with three decimals.
fn figure(x: f64) -> String {
    if x.fract() == 0.0 { format!("{x:.0}") } else { format!("{x:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_left_follow_the_slower_gambler_and_are_unknown_when_one_does_not_grow() {
        let e = std::f64::consts::E;
        // ln 20 is 3; at 1 per 100 labels two hundred more, at half that five hundred.
        assert_eq!(labels_left(100, [e, e], 0.05), Some(200.0));
        assert_eq!(labels_left(100, [e, e.sqrt()], 0.05), Some(500.0));
        assert_eq!(labels_left(100, [e, 1.0], 0.05), None);
        assert_eq!(labels_left(100, [e, 0.5], 0.05), None);
        assert_eq!(labels_left(0, [1.0, 1.0], 0.05), None);
        assert_eq!(labels_left(100, [30.0, 25.0], 0.05), Some(0.0));
    }
}
