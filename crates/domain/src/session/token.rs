//! The two tokens of a session: the access token, a JWT that lives ten
//! minutes (RFC 9068, RFC 8725), and the refresh token, opaque and used once.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{DomainError, Result};
use crate::ids::{SessionId, TenantId, UserId};
use crate::secret::{self, Keys, sha256};

/// How long an access token lives.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(10);

const ISSUER: &str = "kikubari";
const AUDIENCE: &str = "kikubari-api";
const TYPE: &str = "at+jwt";

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub tenant: TenantId,
    pub session: SessionId,
    pub jti: Uuid,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
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
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            tenant,
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
        if now >= claims.exp || now < claims.nbf {
            return Err(refused());
        }
        Ok(claims)
    }
}

impl std::fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessTokens(kid {})", self.kid)
    }
}

/// A refresh token: names its tenant, so that it can be looked up behind the
/// tenant door, and 256 random bits, of which the database keeps the hash.
#[derive(Debug, Clone, Copy)]
pub struct RefreshToken {
    pub tenant: TenantId,
    secret: [u8; 32],
}

impl RefreshToken {
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            secret: secret::random(),
        }
    }

    /// As it stands in the cookie.
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
}
