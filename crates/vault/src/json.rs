//! JSON from outside: its size and nesting are checked before anything is parsed.

use serde::de::DeserializeOwned;

use crate::error::Error;

/// Refuses a text that is too large, not UTF-8, or nested too deeply. Linear in its length, no allocation.
///
/// # Errors
/// `TooLarge`, `TooDeep`, or `Malformed` for text that is not UTF-8.
pub fn bounded<'a>(what: &'static str, bytes: &'a [u8], bytes_max: u64, depth_max: usize) -> Result<&'a str, Error> {
    if bytes.len() as u64 > bytes_max {
        return Err(Error::TooLarge { bytes: bytes.len() as u64, max: bytes_max });
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > depth_max {
            return Err(Error::TooDeep { max: depth_max });
        }
    }
    std::str::from_utf8(bytes).map_err(|error| Error::malformed(what, error))
}

/// Parses a text within its bounds. The type says which fields are known.
///
/// # Errors
/// What `bounded` refuses, and `Malformed` for anything else than the type.
pub fn parse<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    bytes_max: u64,
    depth_max: usize,
) -> Result<T, Error> {
    let text = bounded(what, bytes, bytes_max, depth_max)?;
    serde_json::from_str(text).map_err(|error| Error::malformed(what, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused_before_a_parse() {
        let deep = "[".repeat(100_000);
        assert!(matches!(bounded("test", deep.as_bytes(), 1 << 20, 8), Err(Error::TooDeep { max: 8 })));
        assert!(matches!(bounded("test", b"[[]]", 3, 8), Err(Error::TooLarge { bytes: 4, max: 3 })));
        assert!(bounded("test", br#"["[[[[\"[[["]"#, 100, 1).is_ok(), "brackets in text are text");
        assert!(bounded("test", b"[[],[]]", 100, 2).is_ok());
        assert!(bounded("test", b"[[],[]]", 100, 1).is_err());
        assert!(bounded("test", b"\"\xff\"", 100, 1).is_err());
    }
}
