//! Keys, seals and signatures: the only room with cryptography. It draws from the operating system and touches key files; it
//! asks no clock: times are passed in.
//!
//! It promises: a secret is wiped when it is dropped and never printed; what does not verify is refused with the reason.
//!
//! `error`    what can go wrong, by cause             `encode`   digests, hex, base64
//! `json`     size and nesting before a parse         `random`   bytes of the operating system
//! `key`      Ed25519 and P-256: make, sign, verify   `files`    key files that only their owner reads
//! `dsse`     the envelope around what is signed      `oms`      model signatures as other tools write them
//! `trust`    whose keys count, when, for what        `kek`      the keys that wrap keys
//! `seal`     encrypted blobs: one data key each, wrapped

pub mod dsse;
pub mod encode;
pub mod error;
pub mod files;
pub mod json;
pub mod kek;
pub mod key;
pub mod oms;
mod random;
pub mod seal;
pub mod trust;

pub use dsse::Envelope;
pub use encode::Digest;
pub use error::Error;
pub use kek::{Kek, Keks};
pub use key::{Algorithm, PublicKey, SigningKey};
pub use oms::{Bundle, Resource};
pub use trust::{Role, TrustStore, Trusted};
