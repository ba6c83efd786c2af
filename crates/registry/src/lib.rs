//! Models as signed, encrypted, versioned files with their whole history. Files are its job; it asks no clock: times are
//! passed in, in seconds since 1970 UTC.
//!
//! It promises: what it loads was signed by a trusted key, byte for byte, is not older than what was live, and answers its
//! golden questions; anything else is refused with the file and the reason. A kill at any moment leaves a valid registry.
//!
//! `error`    why something was refused                `version`  1.2.3
//! `store`    what is needed of a place to keep files  `folder`   that place as a folder of the file system
//! `chain`    lines that hang on each other            `ledger`   an append-only log of such lines
//! `manifest` what a model says of itself              `golden`   questions with known answers
//! `card`     the same for people                      `rollout`  from draft to champion: states, events, gates
//! `alias`    who is champion, and how it came to be   `pack`     (path, digest) pairs against files
//! `measured` what counts as measured: the manifest first
//! `registry` its parts in one hand, rotation          `register` a new version, all or nothing
//! `load`     every check before a model is used       `desk`     promote, roll back, move through the states
//! `look`     list, show, diff                         `export`   a folder that other tools verify, and back
//! `formats`  boosted trees of other makers

pub mod alias;
pub mod card;
pub mod chain;
pub mod desk;
pub mod error;
mod export;
pub mod folder;
pub mod formats;
pub mod golden;
pub mod ledger;
mod load;
pub mod look;
pub mod manifest;
mod measured;
mod pack;
pub mod register;
pub mod registry;
pub mod rollout;
pub mod store;
pub mod version;

pub use alias::{Alias, Entry};
pub use chain::Head;
pub use desk::By;
pub use error::{Refusal, Why};
pub use export::{Exported, sign_folder, verify_folder};
pub use folder::Folder;
pub use ledger::Ledger;
pub use load::{Checks, Loaded, Which};
pub use manifest::Manifest;
pub use measured::Request;
pub use register::Draft;
pub use registry::Registry;
pub use store::Store;
pub use version::Version;
