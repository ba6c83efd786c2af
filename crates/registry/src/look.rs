//! List, show, diff: what is there, for people and programs.

use serde::Serialize;
use serde_json::Value;
use vault::Digest;

use crate::alias::{Alias, Entry, History};
use crate::error::Refusal;
use crate::load::Checks;
use crate::manifest::{Manifest, named};
use crate::registry::Registry;
use crate::rollout::State;
use crate::store::{Kind, Store};
use crate::version::Version;

/// One version in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// The model's name.
    pub name: String,
    /// The version.
    pub version: Version,
    /// Its state.
    pub state: State,
    /// The aliases that point at it.
    pub aliases: Vec<Alias>,
    /// SHA-256 of its manifest; nothing when it does not verify.
    pub digest: Option<Digest>,
    /// The key that signed it; nothing when it does not verify.
    pub signer: Option<Digest>,
    /// Last second at which it may be used; nothing when it does not verify.
    pub expiry_at_s: Option<i64>,
    /// Why its signature, key or signed files were refused.
    pub refused: Option<String>,
}

/// Everything about one version.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// The line of the list.
    #[serde(flatten)]
    pub listed: Listed,
    /// What it says of itself; nothing when it does not verify.
    pub manifest: Option<Manifest>,
    /// Every line of the model's log about this version, oldest first.
    pub history: Vec<Entry>,
}

/// A field that two manifests say differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where in the manifest: `validation.auc`, `files.0.sha256`.
    pub field: String,
    /// What the first says; null when it says nothing.
    pub one: Value,
    /// What the second says; null when it says nothing.
    pub two: Value,
}

impl<S: Store> Registry<S> {
    /// The names of all models, sorted. What has no model's name is left out here and refused when it is loaded.
    ///
    /// # Errors
    /// `Disk`.
    pub fn names(&self) -> Result<Vec<String>, Refusal> {
        let items = self.store().list("models")?.into_iter();
        Ok(items.filter(|item| item.kind == Kind::Folder && named(&item.name)).map(|item| item.name).collect())
    }

    /// The versions of a model, oldest first.
    ///
    /// # Errors
    /// `Name`, `Disk`.
    pub fn versions(&self, name: &str) -> Result<Vec<Version>, Refusal> {
        self.log(name)?;
        let items = self.store().list(&format!("models/{name}"))?.into_iter();
        let mut versions: Vec<_> = items.filter_map(|item| Version::parse(&item.name)).collect();
        versions.sort();
        Ok(versions)
    }

    /// Every version of every model, verified up to its blobs; what does not verify is told with the reason.
    ///
    /// # Errors
    /// `Log` for a damaged log, `Disk`.
    pub fn list(&self, checks: &Checks<'_>) -> Result<Vec<Listed>, Refusal> {
        let mut all = Vec::new();
        for name in self.names()? {
            let (entries, _) = self.history(&name)?;
            for version in self.versions(&name)? {
                all.push(self.listed(&name, version, &entries, checks).0);
            }
        }
        Ok(all)
    }

    /// Everything about one version.
    ///
    /// # Errors
    /// `Name`, `Log`, `Disk`.
    pub fn show(&self, name: &str, version: Version, checks: &Checks<'_>) -> Result<Shown, Refusal> {
        let (entries, _) = self.history(name)?;
        let (listed, manifest) = self.listed(name, version, &entries, checks);
        let about = |entry: &Entry| match entry {
            Entry::Pointed(pointed) => pointed.to == version || pointed.from == Some(version),
            Entry::Moved(moved) => moved.version == version,
        };
        Ok(Shown { listed, manifest, history: entries.into_iter().filter(about).collect() })
    }

    fn listed(
        &self,
        name: &str,
        version: Version,
        entries: &[Entry],
        checks: &Checks<'_>,
    ) -> (Listed, Option<Manifest>) {
        let history = History(entries);
        let points = |alias: &Alias| history.current(*alias).is_some_and(|pointed| pointed.to == version);
        let found = self.opened(name, version, checks);
        let good = found.as_ref().ok();
        let listed = Listed {
            name: name.to_owned(),
            version,
            state: history.state(version),
            aliases: Alias::ALL.into_iter().filter(points).collect(),
            digest: good.map(|opened| Digest::of(&opened.json)),
            signer: good.map(|opened| opened.signer),
            expiry_at_s: good.map(|opened| opened.manifest.expiry_at_s),
            refused: found.as_ref().err().map(ToString::to_string),
        };
        (listed, found.ok().map(|opened| opened.manifest))
    }

    /// The card of a version, after its signature was verified.
    ///
    /// # Errors
    /// What `verify` refuses, blobs aside.
    pub fn card(&self, name: &str, version: Version, checks: &Checks<'_>) -> Result<String, Refusal> {
        let card = self.opened(name, version, checks)?.card;
        String::from_utf8(card).map_err(|error| Refusal::malformed(crate::manifest::CARD, error))
    }

    /// The fields that two versions say differently, in the manifest's order. Both must verify.
    ///
    /// # Errors
    /// What `verify` refuses, blobs aside.
    pub fn diff(
        &self,
        (name, version): (&str, Version),
        (other, number): (&str, Version),
        checks: &Checks<'_>,
    ) -> Result<Vec<Difference>, Refusal> {
        let value = |name, version| {
            let manifest = self.opened(name, version, checks)?.manifest;
            serde_json::to_value(manifest).map_err(|error| Refusal::malformed(name, error))
        };
        let mut differences = Vec::new();
        compare("", &value(name, version)?, &value(other, number)?, &mut differences);
        Ok(differences)
    }
}

fn compare(field: &str, one: &Value, two: &Value, found: &mut Vec<Difference>) {
    let below = |key: &str| if field.is_empty() { key.to_owned() } else { format!("{field}.{key}") };
    match (one, two) {
        (Value::Object(a), Value::Object(b)) => {
            let more = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(more) {
                compare(&below(key), a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                let (one, two) = (a.get(at).unwrap_or(&Value::Null), b.get(at).unwrap_or(&Value::Null));
                compare(&below(&at.to_string()), one, two, found);
            }
        }
        _ if one == two => {}
        _ => found.push(Difference { field: field.to_owned(), one: one.clone(), two: two.clone() }),
    }
}
