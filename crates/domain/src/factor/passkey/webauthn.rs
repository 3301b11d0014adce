//! What a relying party checks of WebAuthn (Level 2, §7.1 and §7.2): pure, no
//! database. Attestation is not asked for (`none`), so no statement about
//! the maker of an authenticator is read; user verification always is.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use serde::Deserialize;

use super::cose::PublicKey;
use crate::secret::sha256;

/// Longest credential id (WebAuthn §4).
pub(super) const MAX_CREDENTIAL_ID: usize = 1023;
/// Nesting of CBOR that is read; attestation objects have three levels.
const MAX_DEPTH: usize = 8;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// Why an answer of an authenticator does not count; for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) &'static str);

/// Who asks: passkeys are bound to the domain of the public URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    pub id: String,
    origin: String,
}

impl RelyingParty {
    /// `None` where browsers have no passkeys: an address instead of a name,
    /// or plain HTTP (but for `localhost`).
    #[must_use]
    pub fn of(public_url: &str) -> Option<Self> {
        let (scheme, rest) = public_url.split_once("://")?;
        let host = rest.split(['/', ':']).next()?;
        let is_local = host == "localhost" || host.ends_with(".localhost");
        let is_name =
            is_local || (host.contains('.') && host.parse::<std::net::Ipv4Addr>().is_err());
        let is_secure = scheme == "https" || (scheme == "http" && is_local);
        (is_name && is_secure && !rest.starts_with('[')).then(|| Self {
            id: host.to_ascii_lowercase(),
            origin: public_url.to_ascii_lowercase(),
        })
    }
}

/// What the browser answers to a registration.
#[derive(Debug, Clone)]
pub struct Attestation {
    pub client_data: Vec<u8>,
    pub attestation_object: Vec<u8>,
    /// Whether the browser says that the passkey is a discoverable one. It decides what the person may do with
    /// their own key, so that nobody gains by a wrong word.
    pub discoverable: bool,
}

/// What the browser answers when a passkey is used.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub credential_id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
}

/// A new credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) id: Vec<u8>,
    /// COSE.
    pub(super) public_key: Vec<u8>,
    pub(super) sign_count: u32,
    pub(super) backed_up: bool,
}

/// What a use says of the authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) sign_count: u32,
    pub(super) backed_up: bool,
}

/// Reads one item and moves `rest` behind it.
pub(super) fn cbor(rest: &mut &[u8]) -> Result<Value, Refusal> {
    ciborium::de::from_reader_with_recursion_limit(rest, MAX_DEPTH)
        .map_err(|_| Refusal("malformed CBOR"))
}

/// The credential of a registration (§7.1).
pub(super) fn register(
    party: &RelyingParty,
    challenge: &[u8; 32],
    answer: &Attestation,
) -> Result<Credential, Refusal> {
    check_client_data(party, "webauthn.create", challenge, &answer.client_data)?;
    let mut rest = answer.attestation_object.as_slice();
    let Value::Map(object) = cbor(&mut rest)? else {
        return Err(Refusal("the attestation object is no map"));
    };
    let data = object
        .iter()
        .find(|(key, _)| key.as_text() == Some("authData"))
        .and_then(|(_, value)| value.as_bytes())
        .ok_or(Refusal("the attestation object lacks authData"))?;
    let head = Head::read(party, data)?;
    if head.flags & HAS_CREDENTIAL == 0 {
        return Err(Refusal("no credential in authData"));
    }
    // After 37 bytes of head: AAGUID (16), length (2), id, key, extensions.
    let rest = data.get(53..).ok_or(Refusal("authData is cut"))?;
    let (length, rest) = rest
        .split_first_chunk::<2>()
        .ok_or(Refusal("authData is cut"))?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest
        .split_at_checked(length)
        .filter(|(id, _)| !id.is_empty() && id.len() <= MAX_CREDENTIAL_ID)
        .ok_or(Refusal("the credential id is too long or cut"))?;
    let (_, key_length) = PublicKey::read(rest)?;
    let (key, tail) = rest.split_at(key_length);
    if tail.is_empty() != (head.flags & HAS_EXTENSIONS == 0) {
        return Err(Refusal("authData ends elsewhere than it says"));
    }
    Ok(Credential {
        id: id.to_vec(),
        public_key: key.to_vec(),
        sign_count: head.sign_count,
        backed_up: head.flags & BACKED_UP != 0,
    })
}

/// Checks the use of a passkey (§7.2) but for its counter, which is compared
/// with the row.
pub(super) fn verify(
    party: &RelyingParty,
    challenge: &[u8; 32],
    public_key: &[u8],
    answer: &Assertion,
) -> Result<Used, Refusal> {
    check_client_data(party, "webauthn.get", challenge, &answer.client_data)?;
    let head = Head::read(party, &answer.authenticator_data)?;
    let (key, _) = PublicKey::read(public_key)?;
    let message = [
        answer.authenticator_data.as_slice(),
        &sha256(&answer.client_data),
    ]
    .concat();
    if !key.verifies(&message, &answer.signature) {
        return Err(Refusal("the signature is not the key's"));
    }
    Ok(Used {
        sign_count: head.sign_count,
        backed_up: head.flags & BACKED_UP != 0,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

fn check_client_data(
    party: &RelyingParty,
    kind: &str,
    challenge: &[u8; 32],
    json: &[u8],
) -> Result<(), Refusal> {
    let said: ClientData =
        serde_json::from_slice(json).map_err(|_| Refusal("malformed client data"))?;
    if said.r#type != kind {
        return Err(Refusal("client data of another ceremony"));
    }
    let given = URL_SAFE_NO_PAD.decode(&said.challenge).unwrap_or_default();
    if verify_slices_are_equal(&given, challenge).is_err() {
        return Err(Refusal("another challenge"));
    }
    if said.origin.to_ascii_lowercase() != party.origin || said.cross_origin {
        return Err(Refusal("another origin"));
    }
    Ok(())
}

/// The fixed beginning of authenticator data.
struct Head {
    flags: u8,
    sign_count: u32,
}

impl Head {
    fn read(party: &RelyingParty, data: &[u8]) -> Result<Self, Refusal> {
        let (party_hash, rest) = data
            .split_first_chunk::<32>()
            .ok_or(Refusal("authData is cut"))?;
        let (head, _) = rest
            .split_first_chunk::<5>()
            .ok_or(Refusal("authData is cut"))?;
        let [flags, count @ ..] = *head;
        if *party_hash != sha256(party.id.as_bytes()) {
            return Err(Refusal("for another relying party"));
        }
        if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
            return Err(Refusal("the person was not verified"));
        }
        Ok(Self {
            flags,
            sign_count: u32::from_be_bytes(count),
        })
    }
}
