//! Notices from a file of JSON lines (docs/formats/notices.md), for backtests.

use std::fmt;

use desk::{Impact, Notice, NoticeKind};
use ensemble::Sentiment;
use market::{Span, SymbolId, Time};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::script::Heard;

/// The most notices of a file.
pub const NOTICES_MAX: usize = 1_000_000;

/// What is wrong with a file of notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticesFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for NoticesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for NoticesFault {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    source: u16,
    published: String,
    seen: Option<String>,
    symbol: Option<String>,
    window: Option<Window>,
    sentiment: Option<Said>,
    freeze: Option<Freeze>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    from: String,
    until: Option<String>,
    impact: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    score: f64,
    confidence: f64,
    half_life_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Freeze {
    until: String,
}

/// Reads notices; symbols are the names of the configuration, in their order. Answers them by the time at which they were
/// seen. What makes no sense as an item, such as a score of 2, is left to the desk, which refuses it.
///
/// # Errors
/// [`NoticesFault`] names the first line that is no notice.
pub fn parse(text: &str, symbols: &[&str]) -> Result<Vec<Heard>, NoticesFault> {
    let mut all = Vec::new();
    for (nth, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let fault = |what: String| NoticesFault { line: nth + 1, what };
        if all.len() >= NOTICES_MAX {
            return Err(fault(format!("more than {NOTICES_MAX} notices")));
        }
        let line: Line = serde_json::from_str(line).map_err(|error| fault(error.to_string()))?;
        all.push(read(&line, symbols).map_err(fault)?);
    }
    all.sort_by_key(|heard| heard.seen);
    Ok(all)
}

fn read(line: &Line, symbols: &[&str]) -> Result<Heard, String> {
    let published = time("published", &line.published)?;
    let seen = line.seen.as_deref().map_or(Ok(published), |seen| time("seen", seen))?;
    if seen < published {
        return Err("seen before it was published".into());
    }
    let place = |name: &String| {
        let place = symbols.iter().position(|known| known.eq_ignore_ascii_case(name));
        place
            .map(|place| SymbolId(place as u16))
            .ok_or_else(|| format!("symbol {name:?} is not in the configuration, which has {}", symbols.join(", ")))
    };
    let symbol = line.symbol.as_ref().map(place).transpose()?;
    let kind = match (&line.window, &line.sentiment, &line.freeze) {
        (Some(window), None, None) => {
            let from = time("from", &window.from)?;
            let until = window.until.as_deref().map_or(Ok(from), |until| time("until", until))?;
            NoticeKind::Window { from, until, impact: impact(&window.impact)? }
        }
        (None, Some(said), None) => NoticeKind::Sentiment(Sentiment {
            score: said.score,
            confidence: said.confidence,
            half_life: span(said.half_life_s),
        }),
        (None, None, Some(freeze)) => NoticeKind::Freeze { until: time("until", &freeze.until)? },
        _ => return Err("exactly one of window, sentiment and freeze must be given".into()),
    };
    if line.id.is_empty() {
        return Err("the id is empty".into());
    }
    let digest = Sha256::digest(line.id.as_bytes());
    let id = digest.iter().take(8).fold(0, |id: u64, byte| id << 8 | u64::from(*byte));
    Ok(Heard { seen, notice: Notice { id, source: line.source, published, symbol, kind } })
}

fn impact(word: &str) -> Result<Impact, String> {
    match word {
        "high" => Ok(Impact::High),
        "medium" => Ok(Impact::Medium),
        "low" => Ok(Impact::Low),
        "holiday" => Ok(Impact::Holiday),
        other => Err(format!("impact {other:?} is none of high, medium, low, holiday")),
    }
}

/// Nanoseconds; what is no length of time becomes zero, which the desk refuses.
fn span(seconds: f64) -> Span {
    let nanoseconds = seconds * 1e9;
    Span(if (0.0..9e18).contains(&nanoseconds) { nanoseconds as i64 } else { 0 })
}

/// `2014-05-02T12:30:00Z`, with or without a fraction of the second.
fn time(key: &str, text: &str) -> Result<Time, String> {
    let wrong = || format!("{key}: {text:?} is not a time like 2014-05-02T12:30:00Z");
    let (date, clock) = text.strip_suffix('Z').and_then(|text| text.split_once('T')).ok_or_else(wrong)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let numbers = |text: &str, by: char, widths: [usize; 3]| {
        let mut parts = text.split(by);
        let mut found = [0_i64; 3];
        for (number, width) in found.iter_mut().zip(widths) {
            let part = parts.next().filter(|part| part.len() == width && part.bytes().all(|b| b.is_ascii_digit()))?;
            *number = part.parse().ok()?;
        }
        parts.next().is_none().then_some(found)
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2]).ok_or_else(wrong)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2]).ok_or_else(wrong)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, 28 + i64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let day_max = days.get((month - 1) as usize).copied().unwrap_or(0);
    if !(1970..=2261).contains(&year) || !(1..=day_max).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return Err(wrong());
    }
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    let start = Time::from_date(year as _, month as _, day as _);
    Ok(start.plus(Span(((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanoseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SYMBOLS: &[&str] = &["EURUSD", "USDJPY"];

    fn line(rest: &str) -> String {
        format!(r#"{{"id":"x","source":1,"published":"2014-05-02T12:00:00Z",{rest}}}"#)
    }

    #[test]
    fn lines_of_every_kind_are_read_and_sorted_by_when_they_were_seen() {
        let text = [
            line(r#""seen":"2014-05-02T12:00:05.250Z","window":{"from":"2014-05-02T12:30:00Z","impact":"high"}"#),
            String::new(),
            line(r#""symbol":"usdjpy","sentiment":{"score":-0.5,"confidence":2.0,"half_life_s":600}"#),
            line(r#""seen":"2014-05-02T12:00:01Z","freeze":{"until":"2014-05-02T12:01:00Z"}"#),
        ]
        .join("\n");
        let found = parse(&text, SYMBOLS).unwrap();
        let noon = Time::from_date(2014, 5, 2).plus(Span(12 * Span::HOUR.0));
        let after = |millis: i64| noon.plus(Span::from_millis(millis));
        assert_eq!(found.iter().map(|heard| heard.seen).collect::<Vec<_>>(), [noon, after(1_000), after(5_250)]);
        let said = Sentiment { score: -0.5, confidence: 2.0, half_life: Span::from_secs(600) };
        assert_eq!(found[0].notice.kind, NoticeKind::Sentiment(said));
        assert_eq!((found[0].notice.symbol, found[1].notice.symbol), (Some(SymbolId(1)), None));
        let event = after(1_800_000);
        assert_eq!(found[2].notice.kind, NoticeKind::Window { from: event, until: event, impact: Impact::High });
        assert_eq!(found[0].notice.id, found[2].notice.id, "the same id is the same item");
    }

    #[test]
    fn a_bad_line_is_named() {
        let told = |bad: &str| {
            let good = line(r#""freeze":{"until":"2014-05-02T12:01:00Z"}"#);
            parse(&format!("{good}\n\n{bad}"), SYMBOLS).unwrap_err().to_string()
        };
        for (bad, word) in [
            ("{".to_owned(), "EOF"),
            (line(r#""freeze":{"until":"2014-05-02T12:01:00Z"},"why":1"#), "unknown field `why`"),
            (line(r#""symbol":"GBPUSD","freeze":{"until":"2014-05-02T12:01:00Z"}"#), "GBPUSD"),
            (line(r#""freeze":{"until":"2014-02-29T12:01:00Z"}"#), "is not a time"),
            (line(r#""freeze":{"until":"2014-05-02T12:01:00"}"#), "is not a time"),
            (line(r#""window":{"from":"2014-05-02T12:01:00Z","impact":"huge"}"#), "none of high"),
            (line(r#""seen":"2014-05-02T11:59:59Z","freeze":{"until":"2014-05-02T12:01:00Z"}"#), "seen before"),
            (line(r#""seen":"2014-05-02T12:59:59Z""#), "exactly one"),
        ] {
            let told = told(&bad);
            assert!(told.starts_with("line 3: ") && told.contains(word), "{told}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,200}", until in "[0-9TZ:.-]{0,30}") {
            let _ = parse(&text, SYMBOLS);
            let _ = parse(&line(&format!(r#""freeze":{{"until":"{until}"}}"#)), SYMBOLS);
        }
    }
}
