//! Every check before a model is used. The order matters: nothing is parsed that was not signed, except the signature.

use std::collections::BTreeMap;

use vault::{Bundle, Digest, Keks, Role, TrustStore};

use crate::alias::{Action, Alias, Entry, History};
use crate::chain::Head;
use crate::error::{Refusal, Why};
use crate::golden::{self, GOLDEN_BYTES_MAX, Row};
use crate::manifest::{CARD, CARD_BYTES_MAX, GOLDEN, MANIFEST, MANIFEST_BYTES_MAX, Manifest, SIGNATURE};
use crate::pack::Signed;
use crate::registry::Registry;
use crate::rollout::{Ground, Refused};
use crate::store::{Item, Kind, Store};
use crate::version::Version;

/// What a model is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Checks<'a> {
    /// Whose signatures count.
    pub trust: &'a TrustStore,
    /// The keys that open blobs.
    pub keks: &'a Keks,
    /// The time, in seconds since 1970 UTC.
    pub now_s: i64,
    /// The running feature schema; `None` checks no schema.
    pub schema: Option<Digest>,
    /// Whose money it would trade: on live money no alias that trades gives a version that was sent on for paper only.
    pub ground: Ground,
    /// A line of the model's alias log that was seen before: a log without it was cut or rewritten.
    pub seen: Option<Head>,
}

/// Which version is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// That one, whatever its state.
    Version(Version),
    /// The one that the alias points at; it must not be older than what the alias pointed at before, unless rolled back.
    Alias(Alias),
}

/// A model, verified, in memory.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says of itself.
    pub manifest: Manifest,
    /// SHA-256 of `manifest.json`: the model's name in decisions.
    pub digest: Digest,
    /// The key that signed it.
    pub signer: Digest,
    /// The bytes of its files, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its golden questions.
    pub golden: Vec<Row>,
    /// Its card.
    pub card: String,
    /// The head of its alias log when it was loaded: keep it, and pass it as `seen` the next time.
    pub head: Head,
}

/// The signed part of a version: everything but the contents of its blobs.
pub(crate) struct Opened {
    pub(crate) manifest: Manifest,
    pub(crate) json: Vec<u8>,
    pub(crate) bundle: Vec<u8>,
    pub(crate) golden: Vec<u8>,
    pub(crate) card: Vec<u8>,
    pub(crate) signer: Digest,
}

/// The files of a version's folder: those four, nothing else, no links.
pub(crate) fn check_names(folder: &str, items: &[Item]) -> Result<(), Refusal> {
    let refuse = |name: &str, why| Err(Refusal::new(format!("{folder}/{name}"), why));
    for Item { name, kind } in items {
        match kind {
            Kind::Link => return refuse(name, Why::Symlink),
            _ if ![MANIFEST, SIGNATURE, GOLDEN, CARD].contains(&name.as_str()) => return refuse(name, Why::Extra),
            Kind::File => {}
            Kind::Folder | Kind::Other => return refuse(name, Why::NotAFile),
        }
    }
    let lacks = |name: &&&str| !items.iter().any(|item| item.name == **name);
    match [SIGNATURE, MANIFEST, GOLDEN, CARD].iter().find(lacks) {
        None => Ok(()),
        Some(_) if items.is_empty() => Err(Refusal::new(folder, Why::Missing)),
        Some(&SIGNATURE) => refuse(SIGNATURE, Why::Unsigned),
        Some(name) => refuse(name, Why::Missing),
    }
}

/// Verifies the signed part of a version that lies in `folder` of any store.
pub(crate) fn open(
    store: &dyn Store,
    folder: &str,
    trust: &TrustStore,
    now_s: i64,
) -> Result<(Opened, Signed), Refusal> {
    let at = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let path = at(SIGNATURE);
    let bytes = store.read(&path, vault::oms::BUNDLE_BYTES_MAX)?.ok_or_else(|| Refusal::new(&path, Why::Unsigned))?;
    let bundle = Bundle::from_json(&bytes).map_err(Refusal::vault(&path))?;
    let (resources, signer) = trust.verify(&bundle, Role::SignModels, now_s).map_err(Refusal::vault(&path))?;
    let signed = Signed::new(resources);
    let read = |name: &str, bytes_max| {
        let bytes = store.need(&at(name), bytes_max)?;
        signed.check(name, &at(name), &bytes)?;
        Ok::<_, Refusal>(bytes)
    };
    let json = read(MANIFEST, MANIFEST_BYTES_MAX)?;
    let (golden, card) = (read(GOLDEN, GOLDEN_BYTES_MAX)?, read(CARD, CARD_BYTES_MAX)?);
    let manifest = Manifest::from_json(&at(MANIFEST), &json)?;
    signed.agrees(&at(MANIFEST), &manifest)?;
    Ok((Opened { manifest, json, bundle: bytes, golden, card, signer }, signed))
}

impl<S: Store> Registry<S> {
    pub(crate) fn opened(&self, name: &str, version: Version, checks: &Checks<'_>) -> Result<Opened, Refusal> {
        let folder = Self::folder(name, version)?;
        check_names(&folder, &self.store().list(&folder)?)?;
        let (opened, _) = open(self.store(), &folder, checks.trust, checks.now_s)?;
        let Manifest { name: says, version: number, .. } = &opened.manifest;
        if (says.as_str(), *number) != (name, version) {
            let says = format!("{says} {number}");
            return Err(Refusal::new(format!("{folder}/{MANIFEST}"), Why::Replayed { says }));
        }
        Ok(opened)
    }

    /// Which version an alias means now, after the log was verified.
    ///
    /// # Errors
    /// `Log`, `Forgotten`, `NoAlias`, `Older`, `State`.
    pub fn resolve(&self, name: &str, alias: Alias, ground: Ground, seen: Option<Head>) -> Result<Version, Refusal> {
        let log = self.log(name)?;
        log.verify(seen)?;
        resolve(name, (alias, ground), &log.entries()?.0)
    }

    /// Loads a model after every check but the golden questions: signature, key, exactly the signed files, digests, the
    /// manifest against its place, decryption, schema, expiry, and for an alias that it did not go back in secret.
    ///
    /// # Errors
    /// `Refusal` with the file and the reason.
    pub fn verify(&self, name: &str, which: Which, checks: &Checks<'_>) -> Result<Loaded, Refusal> {
        let log = self.log(name)?;
        let head = log.verify(checks.seen)?.head;
        let version = match which {
            Which::Version(version) => version,
            Which::Alias(alias) => resolve(name, (alias, checks.ground), &log.entries()?.0)?,
        };
        let opened = self.opened(name, version, checks)?;
        let trades = matches!(which, Which::Alias(Alias::Champion | Alias::Canary)) && checks.ground == Ground::Live;
        if trades && !opened.manifest.validation.edge() {
            return Err(Refusal::new(format!("models/{name}/{version}"), Why::Rollout(Refused::NoEdgeLive)));
        }
        let mut files = BTreeMap::new();
        for entry in &opened.manifest.files {
            let named = |refusal: Refusal| Refusal::new(format!("{} ({})", entry.path, refusal.file), refusal.why);
            let content = self.fetch(entry.sha256, entry.size, checks.keks).map_err(named)?;
            files.insert(entry.path.clone(), content);
        }
        let file = format!("models/{name}/{version}");
        let Manifest { feature_schema, expiry_at_s, .. } = &opened.manifest;
        if let Some(running) = checks.schema.filter(|running| *running != feature_schema.hash) {
            return Err(Refusal::new(file, Why::Schema { running, model: feature_schema.hash }));
        }
        if checks.now_s > *expiry_at_s {
            return Err(Refusal::new(file, Why::Expired { until_s: *expiry_at_s, now_s: checks.now_s }));
        }
        let golden = golden::read(&format!("{file}/{GOLDEN}"), &opened.golden, feature_schema.names.len())?;
        let card =
            String::from_utf8(opened.card).map_err(|error| Refusal::malformed(&format!("{file}/{CARD}"), error))?;
        let digest = Digest::of(&opened.json);
        Ok(Loaded { manifest: opened.manifest, digest, signer: opened.signer, files, golden, card, head })
    }

    /// Loads a model after every check. `parse` makes it from its files, `ask` answers one row of features (NaN where a
    /// value is missing) with a probability; rows come in the order of `golden.jsonl`.
    ///
    /// # Errors
    /// What `verify` refuses; `Model` with what `parse` or `ask` says; `Golden`.
    pub fn load<M>(
        &self,
        name: &str,
        which: Which,
        checks: &Checks<'_>,
        parse: impl FnOnce(&Loaded) -> Result<M, String>,
        ask: impl FnMut(&mut M, &[f64]) -> Result<f64, String>,
    ) -> Result<(Loaded, M), Refusal> {
        let (loaded, model) = self.load_any(name, which, checks, |loaded| parse(loaded).map(Some), ask)?;
        let file = || format!("models/{name}/{}", loaded.manifest.version);
        let model = model.ok_or_else(|| Refusal::new(file(), Why::Missing))?;
        Ok((loaded, model))
    }

    /// The same, where `parse` may answer that the model is of a kind that nobody here can ask: its golden questions are then
    /// read and not asked.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn load_any<M>(
        &self,
        name: &str,
        which: Which,
        checks: &Checks<'_>,
        parse: impl FnOnce(&Loaded) -> Result<Option<M>, String>,
        mut ask: impl FnMut(&mut M, &[f64]) -> Result<f64, String>,
    ) -> Result<(Loaded, Option<M>), Refusal> {
        let loaded = self.verify(name, which, checks)?;
        let file = format!("models/{name}/{}", loaded.manifest.version);
        let mut model = parse(&loaded).map_err(|why| Refusal::new(&file, Why::Model(why)))?;
        if let Some(model) = &mut model {
            golden::check(&format!("{file}/{GOLDEN}"), &loaded.golden, |x| ask(model, x))?;
        }
        Ok((loaded, model))
    }
}

fn resolve(name: &str, (alias, ground): (Alias, Ground), entries: &[Entry]) -> Result<Version, Refusal> {
    let history = History(entries);
    let file = format!("aliases/{name}.log");
    let current = history.current(alias).ok_or_else(|| Refusal::new(&file, Why::NoAlias(alias)))?;
    let asked = current.to;
    let latest = history.latest(alias).unwrap_or(asked);
    if asked < latest && current.action != Action::Rollback {
        return Err(Refusal::new(file, Why::Older { alias, asked, latest }));
    }
    let state = history.state(asked);
    let refuse = |wanted| Err(Refusal::new(&file, Why::State { state, wanted }));
    if !alias.serves(state) {
        return refuse(format!("used as {alias}"));
    }
    let trades = matches!(alias, Alias::Champion | Alias::Canary);
    if trades && ground == Ground::Live && history.ground(asked) != Some(Ground::Live) {
        return refuse(format!("used as {alias} with live money: it was sent on for paper only"));
    }
    Ok(asked)
}
