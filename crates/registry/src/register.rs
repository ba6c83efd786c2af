//! A new version: all of it or nothing.

use vault::{Bundle, Digest, Keks, SigningKey};

use crate::error::{Refusal, Why};
use crate::manifest::{CARD, CARD_BYTES_MAX, FileEntry, GOLDEN, MANIFEST, Manifest, SIGNATURE};
use crate::registry::Registry;
use crate::store::Store;
use crate::{golden, pack};

/// What a new version is made of.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it says of itself; `files` is filled in from the files.
    pub manifest: Manifest,
    /// Its files: path and bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// Its golden questions, as `golden.jsonl`.
    pub golden: Vec<u8>,
    /// Its card.
    pub card: String,
}

/// A draft, checked and written out: the four files of a version, and the contents of its blobs.
pub(crate) struct Written {
    pub(crate) manifest: Manifest,
    pub(crate) json: Vec<u8>,
    pub(crate) bundle: Vec<u8>,
}

impl Draft {
    /// The manifest with the files filled in.
    ///
    /// # Errors
    /// What `Manifest` refuses.
    pub fn manifest(&self) -> Result<Manifest, Refusal> {
        let entry = |(path, bytes): &(String, Vec<u8>)| FileEntry {
            path: path.clone(),
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
        };
        let mut files: Vec<_> = self.files.iter().map(entry).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let manifest = Manifest { files, ..self.manifest.clone() };
        manifest.to_json(MANIFEST)?;
        Ok(manifest)
    }

    pub(crate) fn write(&self, key: &SigningKey) -> Result<Written, Refusal> {
        let manifest = self.manifest()?;
        let json = manifest.to_json(MANIFEST)?;
        golden::read(GOLDEN, &self.golden, manifest.feature_schema.names.len())?;
        if self.card.len() as u64 > CARD_BYTES_MAX {
            return Err(Refusal::new(CARD, Why::TooLarge { bytes: self.card.len() as u64, max: CARD_BYTES_MAX }));
        }
        let resources = pack::resources(&json, &self.golden, self.card.as_bytes(), &manifest.files);
        let model = format!("{}-{}", manifest.name, manifest.version);
        let bundle = Bundle::sign(&model, &resources, &[SIGNATURE], key).and_then(|bundle| bundle.to_json());
        Ok(Written { manifest, json, bundle: bundle.map_err(Refusal::vault(SIGNATURE))? })
    }
}

impl<S: Store> Registry<S> {
    /// Registers a version as a draft: signs it, keeps its files encrypted, and then lets it appear at once. A kill at any
    /// moment leaves either nothing that is visible, or the whole version. Answers the manifest with its files.
    ///
    /// # Errors
    /// `Exists` when that version is there already, whoever made it; what the manifest, the golden questions or the store
    /// refuse.
    pub fn register(&self, draft: &Draft, key: &SigningKey, keks: &Keks) -> Result<Manifest, Refusal> {
        let written = draft.write(key)?;
        let folder = Self::folder(&written.manifest.name, written.manifest.version)?;
        if !self.store().list(&folder)?.is_empty() {
            return Err(Refusal::new(folder, Why::Exists));
        }
        for (_, bytes) in &draft.files {
            self.keep(bytes, keks)?;
        }
        let files: [(&str, &[u8]); 4] = [
            (MANIFEST, &written.json),
            (SIGNATURE, &written.bundle),
            (GOLDEN, &draft.golden),
            (CARD, draft.card.as_bytes()),
        ];
        self.store().publish(&folder, &files)?;
        Ok(written.manifest)
    }
}
