//! Which format are these bytes? Names of files are not asked: they prove nothing.

use super::{FILE_MAX, FormatError, FormatFault};

/// A format that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text of `LightGBM`'s `save_model`.
    LightGbm,
    /// The JSON of `XGBoost`'s `save_model("model.json")`.
    Xgboost,
    /// An ONNX model.
    Onnx,
}

/// How files begin that hold, or usually wrap, a pickle.
const PICKLES: &[(&[u8], &str)] = &[
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"ccopy_reg\n", "a Python pickle"),
    (b"(dp", "a Python pickle"),
    (b"(lp", "a Python pickle"),
    (b"(ip", "a Python pickle"),
    (b"\x78\x01", "a compressed file as joblib writes it, which holds a Python pickle"),
    (b"\x78\x5e", "a compressed file as joblib writes it, which holds a Python pickle"),
    (b"\x78\x9c", "a compressed file as joblib writes it, which holds a Python pickle"),
    (b"\x78\xda", "a compressed file as joblib writes it, which holds a Python pickle"),
    (b"\x04\x22\x4d\x18", "a compressed file as joblib writes it, which holds a Python pickle"),
    (b"PK\x03\x04", "a zip archive as PyTorch writes it, which holds a Python pickle"),
    (b"\x93NUMPY", "a NumPy array, which may hold a Python pickle"),
];

/// Files that people have, and what to do about them.
const OTHERS: &[(&[u8], &str, &str)] = &[
    (b"{L", "XGBoost's UBJSON", "save it with save_model(\"model.json\")"),
    (b"{U", "XGBoost's UBJSON", "save it with save_model(\"model.json\")"),
    (b"{i", "XGBoost's UBJSON", "save it with save_model(\"model.json\")"),
    (b"binf", "XGBoost's old binary format", "load it and save it with save_model(\"model.json\")"),
    (b"bs64", "XGBoost's old binary format", "load it and save it with save_model(\"model.json\")"),
    (b"\x89HDF", "a Keras file", "export it as ONNX"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first"),
];

/// The format of the bytes, by how they begin.
///
/// # Errors
/// When there are too many bytes, they are a pickle, a format that we do not read, or nothing that we know.
pub fn recognise(bytes: &[u8]) -> Result<Format, FormatError> {
    if bytes.len() > FILE_MAX {
        return Err(FormatError::whole(FormatFault::TooLarge(bytes.len())));
    }
    if let Some((_, what)) = PICKLES.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(FormatError::whole(FormatFault::Pickle(what)));
    }
    if let Some((_, what, instead)) = OTHERS.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Err(FormatError::unsupported(*what, instead));
    }
    if bytes.starts_with(b"tree\n") || bytes.starts_with(b"tree\r\n") {
        return Ok(Format::LightGbm);
    }
    match bytes.trim_ascii_start() {
        [b'{', rest @ ..] if rest.trim_ascii_start().starts_with(b"\"") => Ok(Format::Xgboost),
        // The first field of an ONNX file is its version, a small number.
        [8, 1..=20, ..] if bytes.first() == Some(&8) => Ok(Format::Onnx),
        _ => Err(FormatError::whole(FormatFault::Unknown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_is_told_apart() {
        let known = |bytes: &[u8]| recognise(bytes).unwrap();
        assert_eq!(known(b"tree\nversion=v4\n"), Format::LightGbm);
        assert_eq!(known(b"tree\r\nversion=v4\r\n"), Format::LightGbm);
        assert_eq!(known(b" {\n \"learner\": {}}"), Format::Xgboost);
        assert_eq!(known(b"\x08\x09\x12\x07pytorch"), Format::Onnx);
        for (start, what) in PICKLES {
            assert_eq!(recognise(start).unwrap_err().fault, FormatFault::Pickle(what));
        }
        for (start, what, instead) in OTHERS {
            assert_eq!(recognise(start), Err(FormatError::unsupported(*what, instead)));
        }
        for bytes in [&b""[..], b"tree", b"{", b"{}", b"\x08", b"\x08\x00", b"booster"] {
            assert_eq!(recognise(bytes).unwrap_err().fault, FormatFault::Unknown);
        }
        assert_eq!(recognise(&vec![0; FILE_MAX + 1]).unwrap_err().fault, FormatFault::TooLarge(FILE_MAX + 1));
    }
}
