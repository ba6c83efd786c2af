//! A registry at the terminal, opened: its folder, whose signatures count, the keys that open its blobs.

use registry::rollout::Ground;
use registry::{Checks, Folder, Loaded, Refusal, Registry, Which, Why};
use serde_json::{Value, json};
use vault::{Digest, Kek, Keks, TrustStore};

use crate::models_arguments::{At, Opens};
use crate::{Failure, Outcome, package, screen};

const PASSPHRASE: &str = "SCALPEL_PASSPHRASE";

/// A registry that was opened, with what its checks need.
pub(crate) struct Desk<'a> {
    pub(crate) at: &'a At,
    pub(crate) registry: Registry<Folder>,
    pub(crate) trust: TrustStore,
    pub(crate) keks: Keks,
    ground: Ground,
}

impl<'a> Desk<'a> {
    /// A registry whose blobs stay closed.
    pub(crate) fn closed(at: &'a At) -> Result<Self, Failure> {
        let keks =
            Kek::generate("none").and_then(|kek| Keks::new(vec![kek])).map_err(|e| Failure::Broken(e.to_string()))?;
        Self::new(at, keks)
    }

    /// A registry whose blobs these keys open.
    pub(crate) fn open(at: &'a At, opens: &Opens) -> Result<Self, Failure> {
        let read = |reference: &String| Kek::read(reference, passphrase).map_err(|error| usable(reference, &error));
        let keys = opens.kek.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Self::new(at, Keks::new(keys).map_err(|error| Failure::Usage(error.to_string()))?)
    }

    fn new(at: &'a At, keks: Keks) -> Result<Self, Failure> {
        let registry = Registry::new(Folder::open(&at.registry).map_err(|refusal| failed(&refusal))?);
        let pin = at.trust.as_deref().map(|text| Digest::from_hex(text).ok_or_else(|| hex(text))).transpose()?;
        let trust = registry.trust(pin).map_err(|refusal| failed(&refusal))?;
        Ok(Self { at, registry, trust, keks, ground: Ground::Live })
    }

    /// The same, for models that trade paper.
    pub(crate) fn on_paper(self) -> Self {
        Self { ground: Ground::Paper, ..self }
    }

    /// What a model is checked against now.
    pub(crate) fn checks(&self) -> Checks<'_> {
        let now_s = screen::epoch_seconds();
        Checks { trust: &self.trust, keks: &self.keks, now_s, schema: None, ground: self.ground, seen: None }
    }

    /// One JSON object, or the text.
    pub(crate) fn say(&self, kind: &str, value: &Value, text: &str) -> Outcome {
        say(self.at.json, kind, value, text)
    }

    /// A model after every check, and whether it was asked its golden questions: models of other kinds have nobody here who could
    /// ask them.
    pub(crate) fn whole(&self, name: &str, which: Which) -> Result<(Loaded, bool), Refusal> {
        let parse = |loaded: &Loaded| package::is_ours(loaded).then(|| package::parse(loaded)).transpose();
        let ask = |models: &mut Vec<ensemble::Artefact>, x: &[f64]| package::ask(models, x);
        let (found, models) = self.registry.load_any(name, which, &self.checks(), parse, ask)?;
        Ok((found, models.is_some()))
    }
}

/// One JSON object, or the text.
pub(crate) fn say(as_json: bool, kind: &str, value: &Value, text: &str) -> Outcome {
    if as_json {
        return screen::say(&json!({ "schema_version": 1, "kind": kind, "result": value }).to_string());
    }
    screen::say(text)
}

/// What is not a digest.
pub(crate) fn hex(text: &str) -> Failure {
    Failure::Usage(format!("{text:?} is not a SHA-256 in hex"))
}

/// The passphrase of the environment.
pub(crate) fn passphrase() -> Result<zeroize::Zeroizing<String>, vault::Error> {
    let found = std::env::var(PASSPHRASE).map(zeroize::Zeroizing::new);
    found.map_err(|_| vault::Error::Malformed {
        what: "passphrase",
        why: format!("the environment has no {PASSPHRASE}"),
    })
}

/// A file that cannot be used.
pub(crate) fn usable(file: &str, error: &vault::Error) -> Failure {
    Failure::Input(format!("{file}: {error}"))
}

/// Why a model was refused, by the kind of failure that it is.
pub(crate) fn failed(refusal: &Refusal) -> Failure {
    let why = refusal.to_string();
    match &refusal.why {
        Why::Disk(_) | Why::Missing | Why::NoAlias(_) | Why::Malformed(_) | Why::NotAFile => Failure::Input(why),
        Why::Exists => Failure::Output(why),
        Why::Name | Why::NoReason | Why::Contradicts { .. } | Why::Rollout(_) | Why::State { .. } => {
            Failure::Usage(why)
        }
        _ => Failure::Proof(why),
    }
}
