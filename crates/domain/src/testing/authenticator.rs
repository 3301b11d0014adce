//! An authenticator in software: what a browser and a security key would
//! answer, right or wrong as the test wants it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::{Value, cbor};

use crate::factor::passkey::{Assertion, Attestation};
use crate::secret::{random, sha256};

/// What kind of key it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Es256,
    Ed25519,
    Rs256,
}

enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// One passkey on one device. Its public fields are there to be spoilt.
pub struct SoftAuthenticator {
    pub origin: String,
    pub party: String,
    pub credential_id: Vec<u8>,
    /// Present, verified.
    pub flags: u8,
    pub counter: u32,
    /// `None`: as the ceremony has it.
    pub ceremony: Option<&'static str>,
    pub cross_origin: bool,
    /// Whether it keeps the person's name.
    pub discoverable: bool,
    key: Key,
}

impl SoftAuthenticator {
    /// For the service at this address.
    pub fn new(public_url: &str) -> Self {
        Self::of_kind(public_url, Kind::Es256)
    }

    pub fn of_kind(public_url: &str, kind: Kind) -> Self {
        let host = public_url.split("://").nth(1).expect("a URL");
        let key = match kind {
            Kind::Es256 => {
                Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"))
            }
            Kind::Ed25519 => Key::Ed25519(Ed25519KeyPair::generate().expect("a key")),
            Kind::Rs256 => Key::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        };
        Self {
            origin: public_url.to_owned(),
            party: host.split(':').next().expect("a host").to_owned(),
            credential_id: random::<32>().to_vec(),
            flags: 0x05,
            counter: 0,
            ceremony: None,
            cross_origin: false,
            discoverable: true,
            key,
        }
    }

    /// Answers a registration.
    pub fn create(&mut self, challenge: &[u8]) -> Attestation {
        let mut data = self.head(0x40);
        data.extend([0; 16]);
        let length = u16::try_from(self.credential_id.len()).expect("a short id");
        data.extend(length.to_be_bytes());
        data.extend(&self.credential_id);
        ciborium::into_writer(&self.public_key(), &mut data).expect("CBOR");
        let object = cbor!({"fmt" => "none", "attStmt" => {}, "authData" => Value::Bytes(data)})
            .expect("CBOR");
        let mut attestation_object = Vec::new();
        ciborium::into_writer(&object, &mut attestation_object).expect("CBOR");
        Attestation {
            client_data: self.client_data("webauthn.create", challenge),
            attestation_object,
            discoverable: self.discoverable,
        }
    }

    /// Answers a question.
    pub fn get(&mut self, challenge: &[u8]) -> Assertion {
        let authenticator_data = self.head(0);
        let client_data = self.client_data("webauthn.get", challenge);
        let message = [authenticator_data.as_slice(), &sha256(&client_data)].concat();
        Assertion {
            credential_id: self.credential_id.clone(),
            signature: self.sign(&message),
            client_data,
            authenticator_data,
        }
    }

    fn head(&mut self, more: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = sha256(self.party.as_bytes()).to_vec();
        data.push(self.flags | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, ceremony: &str, challenge: &[u8]) -> Vec<u8> {
        serde_json::json!({
            "type": self.ceremony.unwrap_or(ceremony),
            "challenge": URL_SAFE_NO_PAD.encode(challenge),
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    fn public_key(&self) -> Value {
        let bytes = |part: &[u8]| Value::Bytes(part.to_vec());
        match &self.key {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                cbor!({1 => 2, 3 => -7, -1 => 1, -2 => bytes(&point[1..33]), -3 => bytes(&point[33..])})
            }
            Key::Ed25519(key) => {
                cbor!({1 => 1, 3 => -8, -1 => 6, -2 => bytes(key.public_key().as_ref())})
            }
            Key::Rs256(key) => {
                let (n, e) = rsa_parts(key.public_key().as_ref());
                cbor!({1 => 3, 3 => -257, -1 => bytes(&n), -2 => bytes(&e)})
            }
        }
        .expect("CBOR")
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match &self.key {
            Key::Es256(key) => key.sign(&rng, message).expect("signed").as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature)
                    .expect("signed");
                signature
            }
        }
    }
}

/// Modulus and exponent out of the DER of an RSA key of 2048 bits:
/// `30 82 len len 02 82 len len 00 n… 02 03 e`.
fn rsa_parts(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    assert_eq!((der[4], der[8]), (0x02, 0x00), "an RSA key of 2048 bits");
    let n = der[9..265].to_vec();
    (n, der[267..].to_vec())
}
