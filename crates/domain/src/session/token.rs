//! The tokens of a session: the access token, a JWT that lives ten
//! minutes (RFC 9068, RFC 8725), and opaque ones that are used once.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{DomainError, Result};
use crate::ids::{ApiTokenId, SessionId, TenantId, UserId};
use crate::secret::{self, Keys, sha256};

/// How long an access token lives.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(10);

const ISSUER: &str = "kikubari";
const AUDIENCE: &str = "kikubari-api";
const TYPE: &str = "at+jwt";

/// What an access token says: it is a session's or an API token's, never both.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The person, or the API token.
    pub sub: Uuid,
    pub tenant: TenantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_token: Option<ApiTokenId>,
    /// Which secret of the API token it was given for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i32>,
    /// What of the API token's scopes it was asked for (RFC 9068 §2.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    pub jti: Uuid,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
}

/// Whose an access token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder<'a> {
    Person {
        user: UserId,
        session: SessionId,
    },
    Program {
        token: ApiTokenId,
        generation: i32,
        scope: &'a str,
    },
}

impl Claims {
    /// `None` for claims that say both or neither.
    #[must_use]
    pub fn holder(&self) -> Option<Holder<'_>> {
        match (self.session, self.api_token, self.generation, &self.scope) {
            (Some(session), None, None, None) => Some(Holder::Person {
                user: UserId(self.sub),
                session,
            }),
            (None, Some(token), Some(generation), Some(scope)) if token.0 == self.sub => {
                Some(Holder::Program {
                    token,
                    generation,
                    scope,
                })
            }
            _ => None,
        }
    }
}

/// Signs and checks access tokens with Ed25519.
pub struct AccessTokens {
    kid: String,
    encoding: EncodingKey,
    /// By key id: those of older keys check, so that nobody is logged out by a rotation.
    decoding: Vec<(String, DecodingKey)>,
    validation: Validation,
}

impl AccessTokens {
    /// # Errors
    /// When the library refuses the seed.
    pub fn new(keys: &Keys) -> Result<Self> {
        let mut decoding = Vec::new();
        let mut signing = None;
        for seed in keys.access_seeds() {
            let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(DomainError::internal)?;
            let public = pair.public_key().as_ref();
            let kid = URL_SAFE_NO_PAD.encode(&sha256(public)[..9]);
            decoding.push((kid.clone(), DecodingKey::from_ed_der(public)));
            signing.get_or_insert((kid, pair));
        }
        let (kid, pair) = signing.ok_or_else(|| DomainError::internal("no key signs"))?;
        let private = pair.to_pkcs8v1().map_err(DomainError::internal)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Compared below, with the clock that tests can turn.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            kid,
            encoding: EncodingKey::from_ed_der(private.as_ref()),
            decoding,
            validation,
        })
    }

    /// # Errors
    /// When signing fails.
    pub fn issue(
        &self,
        tenant: TenantId,
        session: SessionId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<SecretString> {
        self.sign(&Claims {
            session: Some(session),
            ..claims(user.0, tenant, now, now + ACCESS_LIFETIME)
        })
    }

    /// For a program with an API token, until `until`.
    ///
    /// # Errors
    /// When signing fails.
    pub fn issue_for_program(
        &self,
        tenant: TenantId,
        (token, generation): (ApiTokenId, i32),
        scope: String,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<SecretString> {
        self.sign(&Claims {
            api_token: Some(token),
            generation: Some(generation),
            scope: Some(scope),
            ..claims(token.0, tenant, now, until)
        })
    }

    fn sign(&self, claims: &Claims) -> Result<SecretString> {
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding)
            .map(SecretString::from)
            .map_err(DomainError::internal)
    }

    /// What a token says, if it is ours and in time. The header may hold
    /// algorithm, type and key id only: a key or an address that the sender
    /// brings along (jwk, jku, x5u) makes it somebody else's.
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
        let kid = header.kid.as_deref().filter(|_| plain);
        let (_, key) = self
            .decoding
            .iter()
            .find(|(known, _)| kid == Some(known.as_str()))
            .ok_or_else(refused)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| refused())?
            .claims;
        let now = now.timestamp();
        if now >= claims.exp || now < claims.nbf || claims.holder().is_none() {
            return Err(refused());
        }
        Ok(claims)
    }
}

fn claims(sub: Uuid, tenant: TenantId, now: DateTime<Utc>, until: DateTime<Utc>) -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub,
        tenant,
        session: None,
        api_token: None,
        generation: None,
        scope: None,
        jti: Uuid::now_v7(),
        iat: now.timestamp(),
        nbf: now.timestamp(),
        exp: until.timestamp(),
    }
}

impl std::fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessTokens(kid {})", self.kid)
    }
}

/// An opaque token (a refresh token, the token of a question for a second
/// factor): names its tenant, so that it can be looked up behind the tenant
/// door, and 256 random bits, of which the database keeps the hash.
#[derive(Clone, Copy)]
pub struct OpaqueToken {
    pub tenant: TenantId,
    secret: [u8; 32],
}

impl std::fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpaqueToken(tenant {})", self.tenant)
    }
}

impl OpaqueToken {
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            secret: secret::random(),
        }
    }

    /// As it stands in the cookie, or in an answer.
    #[must_use]
    pub fn encode(&self) -> SecretString {
        let mut bytes = self.tenant.0.as_bytes().to_vec();
        bytes.extend_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = (text.len() <= 100)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()?;
        let (tenant, secret) = bytes.split_at_checked(16)?;
        Some(Self {
            tenant: TenantId(Uuid::from_slice(tenant).ok()?),
            secret: secret.try_into().ok()?,
        })
    }

    /// What the database keeps.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.secret)
    }

    /// What an authenticator signs for a passkey: as random as the token, and
    /// nothing that the token could be made of.
    #[must_use]
    pub fn passkey_challenge(&self) -> [u8; 32] {
        sha256(&[b"passkey challenge".as_slice(), &self.secret].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_token_is_a_sessions_or_a_programs_and_never_both_or_neither() {
        let tokens = AccessTokens::new(&Keys::from_master(&[1; 32]).unwrap()).unwrap();
        let (tenant, user, token) = (TenantId::new(), UserId::new(), ApiTokenId::new());
        let now = DateTime::UNIX_EPOCH;
        let plain = || claims(user.0, tenant, now, now + ACCESS_LIFETIME);
        let session = Claims {
            session: Some(SessionId::new()),
            ..plain()
        };
        let program = Claims {
            api_token: Some(token),
            generation: Some(1),
            scope: Some("contacts.read".to_owned()),
            ..claims(token.0, tenant, now, now + ACCESS_LIFETIME)
        };
        let both = Claims {
            session: session.session,
            ..program.clone()
        };
        let anothers = Claims {
            sub: user.0,
            ..program.clone()
        };
        let unscoped = Claims {
            scope: None,
            ..program.clone()
        };
        for (claims, passes) in [
            (&session, true),
            (&program, true),
            (&plain(), false),
            (&both, false),
            (&anothers, false),
            (&unscoped, false),
        ] {
            let signed = tokens.sign(claims).unwrap();
            let checked = tokens.check(secrecy::ExposeSecret::expose_secret(&signed), now);
            assert_eq!(checked.is_ok(), passes, "{claims:?}");
        }
    }
}
