//! What other tools signed: `tests/data`, see its PROVENANCE.md.

use std::path::PathBuf;

use vault::{Algorithm, Bundle, Digest, Error, Resource, SigningKey, files};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn a_model_that_model_signing_signed_verifies_here() {
    let key = files::read_public(&data("p256.pub")).unwrap();
    let bundle = Bundle::from_json(&std::fs::read(data("model.sig")).unwrap()).unwrap();
    assert_eq!(bundle.key_hint(), Some(key.id().to_string().as_str()), "the same name for the same key");
    let due: Vec<_> = ["config.json", "sub-a", "sub/a.bin", "weights.bin"]
        .into_iter()
        .map(|name| {
            let bytes = std::fs::read(data("model").join(name)).unwrap();
            Resource { name: name.into(), digest: Digest::of(&bytes) }
        })
        .collect();
    assert_eq!(bundle.verify(&key).unwrap(), due);
    let other = SigningKey::generate(Algorithm::P256).unwrap();
    assert!(matches!(bundle.verify(other.public()), Err(Error::WrongKey { .. })));
}

/// RFC 8410, section 10.3: an Ed25519 private key and its public key, as PEM.
#[test]
fn keys_of_rfc_8410_are_read() {
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    assert_eq!(SigningKey::from_pem(private).unwrap().public().to_pem(), public);
}
