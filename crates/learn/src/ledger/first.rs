//! The form that lines of the ledger had at first. They are read where a ledger begins with them; what follows hangs on the
//! last of them.
//!
//! ```text
//! {"prev":"<64 hex>","hash":"<64 hex>","trial":{...}}
//! ```
//!
//! with `hash = SHA-256(prev || the bytes of the trial)`, `prev` the hash of the line before (zeros for the first).

use super::{LINE_MAX, Trial, digest};

const HEX: usize = 64;
const PREV: &str = "{\"prev\":\"";
const HASH: &str = "\",\"hash\":\"";
const TRIAL: &str = "\",\"trial\":";
const HEAD: usize = PREV.len() + HEX + HASH.len() + HEX + TRIAL.len();

/// The first line without its end, and what follows; nothing when it is not of this form.
pub(super) fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.starts_with(PREV.as_bytes()).then(|| bytes.iter().position(|byte| *byte == b'\n'))??;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn chained(prev: &str, body: &str) -> String {
    digest([prev, body].concat().as_bytes())
}

/// Reads a line (without its end) that must follow `prev`.
pub(super) fn parse(line: &[u8], prev: &str) -> Result<(String, Trial), &'static str> {
    if line.len() >= LINE_MAX {
        return Err("is longer than 64 KiB");
    }
    let text = std::str::from_utf8(line).map_err(|_| "is not UTF-8")?;
    let shaped = text.len() > HEAD
        && text.is_char_boundary(HEAD)
        && text.get(PREV.len() + HEX..PREV.len() + HEX + HASH.len()) == Some(HASH)
        && text.get(HEAD - TRIAL.len()..HEAD) == Some(TRIAL)
        && text.ends_with('}');
    if !shaped {
        return Err("has not the shape of a line of the ledger");
    }
    let (said, hash) = (&text[PREV.len()..PREV.len() + HEX], &text[HEAD - TRIAL.len() - HEX..HEAD - TRIAL.len()]);
    let body = &text[HEAD..text.len() - 1];
    if said != prev {
        return Err("does not follow from the line before it");
    }
    if chained(prev, body) != hash {
        return Err("was changed after it was written");
    }
    let trial = serde_json::from_str(body).map_err(|_| "holds a trial that this version does not know")?;
    Ok((hash.to_owned(), trial))
}

/// A line as it was written then, for the tests.
#[cfg(test)]
pub(super) fn written(trial: &Trial, prev: &str) -> (String, String) {
    let body = serde_json::to_string(trial).unwrap_or_default();
    let hash = chained(prev, &body);
    (format!("{PREV}{prev}{HASH}{hash}{TRIAL}{body}}}\n"), hash)
}
