//! Whose keys count, when, and for what: `trust/keys.json`.

use serde::{Deserialize, Serialize};

use crate::encode::Digest;
use crate::error::Error;
use crate::json;
use crate::key::{Algorithm, PublicKey};
use crate::oms::Bundle;

/// Largest trust store that is read, in bytes.
pub const STORE_BYTES_MAX: u64 = 1 << 20;
const DEPTH_MAX: usize = 8;
const VERSION: u32 = 1;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sign models.
    SignModels,
}

impl Role {
    /// The role as the end of "is not trusted to ...".
    pub fn name(self) -> &'static str {
        match self {
            Self::SignModels => "sign models",
        }
    }
}

/// That a key is not to be trusted any more, nor anything that it ever signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// When it was revoked, in seconds since 1970 UTC. Told to people; the refusal holds for every time.
    pub at_s: i64,
    /// Why.
    pub reason: String,
}

/// One key of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// SHA-256 of the PEM text: the name that bundles give it.
    pub id: Digest,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The public key, PEM SPKI.
    pub public_key: String,
    /// Who holds the private half.
    pub owner: String,
    /// What it is trusted for.
    pub roles: Vec<Role>,
    /// First second at which it counts, since 1970 UTC.
    pub not_before_s: i64,
    /// Last second at which it counts, since 1970 UTC.
    pub not_after_s: i64,
    /// Present when it was revoked.
    pub revoked: Option<Revocation>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema_version: u32,
    keys: Vec<Trusted>,
}

/// The keys that count. Each one was found to be what its entry says.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    keys: Vec<(Trusted, PublicKey)>,
}

impl TrustStore {
    /// Reads `keys.json`.
    ///
    /// # Errors
    /// `TooLarge`, `TooDeep`, or `Malformed`: unknown fields, another version, a key twice, an entry that names another key
    /// than it holds.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let what = "trust store (keys.json)";
        let wire: Wire = json::parse(what, bytes, STORE_BYTES_MAX, DEPTH_MAX)?;
        if wire.schema_version != VERSION {
            return Err(Error::malformed(what, format!("schema_version {}, not {VERSION}", wire.schema_version)));
        }
        let mut store = Self::default();
        for trusted in wire.keys {
            store.add(trusted)?;
        }
        Ok(store)
    }

    /// The store as `keys.json`.
    ///
    /// # Errors
    /// `Malformed` when it cannot be written; that does not happen.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let keys = self.keys.iter().map(|(trusted, _)| trusted.clone()).collect();
        let mut text = serde_json::to_vec_pretty(&Wire { schema_version: VERSION, keys })
            .map_err(|error| Error::malformed("trust store", error))?;
        text.push(b'\n');
        Ok(text)
    }

    /// Adds a key, valid from and until the given seconds since 1970 UTC.
    ///
    /// # Errors
    /// `Malformed` for a key that is there already.
    pub fn trust(&mut self, key: &PublicKey, owner: &str, roles: &[Role], span_s: (i64, i64)) -> Result<(), Error> {
        self.add(Trusted {
            id: key.id(),
            algorithm: key.algorithm(),
            public_key: key.to_pem().to_owned(),
            owner: owner.to_owned(),
            roles: roles.to_vec(),
            not_before_s: span_s.0,
            not_after_s: span_s.1,
            revoked: None,
        })
    }

    fn add(&mut self, trusted: Trusted) -> Result<(), Error> {
        let what = "trust store (keys.json)";
        let key = PublicKey::from_pem(&trusted.public_key)?;
        if (key.id(), key.algorithm()) != (trusted.id, trusted.algorithm) {
            let why = format!("entry {} holds {} key {}", trusted.id, key.algorithm(), key.id());
            return Err(Error::malformed(what, why));
        }
        if self.keys.iter().any(|(other, _)| other.id == trusted.id) {
            return Err(Error::malformed(what, format!("key {} twice", trusted.id)));
        }
        self.keys.push((trusted, key));
        Ok(())
    }

    /// Revokes a key: nothing that it signed is accepted any more.
    ///
    /// # Errors
    /// `Untrusted` when it is not there.
    pub fn revoke(&mut self, id: Digest, at_s: i64, reason: &str) -> Result<(), Error> {
        let found = self.keys.iter_mut().find(|(trusted, _)| trusted.id == id);
        let (trusted, _) = found.ok_or_else(|| Error::Untrusted { key: id.to_string() })?;
        trusted.revoked = Some(Revocation { at_s, reason: reason.to_owned() });
        Ok(())
    }

    /// Every entry, in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = &Trusted> {
        self.keys.iter().map(|(trusted, _)| trusted)
    }

    /// The key of that name, if it counts now for that role. Without trusted timestamps the time that matters is that of
    /// the check: a model outlives its signer's key only by being signed again.
    ///
    /// # Errors
    /// `Untrusted`, `Revoked`, `NotYetValid`, `Expired`, `NotAllowed`.
    pub fn key(&self, id: &str, role: Role, now_s: i64) -> Result<&PublicKey, Error> {
        let shown: String = id.chars().take(64).collect();
        let found = self.keys.iter().find(|(trusted, _)| trusted.id.to_string() == id);
        let (trusted, key) = found.ok_or_else(|| Error::Untrusted { key: shown.clone() })?;
        if let Some(Revocation { reason, .. }) = &trusted.revoked {
            return Err(Error::Revoked { key: shown, reason: reason.clone() });
        }
        if now_s < trusted.not_before_s {
            return Err(Error::NotYetValid { key: shown, from_s: trusted.not_before_s });
        }
        if now_s > trusted.not_after_s {
            return Err(Error::Expired { key: shown, until_s: trusted.not_after_s });
        }
        if !trusted.roles.contains(&role) {
            return Err(Error::NotAllowed { key: shown, role: role.name() });
        }
        Ok(key)
    }

    /// The signed files of a bundle and the key that signed them, if that key counts now.
    ///
    /// # Errors
    /// What `key` and `Bundle::verify` refuse; `Unsigned` when the bundle names no key.
    pub fn verify(&self, bundle: &Bundle, role: Role, now_s: i64) -> Result<(Vec<crate::Resource>, Digest), Error> {
        let hint = bundle.key_hint().ok_or(Error::Unsigned)?;
        let key = self.key(hint, role, now_s)?;
        Ok((bundle.verify(key)?, key.id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    #[test]
    fn a_key_counts_in_its_time_for_its_role_until_revoked() {
        let keys: Vec<_> = (0..2).map(|_| SigningKey::generate(Algorithm::Ed25519).unwrap()).collect();
        let mut store = TrustStore::default();
        store.trust(keys[0].public(), "Ada", &[Role::SignModels], (100, 200)).unwrap();
        store.trust(keys[1].public(), "Bob", &[], (100, 200)).unwrap();
        assert!(store.trust(keys[0].public(), "Ada", &[], (0, 1)).is_err(), "twice");
        let store_again = TrustStore::from_json(&store.to_json().unwrap()).unwrap();
        assert!(store.keys().eq(store_again.keys()));
        let id = keys[0].public().id().to_string();
        let ask = |store: &TrustStore, now| store.key(&id, Role::SignModels, now).map(PublicKey::id);
        assert!(matches!(ask(&store, 99), Err(Error::NotYetValid { from_s: 100, .. })));
        assert_eq!(ask(&store, 100).unwrap(), keys[0].public().id());
        assert_eq!(ask(&store, 200).unwrap(), keys[0].public().id());
        assert!(matches!(ask(&store, 201), Err(Error::Expired { until_s: 200, .. })));
        let bob = keys[1].public().id().to_string();
        assert!(matches!(store.key(&bob, Role::SignModels, 150), Err(Error::NotAllowed { .. })));
        assert!(matches!(store.key("nobody", Role::SignModels, 150), Err(Error::Untrusted { .. })));
        store.revoke(keys[0].public().id(), 150, "laptop stolen").unwrap();
        assert!(matches!(ask(&store, 120), Err(Error::Revoked { .. })), "revoked for every time");
        let store = TrustStore::from_json(&store.to_json().unwrap()).unwrap();
        assert!(matches!(ask(&store, 120), Err(Error::Revoked { .. })), "and when read again");
    }

    #[test]
    fn an_entry_that_lies_about_its_key_is_refused() {
        let keys: Vec<_> = (0..2).map(|_| SigningKey::generate(Algorithm::P256).unwrap()).collect();
        let mut store = TrustStore::default();
        store.trust(keys[0].public(), "Ada", &[Role::SignModels], (0, 9)).unwrap();
        let text = String::from_utf8(store.to_json().unwrap()).unwrap();
        let swapped = text.replace(&keys[0].public().id().to_string(), &keys[1].public().id().to_string());
        assert!(TrustStore::from_json(swapped.as_bytes()).is_err());
        assert!(TrustStore::from_json(text.replace("\"p256\"", "\"ed25519\"").as_bytes()).is_err());
        assert!(TrustStore::from_json(text.replace("\"owner\"", "\"admin\": true, \"owner\"").as_bytes()).is_err());
        assert!(
            TrustStore::from_json(text.replace("\"schema_version\": 1", "\"schema_version\": 2").as_bytes()).is_err()
        );
    }
}
