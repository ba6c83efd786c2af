//! Questions with known answers: `golden.jsonl`, a line `{"x":[...],"p":0.53}` each. Null in `x` is a missing value.

use serde::{Deserialize, Serialize};
use vault::json;

use crate::error::{Refusal, Why};

/// Largest file of golden questions, in bytes.
pub const GOLDEN_BYTES_MAX: u64 = 16 << 20;
/// Most golden questions.
pub const ROWS_MAX: usize = 100_000;
/// How far an answer may be from the known one.
pub const TOLERANCE: f64 = 1e-6;

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The features, in the order of the schema; null where missing.
    pub x: Vec<Option<f64>>,
    /// The probability that the model must answer.
    pub p: f64,
}

/// Reads the questions. At least one, each with `features` values, each answer a probability.
///
/// # Errors
/// `TooLarge`, `TooMany`, `Malformed`.
pub fn read(file: &str, bytes: &[u8], features: usize) -> Result<Vec<Row>, Refusal> {
    let text = json::bounded("golden questions", bytes, GOLDEN_BYTES_MAX, 2).map_err(Refusal::vault(file))?;
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if at == ROWS_MAX {
            return Err(Refusal::new(file, Why::TooMany { max: ROWS_MAX }));
        }
        let wrong = |why: String| Refusal::malformed(file, format!("line {}: {why}", at + 1));
        let row: Row = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if row.x.len() != features {
            return Err(wrong(format!("{} values for {features} features", row.x.len())));
        }
        if !(0.0..=1.0).contains(&row.p) {
            return Err(wrong(format!("p = {} is no probability", row.p)));
        }
        rows.push(row);
    }
    if rows.is_empty() { Err(Refusal::malformed(file, "no golden question")) } else { Ok(rows) }
}

/// Asks every question in order, missing values as NaN. Every answer must be within `TOLERANCE` of the known one.
///
/// # Errors
/// `Golden` with the first line that differs (NaN differs), or `Model` with what `ask` says.
pub fn check(file: &str, rows: &[Row], mut ask: impl FnMut(&[f64]) -> Result<f64, String>) -> Result<(), Refusal> {
    let mut x = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        x.clear();
        x.extend(row.x.iter().map(|value| value.unwrap_or(f64::NAN)));
        let said = ask(&x).map_err(|why| Refusal::new(file, Why::Model(format!("line {}: {why}", at + 1))))?;
        if (said - row.p).abs().is_nan() || (said - row.p).abs() > TOLERANCE {
            return Err(Refusal::new(file, Why::Golden { line: at + 1, said, due: row.p }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_right_within_the_tolerance_only() {
        let rows = read("g", b"{\"x\":[1,null],\"p\":0.25}\n{\"x\":[2,3],\"p\":0.5}\n", 2).unwrap();
        let seen =
            |delta: f64| check("g", &rows, |x| Ok(if x[0] == 1.0 && x[1].is_nan() { 0.25 } else { 0.5 + delta }));
        seen(0.99e-6).unwrap();
        for delta in [1.01e-6, -1.01e-6, f64::NAN, f64::INFINITY] {
            assert!(matches!(seen(delta).unwrap_err().why, Why::Golden { line: 2, .. }), "{delta}");
        }
        assert!(matches!(check("g", &rows, |_| Err("no".into())).unwrap_err().why, Why::Model(_)));
    }

    #[test]
    fn questions_without_sense_are_refused() {
        for bad in [
            "",
            "{}",
            "{\"x\":[1],\"p\":0.5}",
            "{\"x\":[1,2],\"p\":1.5}",
            "{\"x\":[1,2],\"p\":0.5,\"q\":1}",
            "[[[[1]]]]",
        ] {
            assert!(read("g", bad.as_bytes(), 2).is_err(), "{bad}");
        }
    }
}
