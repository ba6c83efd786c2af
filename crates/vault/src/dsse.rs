//! The envelope around what is signed: DSSE v1.0, <https://github.com/secure-systems-lab/dsse>.

use serde::{Deserialize, Serialize};

use crate::encode::{base64, from_base64};
use crate::error::Error;
use crate::key::{PublicKey, SigningKey};

/// What is really signed: the type and the payload with their lengths, so that neither can pass for the other.
/// `DSSEv1 SP len(type) SP type SP len(payload) SP payload`, lengths in ASCII decimal.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The signature's bytes, base64.
    pub sig: String,
    /// A hint which key made it; empty, absent or null where it says nothing. Not signed, so nothing is decided by it.
    #[serde(default)]
    pub keyid: Option<String>,
}

/// A payload with its signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Envelope {
    /// The payload's bytes, base64.
    pub payload: String,
    /// What the payload is.
    pub payload_type: String,
    /// Who signed it.
    pub signatures: Vec<Signature>,
}

impl Envelope {
    /// Signs a payload with one key.
    ///
    /// # Errors
    /// What `SigningKey::sign` refuses.
    pub fn sign(payload_type: &str, payload: &[u8], key: &SigningKey) -> Result<Self, Error> {
        let sig = base64(&key.sign(&pae(payload_type, payload))?);
        let signatures = vec![Signature { sig, keyid: Some(String::new()) }];
        Ok(Self { payload: base64(payload), payload_type: payload_type.to_owned(), signatures })
    }

    /// The payload, after exactly one signature was found to be this key's, and the type the expected one.
    ///
    /// # Errors
    /// `Unsigned`, `Malformed`, `BadSignature`.
    pub fn verify(&self, payload_type: &str, key: &PublicKey) -> Result<Vec<u8>, Error> {
        let signature = match self.signatures.as_slice() {
            [] => return Err(Error::Unsigned),
            [one] => from_base64("DSSE signature", &one.sig)?,
            more => return Err(Error::malformed("DSSE envelope", format!("{} signatures, not one", more.len()))),
        };
        if signature.is_empty() {
            return Err(Error::Unsigned);
        }
        if self.payload_type != payload_type {
            let why = format!("its payload is {:?}, not {payload_type:?}", self.payload_type);
            return Err(Error::malformed("DSSE envelope", why));
        }
        let payload = from_base64("DSSE payload", &self.payload)?;
        key.verify(&pae(payload_type, &payload), &signature)?;
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Algorithm;

    /// The example of the DSSE protocol page.
    #[test]
    fn the_signed_bytes_are_those_of_the_protocol() {
        let due = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), due);
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let envelope = Envelope::sign("text", b"hello", &key).unwrap();
        assert_eq!(envelope.verify("text", key.public()).unwrap(), b"hello");
        assert!(matches!(envelope.verify("other", key.public()), Err(Error::Malformed { .. })));
        let retyped = Envelope { payload_type: "other".into(), ..envelope.clone() };
        assert!(matches!(retyped.verify("other", key.public()), Err(Error::BadSignature { .. })));
        let changed = Envelope { payload: base64(b"hellp"), ..envelope.clone() };
        assert!(matches!(changed.verify("text", key.public()), Err(Error::BadSignature { .. })));
        let bare = Envelope { signatures: Vec::new(), ..envelope.clone() };
        assert!(matches!(bare.verify("text", key.public()), Err(Error::Unsigned)));
        let twice = Envelope { signatures: [&envelope.signatures[..], &envelope.signatures].concat(), ..envelope };
        assert!(matches!(twice.verify("text", key.public()), Err(Error::Malformed { .. })));
    }
}
