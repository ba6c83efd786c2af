//! Everything of a registry that comes from outside: signatures, keys, sealed blobs, manifests, questions, logs.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use registry::{Manifest, chain, golden};
use vault::seal::Place;
use vault::{Bundle, Digest, Kek, Keks, PublicKey, SigningKey, TrustStore, seal};

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

static KEKS: LazyLock<Keks> = LazyLock::new(|| Keks::new(vec![Kek::generate("k").unwrap()]).unwrap());

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let text = std::str::from_utf8(bytes);
    match which % 7 {
        0 => {
            // Without the private key nothing that reads can also verify.
            let key = PublicKey::from_pem(PUBLIC).unwrap();
            assert!(Bundle::from_json(bytes).and_then(|bundle| bundle.verify(&key)).is_err());
        }
        1 => {
            if let Ok(store) = TrustStore::from_json(bytes) {
                let again = TrustStore::from_json(&store.to_json().unwrap()).unwrap();
                assert!(store.keys().eq(again.keys()));
            }
        }
        2 => {
            let place = Place { path: "p", digest: Digest::of(b"") };
            assert!(seal::open(bytes, place, &KEKS).is_err());
            assert!(!matches!(seal::rewrap(bytes, place, &KEKS), Ok(Some(_))));
        }
        3 => {
            if let Ok(manifest) = Manifest::from_json("m", bytes) {
                let text = manifest.to_json("m").unwrap();
                assert_eq!(Manifest::from_json("m", &text).unwrap().to_json("m").unwrap(), text);
            }
        }
        4 => drop(golden::read("g", bytes, 2)),
        5 => {
            if let Ok(found) = chain::verify("l", bytes) {
                assert_eq!(chain::Lines::new("l", bytes).count() as u64, found.head.seq);
            }
        }
        _ => {
            if let Ok(text) = text {
                drop((PublicKey::from_pem(text), SigningKey::from_pem(text)));
            }
        }
    }
});
