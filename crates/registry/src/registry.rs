//! The registry's parts in one hand: where things lie, whose keys count, the logs, rotation.

use vault::seal::Place;
use vault::{Digest, Keks, TrustStore, seal};

use crate::alias::Entry;
use crate::chain::Head;
use crate::error::{Refusal, Why};
use crate::ledger::{Ledger, TRIALS};
use crate::manifest::{FILE_BYTES_MAX, named};
use crate::store::{Kind, Store};
use crate::version::Version;

/// Where the trusted keys lie.
pub const KEYS: &str = "trust/keys.json";
/// Where the encrypted blobs lie.
pub const BLOBS: &str = "blobs/sha256";
/// What a sealed blob may be longer than its content.
const SEAL_BYTES_MAX: u64 = 1_024;

/// Models in a store.
pub struct Registry<S> {
    store: S,
}

impl<S: Store> Registry<S> {
    /// The registry in a store. Nothing is read yet; an empty store is an empty registry.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// Where it lies.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The trusted keys of `trust/keys.json`. Whoever can write to the store can write that file: with `pin`, the SHA-256 of
    /// the file that was looked at, another one is refused.
    ///
    /// # Errors
    /// `Missing`, `Changed` when it is not the pinned one, `Vault` when it is not a trust store.
    pub fn trust(&self, pin: Option<Digest>) -> Result<TrustStore, Refusal> {
        let bytes = self.store.need(KEYS, vault::trust::STORE_BYTES_MAX)?;
        let found = Digest::of(&bytes);
        match pin {
            Some(signed) if signed != found => Err(Refusal::new(KEYS, Why::Changed { signed, found })),
            _ => TrustStore::from_json(&bytes).map_err(Refusal::vault(KEYS)),
        }
    }

    /// Writes `trust/keys.json`, and answers its SHA-256 to pin it by.
    ///
    /// # Errors
    /// `Disk`.
    pub fn set_trust(&self, trust: &TrustStore) -> Result<Digest, Refusal> {
        let bytes = trust.to_json().map_err(Refusal::vault(KEYS))?;
        self.store.replace(KEYS, &bytes)?;
        Ok(Digest::of(&bytes))
    }

    /// The log of every fit or backtest ever run.
    pub fn trials(&self) -> Ledger<'_> {
        Ledger::new(&self.store, TRIALS)
    }

    /// The log of a model's aliases and states.
    ///
    /// # Errors
    /// `Name`.
    pub fn log(&self, name: &str) -> Result<Ledger<'_>, Refusal> {
        if named(name) {
            Ok(Ledger::new(&self.store, format!("aliases/{name}.log")))
        } else {
            Err(Refusal::new(name, Why::Name))
        }
    }

    /// A model's history, oldest first, verified, and its head.
    ///
    /// # Errors
    /// `Name`, `Log`, `Disk`.
    pub fn history(&self, name: &str) -> Result<(Vec<Entry>, Head), Refusal> {
        self.log(name)?.entries()
    }

    pub(crate) fn folder(name: &str, version: Version) -> Result<String, Refusal> {
        if named(name) { Ok(format!("models/{name}/{version}")) } else { Err(Refusal::new(name, Why::Name)) }
    }

    pub(crate) fn blob_path(digest: Digest) -> String {
        format!("{BLOBS}/{digest}")
    }

    /// Keeps a content as an encrypted blob named by its digest, if it is not kept already.
    pub(crate) fn keep(&self, content: &[u8], keks: &Keks) -> Result<Digest, Refusal> {
        let digest = Digest::of(content);
        let path = Self::blob_path(digest);
        if self.fetch(digest, content.len() as u64, keks).is_ok() {
            return Ok(digest);
        }
        let place = Place { path: &path, digest };
        let blob = seal::seal(content, place, keks.current()).map_err(Refusal::vault(&path))?;
        self.store.replace(&path, &blob)?;
        Ok(digest)
    }

    /// The content of a blob of `size` bytes.
    pub(crate) fn fetch(&self, digest: Digest, size: u64, keks: &Keks) -> Result<Vec<u8>, Refusal> {
        let path = Self::blob_path(digest);
        let blob = self.store.need(&path, size + SEAL_BYTES_MAX)?;
        let mut content = seal::open(&blob, Place { path: &path, digest }, keks).map_err(Refusal::vault(&path))?;
        let content = std::mem::take(&mut *content);
        if content.len() as u64 != size {
            return Err(Refusal::malformed(&path, format!("{} bytes, not the {size} of the manifest", content.len())));
        }
        Ok(content)
    }

    /// Wraps the data key of every blob with the ring's current key; contents stay as they are. Answers how many blobs
    /// were wrapped again; when it fails half-way, those before are done and the others open as before.
    ///
    /// # Errors
    /// The first blob that does not open, or `Disk`.
    pub fn rotate(&self, keks: &Keks) -> Result<usize, Refusal> {
        let mut done = 0;
        for item in self.store.list(BLOBS)? {
            let path = format!("{BLOBS}/{}", item.name);
            let digest = Digest::from_hex(&item.name).filter(|_| item.kind == Kind::File);
            let digest = digest.ok_or_else(|| Refusal::new(&path, Why::Extra))?;
            let blob = self.store.need(&path, FILE_BYTES_MAX + SEAL_BYTES_MAX)?;
            let fresh = seal::rewrap(&blob, Place { path: &path, digest }, keks).map_err(Refusal::vault(&path))?;
            if let Some(fresh) = fresh {
                self.store.replace(&path, &fresh)?;
                done += 1;
            }
        }
        Ok(done)
    }
}
