//! The wire of protocol buffers: fields of a message, one after another, borrowed from its bytes.
//!
//! Nothing is copied and nothing is kept, so a message costs what whoever reads it keeps. Source: the encoding page of
//! protobuf.dev.

use crate::formats::{FormatError, FormatFault};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field<'a> {
    /// A varint.
    Number(u64),
    /// Four bytes.
    Four([u8; 4]),
    /// Eight bytes.
    Eight([u8; 8]),
    /// Bytes, a text, a message or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    /// Its bytes; nothing when it holds a number.
    pub(super) const fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// The fields of a message: (tag, field). It ends after the first fault.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| corrupt("a field is cut short or of no known kind")))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = varint(&mut self.0)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut self.0)?),
            1 => Field::Eight(self.take(8)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Four(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        (key >> 3 != 0).then_some((key >> 3, field))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// The varint at the beginning of the bytes, which go on behind it.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The bytes contradict the format.
pub(super) fn corrupt(why: &str) -> FormatError {
    FormatError::whole(FormatFault::Corrupt(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_one_by_one_and_a_cut_ends_them() {
        let bytes = [8, 150, 1, 18, 2, 7, 8, 29, 1, 2, 3, 4, 33, 1, 2, 3, 4, 5, 6, 7, 8];
        let whole: Vec<_> = Fields(&bytes).map(Result::unwrap).collect();
        let due = [
            (1, Field::Number(150)),
            (2, Field::Bytes(&[7, 8])),
            (3, Field::Four([1, 2, 3, 4])),
            (4, Field::Eight([1, 2, 3, 4, 5, 6, 7, 8])),
        ];
        assert_eq!(whole, due);
        for cut in [1, 2, 4, 6, 8, 11, 14, 20] {
            let last = Fields(&bytes[..cut]).last().unwrap();
            assert!(last.is_err(), "{cut}");
        }
        // A group, tag 0, and numbers of more than 64 bits.
        for odd in [&[11_u8][..], &[0, 1], &[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2], &[255; 12]] {
            assert!(Fields(odd).next().unwrap().is_err());
        }
        let most = [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(Fields(&most).next().unwrap().unwrap(), (1, Field::Number(u64::MAX)));
    }
}
