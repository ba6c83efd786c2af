//! Model signatures as other tools write and read them: `OpenSSF` Model Signing (OMS) v1.0, method `key`. A Sigstore bundle
//! holds a DSSE envelope, that an in-toto statement v1, and that the (path, digest) pair of every file.
//! <https://github.com/ossf/model-signing-spec/blob/main/spec/v1.0.md>

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::dsse::Envelope;
use crate::encode::Digest;
use crate::error::Error;
use crate::json;
use crate::key::{PublicKey, SigningKey};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://model_signing/signature/v1.0";

/// Largest bundle that is read, in bytes.
pub const BUNDLE_BYTES_MAX: u64 = 1 << 20;
/// Most files of one statement.
pub const RESOURCES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 12;

/// One file of a model: where it lies below the model's folder, and the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Resource {
    /// The path, with `/`, relative to the model's folder.
    pub name: String,
    /// SHA-256 of the bytes.
    pub digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct WireResource {
    name: String,
    digest: String,
    algorithm: String,
}

#[derive(Serialize, Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    allow_symlinks: bool,
    #[serde(default)]
    ignore_paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Predicate {
    serialization: Serialization,
    resources: Vec<WireResource>,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

/// What the signer says about the key: only a name to find it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyHint {
    hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: KeyHint,
    #[serde(default)]
    tlog_entries: Vec<serde_json::Value>,
}

/// A model's signature: a Sigstore bundle v0.3 with one envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

/// The digest of a model as a whole: SHA-256 of the files' digests, one after another in the order of the list (OMS 6.5.1).
pub fn root<'a>(digests: impl Iterator<Item = &'a Digest>) -> Digest {
    let digests: Vec<&[u8]> = digests.map(|digest| digest.0.as_slice()).collect();
    Digest::of_parts(&digests)
}

impl Bundle {
    /// Signs the files of a model. `ignored` are files beside them that are not signed, such as the bundle itself.
    ///
    /// # Errors
    /// `Malformed` for no files, a path twice, or a path that is not plain and relative.
    pub fn sign(model: &str, resources: &[Resource], ignored: &[&str], key: &SigningKey) -> Result<Self, Error> {
        let mut sorted = resources.to_vec();
        sorted.sort();
        check(&sorted)?;
        let root = root(sorted.iter().map(|resource| &resource.digest));
        let git = [".git", ".gitattributes", ".github", ".gitignore"];
        let statement = Statement {
            kind: STATEMENT_TYPE.into(),
            subject: vec![Subject {
                name: model.into(),
                digest: BTreeMap::from([("sha256".into(), root.to_string())]),
            }],
            predicate_type: PREDICATE_TYPE.into(),
            predicate: Predicate {
                serialization: Serialization {
                    method: "files".into(),
                    hash_type: "sha256".into(),
                    allow_symlinks: false,
                    ignore_paths: git.iter().chain(ignored).map(|path| (*path).to_owned()).collect(),
                },
                resources: sorted
                    .into_iter()
                    .map(|one| WireResource {
                        name: one.name,
                        digest: one.digest.to_string(),
                        algorithm: "sha256".into(),
                    })
                    .collect(),
            },
        };
        let payload = serde_json::to_vec(&statement).map_err(|error| Error::malformed("statement", error))?;
        Ok(Self {
            media_type: MEDIA_TYPE.into(),
            verification_material: Material {
                public_key: KeyHint { hint: Some(key.public().id().to_string()) },
                tlog_entries: Vec::new(),
            },
            dsse_envelope: Envelope::sign(PAYLOAD_TYPE, &payload, key)?,
        })
    }

    /// Reads a bundle of the method `key`.
    ///
    /// # Errors
    /// `TooLarge`, `TooDeep`, or `Malformed`: cut short, another media type, certificates instead of a key.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let what = "Sigstore bundle v0.3 signed with a key";
        let bundle: Self = json::parse(what, bytes, BUNDLE_BYTES_MAX, DEPTH_MAX)?;
        if bundle.media_type != MEDIA_TYPE {
            return Err(Error::malformed(what, format!("media type {:?}", bundle.media_type)));
        }
        Ok(bundle)
    }

    /// The bundle as one line of JSON.
    ///
    /// # Errors
    /// `Malformed` when it cannot be written; that does not happen.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|error| Error::malformed("bundle", error))
    }

    /// The name of the key that signed, as the bundle claims; it is not signed.
    pub fn key_hint(&self) -> Option<&str> {
        self.verification_material.public_key.hint.as_deref().filter(|hint| !hint.is_empty())
    }

    /// The envelope inside.
    pub fn envelope(&self) -> &Envelope {
        &self.dsse_envelope
    }

    /// The signed files, sorted by path, after the signature was found to be this key's and the statement to agree with itself.
    ///
    /// # Errors
    /// `WrongKey` when the bundle names another key; `Unsigned`, `BadSignature`, `Malformed`.
    pub fn verify(&self, key: &PublicKey) -> Result<Vec<Resource>, Error> {
        let id = key.id().to_string();
        if let Some(named) = self.key_hint().filter(|named| *named != id) {
            return Err(Error::WrongKey { named: named.chars().take(64).collect(), tried: id });
        }
        let payload = self.dsse_envelope.verify(PAYLOAD_TYPE, key)?;
        let statement: Statement = json::parse("in-toto statement v1", &payload, BUNDLE_BYTES_MAX, DEPTH_MAX)?;
        resources(statement)
    }
}

fn resources(statement: Statement) -> Result<Vec<Resource>, Error> {
    let wrong = |why: String| Error::malformed("OMS v1.0 statement", why);
    let expected = [(&statement.kind, STATEMENT_TYPE), (&statement.predicate_type, PREDICATE_TYPE)];
    if let Some((found, due)) = expected.iter().find(|(found, due)| found != due) {
        return Err(wrong(format!("{found:?}, not {due:?}")));
    }
    let Serialization { method, hash_type, allow_symlinks, .. } = &statement.predicate.serialization;
    if (method.as_str(), hash_type.as_str(), *allow_symlinks) != ("files", "sha256", false) {
        let found = format!("method {method:?}, hash {hash_type:?}, symlinks {allow_symlinks}");
        return Err(wrong(format!("{found}; only whole files by SHA-256 without symlinks are accepted")));
    }
    let mut found = Vec::new();
    for one in statement.predicate.resources {
        let digest = Digest::from_hex(&one.digest).filter(|_| one.algorithm == "sha256");
        let digest = digest.ok_or_else(|| wrong(format!("{:?} has no SHA-256 digest", one.name)))?;
        found.push(Resource { name: one.name, digest });
    }
    let said = match statement.subject.as_slice() {
        [one] => one.digest.get("sha256").cloned().unwrap_or_default(),
        more => return Err(wrong(format!("{} subjects, not one", more.len()))),
    };
    let root = root(found.iter().map(|resource| &resource.digest)).to_string();
    if said != root {
        return Err(wrong(format!("the files hash to {root}, its subject says {said:?}")));
    }
    found.sort();
    check(&found)?;
    Ok(found)
}

/// A sorted list of at least one file, each path plain and once.
fn check(resources: &[Resource]) -> Result<(), Error> {
    let wrong = |why: String| Err(Error::malformed("OMS v1.0 statement", why));
    if resources.is_empty() || resources.len() > RESOURCES_MAX {
        return wrong(format!("{} files; 1 to {RESOURCES_MAX} can be signed", resources.len()));
    }
    if let Some(bad) = resources.iter().find(|resource| !plain(&resource.name)) {
        return wrong(format!("{:?} is not a plain relative path", bad.name));
    }
    let names: BTreeSet<_> = resources.iter().map(|resource| &resource.name).collect();
    if names.len() != resources.len() {
        return wrong("a path twice".into());
    }
    Ok(())
}

/// Whether a path stays below its folder and has one spelling: parts of printable text joined by `/`, none of them empty,
/// `.` or `..`, no `\` and no `:` (which other systems take for something else); at most 8 parts and 200 bytes.
pub fn plain(path: &str) -> bool {
    let parts = path.split('/').count();
    (1..=200).contains(&path.len())
        && parts <= 8
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::Algorithm;

    fn files() -> Vec<Resource> {
        let file = |name: &str| Resource { name: name.into(), digest: Digest::of(name.as_bytes()) };
        vec![file("b/two.bin"), file("a.json"), file("b.bin")]
    }

    #[test]
    fn what_was_signed_is_found_again() {
        for algorithm in [Algorithm::Ed25519, Algorithm::P256] {
            let key = SigningKey::generate(algorithm).unwrap();
            let bundle = Bundle::sign("m", &files(), &["m.sig"], &key).unwrap();
            let again = Bundle::from_json(&bundle.to_json().unwrap()).unwrap();
            let mut due = files();
            due.sort();
            assert_eq!(again.verify(key.public()).unwrap(), due);
            let other = SigningKey::generate(algorithm).unwrap();
            assert!(matches!(again.verify(other.public()), Err(Error::WrongKey { .. })));
        }
    }

    #[test]
    fn paths_that_climb_are_neither_signed_nor_accepted() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/../b",
            "./a",
            "a\\b",
            "c:a",
            "a\nb",
            "1/2/3/4/5/6/7/8/9",
            &"x".repeat(201),
        ] {
            let one = vec![Resource { name: bad.into(), digest: Digest::of(b"") }];
            assert!(Bundle::sign("m", &one, &[], &key).is_err(), "{bad:?}");
        }
        assert!(Bundle::sign("m", &[], &[], &key).is_err());
        assert!(Bundle::sign("m", &[files(), files()].concat(), &[], &key).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Whatever one byte of a bundle becomes: it is refused, or it still says the same.
        #[test]
        fn a_changed_byte_never_says_something_else(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let key = SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n").unwrap();
            let mut bytes = Bundle::sign("m", &files(), &[], &key).unwrap().to_json().unwrap();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Ok(said) = Bundle::from_json(&bytes).and_then(|bundle| bundle.verify(key.public())) {
                let mut due = files();
                due.sort();
                prop_assert_eq!(said, due);
            }
        }

        #[test]
        fn a_cut_bundle_is_refused(at in any::<prop::sample::Index>()) {
            let key = SigningKey::generate(Algorithm::P256).unwrap();
            let bytes = Bundle::sign("m", &files(), &[], &key).unwrap().to_json().unwrap();
            prop_assert!(Bundle::from_json(&bytes[..at.index(bytes.len())]).is_err());
        }
    }
}
