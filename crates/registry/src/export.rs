//! A folder that other tools verify, and back. The folder holds the model's files as they are, not encrypted, with
//! `manifest.json`, `golden.jsonl`, `card.md` and the signature `manifest.dsse`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use vault::{Bundle, Digest, Keks, SigningKey, TrustStore};

use crate::error::{Refusal, Why};
use crate::folder::Folder;
use crate::load::{Checks, Which, open};
use crate::manifest::{
    CARD, CARD_BYTES_MAX, FILE_BYTES_MAX, FILES_MAX, FeatureSchema, GOLDEN, MANIFEST, MANIFEST_BYTES_MAX, Manifest,
    SIGNATURE,
};
use crate::register::Draft;
use crate::registry::Registry;
use crate::store::{Kind, Store};
use crate::version::Version;
use crate::{golden, pack};

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exported {
    /// The folder.
    pub folder: PathBuf,
    /// SHA-256 of the manifest.
    pub digest: Digest,
    /// The key that signed the model.
    pub signer: Digest,
    /// The second signature beside the folder, if one was asked for.
    pub also: Option<PathBuf>,
}

impl<S: Store> Registry<S> {
    /// Writes a verified version as the folder `NAME-VERSION` in `out`. With `also`, the same files are signed again by that
    /// key into `NAME-VERSION.sig` beside it: a P-256 key there lets `model_signing verify key` check what an Ed25519 key
    /// signed, which that tool cannot.
    ///
    /// # Errors
    /// What `verify` refuses; `Exists`, `Disk`.
    pub fn export(
        &self,
        (name, version): (&str, Version),
        out: &Path,
        checks: &Checks<'_>,
        also: Option<&SigningKey>,
    ) -> Result<Exported, Refusal> {
        let loaded = self.verify(name, Which::Version(version), checks)?;
        let opened = self.opened(name, version, checks)?;
        let model = format!("{name}-{version}");
        let store = Folder::create(out)?;
        if !store.list(&model)?.is_empty() {
            return Err(Refusal::new(model, Why::Exists));
        }
        let four =
            [(MANIFEST, &opened.json), (GOLDEN, &opened.golden), (CARD, &opened.card), (SIGNATURE, &opened.bundle)];
        let files = loaded.files.iter().map(|(path, bytes)| (path.as_str(), bytes));
        for (path, bytes) in files.chain(four) {
            store.replace(&format!("{model}/{path}"), bytes)?;
        }
        let sig = format!("{model}.sig");
        let also = also.map(|key| {
            let resources = pack::resources(&opened.json, &opened.golden, &opened.card, &opened.manifest.files);
            let bundle = Bundle::sign(&model, &resources, &[SIGNATURE], key).and_then(|bundle| bundle.to_json());
            store.replace(&sig, &bundle.map_err(Refusal::vault(&sig))?)?;
            Ok::<_, Refusal>(store.root().join(&sig))
        });
        let also = also.transpose()?;
        Ok(Exported { folder: store.root().join(&model), digest: loaded.digest, signer: loaded.signer, also })
    }

    /// Registers the model of an exported folder here: verifies it, and signs it again with our key.
    ///
    /// # Errors
    /// What `verify_folder` and `register` refuse.
    pub fn import(
        &self,
        folder: &Path,
        trust: &TrustStore,
        now_s: i64,
        (key, keks): (&SigningKey, &Keks),
    ) -> Result<Manifest, Refusal> {
        let (draft, _) = verify_folder(folder, trust, now_s)?;
        self.register(&draft, key, keks)
    }
}

/// Verifies an exported folder: the signature by a key that counts now, exactly the signed files with their digests, no
/// links, expiry. Answers the model and the key that signed it.
///
/// # Errors
/// `Refusal` with the file and the reason.
pub fn verify_folder(folder: &Path, trust: &TrustStore, now_s: i64) -> Result<(Draft, Digest), Refusal> {
    let store = Folder::open(folder)?;
    let (opened, signed) = open(&store, "", trust, now_s)?;
    let mut found = Vec::new();
    walk(&store, "", 8, &mut found)?;
    if let Some(extra) = found.iter().find(|path| *path != SIGNATURE && !signed.names().any(|name| name == *path)) {
        return Err(Refusal::new(extra, Why::Extra));
    }
    let mut files = Vec::new();
    for entry in &opened.manifest.files {
        let bytes = store.need(&entry.path, FILE_BYTES_MAX)?;
        signed.check(&entry.path, &entry.path, &bytes)?;
        files.push((entry.path.clone(), bytes));
    }
    let until_s = opened.manifest.expiry_at_s;
    if now_s > until_s {
        return Err(Refusal::new(MANIFEST, Why::Expired { until_s, now_s }));
    }
    golden::read(GOLDEN, &opened.golden, opened.manifest.feature_schema.names.len())?;
    let card = String::from_utf8(opened.card).map_err(|error| Refusal::malformed(CARD, error))?;
    Ok((Draft { manifest: opened.manifest, files, golden: opened.golden, card }, opened.signer))
}

/// Every file below a folder; links and other things are refused.
fn walk(store: &Folder, folder: &str, depth: usize, found: &mut Vec<String>) -> Result<(), Refusal> {
    for item in store.list(folder)? {
        let path = if folder.is_empty() { item.name } else { format!("{folder}/{}", item.name) };
        match item.kind {
            Kind::File if found.len() < FILES_MAX + 4 => found.push(path),
            Kind::File => return Err(Refusal::new(path, Why::TooMany { max: FILES_MAX + 4 })),
            Kind::Folder if depth > 0 => walk(store, &path, depth - 1, found)?,
            Kind::Link => return Err(Refusal::new(path, Why::Symlink)),
            Kind::Folder | Kind::Other => return Err(Refusal::new(path, Why::NotAFile)),
        }
    }
    Ok(())
}

/// Signs a folder where it lies: every file below it is taken for the model's, beside `manifest.json` (whose `files` and
/// `feature_schema.hash` are filled in), `golden.jsonl` and `card.md`. Writes `manifest.json` and `manifest.dsse`; then
/// `Registry::import` takes the folder.
///
/// # Errors
/// `Refusal` with the file and the reason.
pub fn sign_folder(folder: &Path, key: &SigningKey) -> Result<Manifest, Refusal> {
    let store = Folder::open(folder)?;
    let json = store.need(MANIFEST, MANIFEST_BYTES_MAX)?;
    let mut manifest: Manifest =
        vault::json::parse("manifest", &json, MANIFEST_BYTES_MAX, 8).map_err(Refusal::vault(MANIFEST))?;
    let FeatureSchema { names, units, norm, .. } = manifest.feature_schema;
    manifest.feature_schema = FeatureSchema::new(names, units, norm);
    let card = store.need(CARD, CARD_BYTES_MAX)?;
    let card = String::from_utf8(card).map_err(|error| Refusal::malformed(CARD, error))?;
    let mut paths = Vec::new();
    walk(&store, "", 8, &mut paths)?;
    let mut files = Vec::new();
    for path in paths {
        if ![MANIFEST, GOLDEN, CARD, SIGNATURE].contains(&path.as_str()) {
            let bytes = store.need(&path, FILE_BYTES_MAX)?;
            files.push((path, bytes));
        }
    }
    let draft = Draft { manifest, files, golden: store.need(GOLDEN, golden::GOLDEN_BYTES_MAX)?, card };
    let written = draft.write(key)?;
    store.replace(MANIFEST, &written.json)?;
    store.replace(SIGNATURE, &written.bundle)?;
    Ok(written.manifest)
}
