//! The numbered, hash-chained stream of what the desk heard and wanted. Files and a thread are its job; it asks no clock.
//!
//! It promises: what it acknowledged is found again, or the next start stops with the reason. It never repairs by a guess.
//!
//! `error`     what can go wrong, by cause             `format`    the bytes of header, record and seal
//! `chain`     how each record hangs on the last       `durability` what an order may wait for
//! `medium`    where bytes are kept                    `writer`    appends, flushes, syncs
//! `background` the writer on its own thread           `reader`    records, checked one by one
//! `verify`    is this file what was written?          `recover`   go on after a crash
//! `snapshot`  the desk's state beside the journal      `codec`     events and actions as payloads

pub mod background;
mod chain;
pub mod codec;
pub mod durability;
pub mod error;
pub mod format;
pub mod medium;
pub mod reader;
pub mod recover;
pub mod snapshot;
pub mod verify;
pub mod writer;

pub use background::{Background, Progress};
pub use chain::{Mark, Place};
pub use durability::{Durability, Replica};
pub use error::{Doing, Error, Failure, Fault, What};
pub use format::{Head, Header};
pub use medium::Medium;
pub use reader::{Ending, Reader, Record, Shape};
pub use recover::{Recovered, recover, recover_after};
pub use snapshot::{Search, Skipped, Snapshot, latest_valid};
pub use verify::{Verified, verify, verify_bytes, verify_segments};
pub use writer::{Closed, Writer};
