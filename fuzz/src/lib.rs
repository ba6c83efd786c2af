//! What the fuzz targets share.
//!
//! `input`   decisions from the fuzzer's bytes      `number`  decimal numbers by a slow, obvious way
//! `quotes`  instruments, and what every record must keep to     `memory`  a journal held in memory
//! `edit`    changes to bytes, drawn from the fuzzer's bytes     `file`  a file through the whole way of the feed

pub mod edit;
pub mod file;
pub mod input;
pub mod memory;
pub mod number;
pub mod quotes;
