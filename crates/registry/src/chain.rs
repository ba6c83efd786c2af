//! Lines that hang on each other. `docs/formats/registry.md` gives the bytes.
//!
//! `{"seq":1,"prev":"HEX","hash":"HEX","body":{...}}`: `hash` covers the number, `prev` and the body's bytes; `prev` is
//! the hash of the line before, in the first line that of the log's name. A changed, removed, doubled or moved line breaks
//! the chain there. Lines cut off the end, or a whole rewritten log, are found only by a head that was kept elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use vault::Digest;

/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = 64 * 1_024;

/// The number and hash of a line; number 0 is the empty log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The line's number, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

impl Head {
    /// The head of an empty log of that name.
    pub fn empty(log: &str) -> Self {
        Self { seq: 0, hash: Digest::of_parts(&[b"scalpel-chain/1 log ", log.as_bytes()]) }
    }

    /// The head of a line of that number whose hash is written in hexadecimal.
    pub fn of(seq: u64, hex: &str) -> Option<Self> {
        Digest::from_hex(hex).map(|hash| Self { seq, hash })
    }

    fn next(self, body: &str) -> Self {
        let seq = self.seq + 1;
        let place = format!("scalpel-chain/1 line {seq} {} ", self.hash);
        Self { seq, hash: Digest::of_parts(&[place.as_bytes(), body.as_bytes()]) }
    }
}

/// One line, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number and hash.
    pub head: Head,
    /// Its content, one JSON object.
    pub body: &'a str,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is not of the form of a line, or too long.
    Form,
    /// It has another number than its place: a line was removed, doubled or moved.
    Number {
        /// The number that it says.
        says: u64,
    },
    /// It hangs on another line than the one before it.
    Previous,
    /// Its hash is not that of its content.
    Hash,
    /// Its content is not what this log holds.
    Body,
}

/// The first bad line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: What,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match self.what {
            What::Form => write!(f, "not a line of a chained log"),
            What::Number { says } => write!(f, "says that it is line {says}: lines were removed, doubled or moved"),
            What::Previous => write!(f, "does not hang on the line before it: one of them was replaced"),
            What::Hash => write!(f, "its content was changed"),
            What::Body => write!(f, "its content is not what this log holds"),
        }
    }
}

/// The line that follows `after` with this body, and its head. The body must be one JSON object without line ends.
pub fn line(after: Head, body: &str) -> (String, Head) {
    let head = after.next(body);
    let text =
        format!("{{\"seq\":{},\"prev\":\"{}\",\"hash\":\"{}\",\"body\":{body}}}\n", head.seq, after.hash, head.hash);
    (text, head)
}

/// Reads the lines of a log one by one and stops at the first bad one. Bytes after the last line end are a torn write and
/// are left out.
pub struct Lines<'a> {
    rest: &'a [u8],
    head: Head,
    bad: bool,
}

impl<'a> Lines<'a> {
    /// The lines of the log of that name.
    pub fn new(log: &str, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, head: Head::empty(log), bad: false }
    }

    /// The lines that follow a head: of a log whose beginning was read already.
    pub fn after(head: Head, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, head, bad: false }
    }

    /// The head of the last good line.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Bytes that were not read: a torn write, or what follows a bad line.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    fn check(&self, bytes: &'a [u8]) -> Result<Line<'a>, What> {
        let (says, prev, hash, body) = split(bytes).ok_or(What::Form)?;
        if says != self.head.seq + 1 {
            return Err(What::Number { says });
        }
        if prev != self.head.hash {
            return Err(What::Previous);
        }
        let head = self.head.next(body);
        if head.hash != hash {
            return Err(What::Hash);
        }
        // One spelling only: what was read is exactly what would be written.
        let (again, _) = line(self.head, body);
        if again.as_bytes() == bytes { Ok(Line { head, body }) } else { Err(What::Form) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bad {
            return None;
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n')? + 1;
        let (bytes, rest) = self.rest.split_at(end);
        let checked = self.check(bytes).map_err(|what| Fault { line: self.head.seq + 1, what });
        match &checked {
            Ok(line) => (self.head, self.rest) = (line.head, rest),
            Err(_) => self.bad = true,
        }
        Some(checked)
    }
}

/// The parts of a line: number, hash of the line before, hash, body.
fn split(bytes: &[u8]) -> Option<(u64, Digest, Digest, &str)> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LINE_BYTES_MAX)?;
    let rest = text.strip_prefix("{\"seq\":")?;
    let (seq, rest) = rest.split_once(",\"prev\":\"")?;
    let (prev, rest) = rest.split_once("\",\"hash\":\"")?;
    let (hash, rest) = rest.split_once("\",\"body\":")?;
    let body = rest.strip_suffix("}\n")?;
    Some((seq.parse().ok()?, Digest::from_hex(prev)?, Digest::from_hex(hash)?, body))
}

/// The head of a log's last line, given only that line. What it hangs on is believed, except in a log of one line.
///
/// # Errors
/// The line, when it is bad in itself.
pub(crate) fn last(log: &str, bytes: &[u8], only: bool) -> Result<Head, Fault> {
    let form = Fault { line: 1, what: What::Form };
    let (seq, prev, _, _) = split(bytes).ok_or(form)?;
    let before = if only { Head::empty(log) } else { Head { seq: seq.checked_sub(1).ok_or(form)?, hash: prev } };
    let lines = Lines { rest: bytes, head: before, bad: false };
    lines.check(bytes).map(|line| line.head).map_err(|what| Fault { line: seq, what })
}

/// What `verify` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The last line.
    pub head: Head,
    /// Bytes of a write that a crash cut short; they count for nothing.
    pub torn: usize,
}

/// Checks every line of the log of that name.
///
/// # Errors
/// The first bad line.
pub fn verify(log: &str, bytes: &[u8]) -> Result<Verified, Fault> {
    let mut lines = Lines::new(log, bytes);
    lines.by_ref().try_for_each(|line| line.map(drop))?;
    Ok(Verified { head: lines.head(), torn: lines.left() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log(count: u64) -> Vec<u8> {
        let mut head = Head::empty("test.log");
        let mut bytes = Vec::new();
        for number in 0..count {
            let (text, next) = line(head, &format!("{{\"n\":{number}}}"));
            bytes.extend_from_slice(text.as_bytes());
            head = next;
        }
        bytes
    }

    fn first_bad(bytes: &[u8]) -> Option<u64> {
        verify("test.log", bytes).err().map(|fault| fault.line)
    }

    #[test]
    fn a_whole_log_is_believed_and_its_name_counts() {
        let bytes = log(5);
        let found = verify("test.log", &bytes).unwrap();
        assert_eq!((found.head.seq, found.torn), (5, 0));
        assert_eq!(verify("other.log", &bytes), Err(Fault { line: 1, what: What::Previous }));
        let text = String::from_utf8(bytes.clone()).unwrap();
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((first["seq"].as_u64(), first["body"]["n"].as_u64()), (Some(1), Some(0)));
        assert_eq!(
            verify("test.log", &bytes[..bytes.len() - 1]).unwrap().head.seq,
            4,
            "a torn line counts for nothing"
        );
    }

    #[test]
    fn lines_removed_doubled_moved_or_replaced_are_named() {
        let text = String::from_utf8(log(6)).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let bad = |order: &[usize]| first_bad(order.iter().map(|n| lines[*n]).collect::<String>().as_bytes());
        assert_eq!(bad(&[0, 1, 2, 3, 4, 5]), None);
        assert_eq!(bad(&[0, 1, 3, 4, 5]), Some(3));
        assert_eq!(bad(&[0, 1, 1, 2]), Some(3));
        assert_eq!(bad(&[0, 2, 1, 3]), Some(2));
        assert_eq!(bad(&[1, 2]), Some(1));
        let (forged, _) = line(Head { seq: 2, hash: Digest::of(b"x") }, "{}");
        let inserted = [lines[0], lines[1], &forged].concat();
        assert_eq!(verify("test.log", inserted.as_bytes()), Err(Fault { line: 3, what: What::Previous }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn the_first_line_with_a_changed_byte_is_named(at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let bytes = log(5);
            let at = at.index(bytes.len());
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            let holding = bytes[..at].split(|byte| *byte == b'\n').count() as u64;
            let last_end = at == bytes.len() - 1;
            prop_assert_eq!(first_bad(&changed), if last_end { None } else { Some(holding) });
            if last_end {
                prop_assert_eq!(verify("test.log", &changed).unwrap().head.seq, 4);
            }
        }
    }
}
