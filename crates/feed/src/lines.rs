//! A line reader with a cap, a line count, and no allocation per line.

use std::io::Read;

use crate::error::{Fault, FeedError, Place};
use crate::open::{Stream, broken};

pub(crate) struct Lines {
    name: String,
    stream: Stream,
    buffer: Vec<u8>,
    /// Where the unread bytes begin and end.
    start: usize,
    end: usize,
    /// The current line within the buffer.
    line: (usize, usize),
    number: u64,
    limit: usize,
}

const FIRST: usize = 256 << 10;

impl Lines {
    pub(crate) fn new(name: &str, stream: Stream, limit: usize) -> Self {
        let buffer = vec![0; FIRST.min(limit.max(64))];
        Self { name: name.to_owned(), stream, buffer, start: 0, end: 0, line: (0, 0), number: 0, limit }
    }

    /// The number of the current line, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The current line without its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.buffer[self.line.0..self.line.1]
    }

    /// Moves to the next line; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, FeedError> {
        let mut searched = self.start;
        loop {
            if let Some(found) = self.buffer[searched..self.end].iter().position(|byte| *byte == b'\n') {
                let end = searched + found;
                self.bound(end - self.start)?;
                self.take(end);
                self.start = end + 1;
                return Ok(true);
            }
            let length = self.end - self.start;
            self.bound(length)?;
            if !self.more()? {
                if length == 0 {
                    return Ok(false);
                }
                self.take(self.end);
                self.start = self.end;
                return Ok(true);
            }
            searched = self.start + length;
        }
    }

    /// Refuses a line that is longer than allowed, wherever its end lies in the buffer.
    fn bound(&self, length: usize) -> Result<(), FeedError> {
        if length <= self.limit {
            return Ok(());
        }
        Err(FeedError::at(&self.name, Place::Line(self.number + 1), Fault::LineTooLong(self.limit)))
    }

    fn take(&mut self, end: usize) {
        let carriage = end > self.start && self.buffer[end - 1] == b'\r';
        self.line = (self.start, end - usize::from(carriage));
        self.number += 1;
        if self.number == 1 && self.line().starts_with(b"\xef\xbb\xbf") {
            self.line.0 += 3;
        }
    }

    /// Reads more behind the unread bytes; false when the stream has ended.
    fn more(&mut self) -> Result<bool, FeedError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(got) => {
                    self.end += got;
                    return Ok(got > 0);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let failed = broken(&self.name, &error);
                    return Err(FeedError { place: Some(Place::Line(self.number + 1)), ..failed });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, FeedError> {
        let mut lines = Lines::new("x", Box::new(std::io::Cursor::new(bytes.to_vec())), limit);
        let mut all = vec![];
        while lines.advance()? {
            all.push(lines.line().to_vec());
        }
        assert_eq!(lines.number() as usize, all.len());
        Ok(all)
    }

    #[test]
    fn long_lines_are_refused_and_others_are_whole() {
        assert_eq!(read(b"a\r\nb\n\nc", 10).unwrap(), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(read(b"\xef\xbb\xbfa\n", 10).unwrap(), [b"a"]);
        let long = vec![b'x'; 1000];
        let error = read(&long, 100).unwrap_err();
        assert_eq!((error.place, error.fault), (Some(Place::Line(1)), Fault::LineTooLong(100)));
        assert_eq!(read(&long, 1000).unwrap(), [long]);
    }

    proptest! {
        #[test]
        fn agrees_with_the_slow_twin(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..600)) {
            let twin: Vec<Vec<u8>> = bytes
                .split_inclusive(|b| *b == b'\n')
                .map(|line| line.strip_suffix(b"\n").map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l)).to_vec())
                .collect();
            let twin: Vec<Vec<u8>> = twin.into_iter().enumerate().map(|(i, line)| if i == 0 { line.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(line) } else { line }).collect();
            let mut got = read(&bytes, 1000).unwrap();
            // A carriage return at the very end is taken off too.
            if let (Some(last), false) = (got.last_mut(), bytes.ends_with(b"\n"))
                && bytes.ends_with(b"\r") { last.push(b'\r'); }
            prop_assert_eq!(got, twin);
        }
    }
}
