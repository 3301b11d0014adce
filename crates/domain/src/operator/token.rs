//! The tokens of the operator's console. Signed with another key than the
//! tenants' (derived from it when both programs are given the same key file),
//! for another audience, of another type: neither side takes the other's.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{DomainError, Result};
use crate::ids::{OperatorId, OperatorSessionId};
use crate::secret::{self, Keys, sha256};

/// How long an access token lives.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(5);

const ISSUER: &str = "kikubari-operator";
const AUDIENCE: &str = "kikubari-operator-api";
const TYPE: &str = "operator+jwt";
const PURPOSE: &str = "operator access v1";

fn kid(public: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&sha256(public)[..9])
}

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: OperatorId,
    pub session: OperatorSessionId,
    pub jti: Uuid,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
}

/// Keys of the operator's side for one purpose: the first signs, all check.
pub(super) fn signers(keys: &Keys, purpose: &str) -> Result<Vec<Ed25519KeyPair>> {
    keys.access_seeds()
        .map(|seed| {
            let seed = sha256(&[purpose.as_bytes(), seed].concat());
            Ed25519KeyPair::from_seed_unchecked(&seed).map_err(DomainError::internal)
        })
        .collect()
}

/// The one of them that signs.
pub(super) fn signer(keys: &Keys, purpose: &str) -> Result<Ed25519KeyPair> {
    let first = signers(keys, purpose)?.into_iter().next();
    first.ok_or_else(|| DomainError::internal("no key signs"))
}

/// Signs and checks access tokens with Ed25519.
pub struct OperatorTokens {
    kid: String,
    encoding: EncodingKey,
    /// By `kid`; those of old master keys too.
    decoding: Vec<(String, DecodingKey)>,
    validation: Validation,
}

impl std::fmt::Debug for OperatorTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OperatorTokens(kid {})", self.kid)
    }
}

impl OperatorTokens {
    /// # Errors
    /// When the library refuses the seed.
    pub fn new(keys: &Keys) -> Result<Self> {
        let pair = signer(keys, PURPOSE)?;
        let private = pair.to_pkcs8v1().map_err(DomainError::internal)?;
        let decoding = signers(keys, PURPOSE)?
            .iter()
            .map(|pair| {
                let public = pair.public_key().as_ref();
                (kid(public), DecodingKey::from_ed_der(public))
            })
            .collect();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Compared below, with the clock that tests can turn.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            kid: kid(pair.public_key().as_ref()),
            encoding: EncodingKey::from_ed_der(private.as_ref()),
            decoding,
            validation,
        })
    }

    /// # Errors
    /// When signing fails.
    pub fn issue(
        &self,
        operator: OperatorId,
        session: OperatorSessionId,
        now: DateTime<Utc>,
    ) -> Result<SecretString> {
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: operator,
            session,
            jti: Uuid::now_v7(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + ACCESS_LIFETIME).timestamp(),
        };
        jsonwebtoken::encode(&header, &claims, &self.encoding)
            .map(SecretString::from)
            .map_err(DomainError::internal)
    }

    /// What a token says, if it is ours and in time; a key that the sender
    /// brings along makes it somebody else's.
    ///
    /// # Errors
    /// [`DomainError::Unauthenticated`], the same for every reason.
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        let refused = || DomainError::Unauthenticated {
            code: "unauthenticated",
            detail: "the access token is missing, expired or not valid: log in, or refresh",
        };
        if token.len() > 2048 {
            return Err(refused());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        let plain = header.alg == Algorithm::EdDSA
            && header.typ.as_deref() == Some(TYPE)
            && header.jwk.is_none()
            && header.jku.is_none()
            && header.x5u.is_none()
            && header.x5c.is_none();
        let key = self
            .decoding
            .iter()
            .find(|(kid, _)| Some(kid.as_str()) == header.kid.as_deref())
            .filter(|_| plain)
            .map(|(_, key)| key)
            .ok_or_else(refused)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| refused())?
            .claims;
        let now = now.timestamp();
        if now >= claims.exp || now < claims.nbf {
            return Err(refused());
        }
        Ok(claims)
    }
}

/// What a ticket or a refresh cookie holds: the session's id, and 256 random
/// bits of which the database keeps the hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opaque {
    pub(super) session: OperatorSessionId,
    secret: [u8; 32],
}

impl Opaque {
    pub(super) fn new(session: OperatorSessionId) -> Self {
        Self {
            session,
            secret: secret::random(),
        }
    }

    pub(super) fn encode(&self) -> SecretString {
        let mut bytes = self.session.0.as_bytes().to_vec();
        bytes.extend_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let bytes = (text.len() <= 100)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()?;
        let (session, secret) = bytes.split_at_checked(16)?;
        Some(Self {
            session: OperatorSessionId(Uuid::from_slice(session).ok()?),
            secret: secret.try_into().ok()?,
        })
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        sha256(&self.secret).to_vec()
    }
}
