//! (path, digest) pairs against files.

use std::collections::BTreeMap;

use vault::{Digest, Resource};

use crate::error::{Refusal, Why};
use crate::manifest::{CARD, FileEntry, GOLDEN, MANIFEST, Manifest};

/// The pairs that a bundle signs: the manifest, the golden questions, the card, and every file of the model.
pub(crate) fn resources(manifest: &[u8], golden: &[u8], card: &[u8], files: &[FileEntry]) -> Vec<Resource> {
    let three = [(MANIFEST, manifest), (GOLDEN, golden), (CARD, card)];
    let three = three.map(|(name, bytes)| Resource { name: name.into(), digest: Digest::of(bytes) });
    let files = files.iter().map(|entry| Resource { name: entry.path.clone(), digest: entry.sha256 });
    let mut all: Vec<_> = three.into_iter().chain(files).collect();
    all.sort();
    all
}

/// The signed pairs, to ask them about files.
pub(crate) struct Signed(BTreeMap<String, Digest>);

impl Signed {
    pub(crate) fn new(resources: Vec<Resource>) -> Self {
        Self(resources.into_iter().map(|resource| (resource.name, resource.digest)).collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the bytes are those that were signed for `name`. `file` is what a refusal names.
    pub(crate) fn check(&self, name: &str, file: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let signed = *self.0.get(name).ok_or_else(|| Refusal::new(file, Why::Extra))?;
        let found = Digest::of(bytes);
        if found == signed {
            return Ok(());
        }
        let other = self.0.iter().find(|(_, digest)| **digest == found);
        Err(match other {
            Some((with, _)) => Refusal::new(file, Why::Swapped { with: with.clone() }),
            None => Refusal::new(file, Why::Changed { signed, found }),
        })
    }

    /// Whether the manifest lists exactly the files that were signed, with the same digests.
    pub(crate) fn agrees(&self, file: &str, manifest: &Manifest) -> Result<(), Refusal> {
        for entry in &manifest.files {
            match self.0.get(&entry.path) {
                None => return Err(Refusal::new(&entry.path, Why::Extra)),
                Some(signed) if *signed != entry.sha256 => {
                    return Err(Refusal::new(&entry.path, Why::Changed { signed: *signed, found: entry.sha256 }));
                }
                Some(_) => {}
            }
        }
        let listed = |name: &str| manifest.files.iter().any(|entry| entry.path == name);
        let odd = self.names().find(|name| ![MANIFEST, GOLDEN, CARD].contains(name) && !listed(name));
        match odd {
            Some(name) => Err(Refusal::malformed(file, format!("does not list {name}, which was signed"))),
            None => Ok(()),
        }
    }
}
