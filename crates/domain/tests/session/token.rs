//! Access tokens: only one that we signed, for access, in time, passes (RFC
//! 8725). A row of the table for each way to make another one.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use domain::secret::Keys;
use domain::session::token::AccessTokens;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{code, setup};

/// A token made by hand: header and claims as they are given.
fn sign(header: &Value, claims: &Value, pair: &Ed25519KeyPair) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[name] = value;
    changed
}

fn without(base: &Value, name: &str) -> Value {
    let mut changed = base.clone();
    changed.as_object_mut().unwrap().remove(name);
    changed
}

#[tokio::test]
async fn only_a_token_that_we_signed_for_access_in_time_passes() {
    let s = setup().await;
    let opened = s.owner().await;
    let good = opened.access_token.expose_secret();
    let keys = Keys::from_master(&[1; 32]).unwrap();
    let ours = Ed25519KeyPair::from_seed_unchecked(keys.access_seeds().next().unwrap()).unwrap();
    let public = ours.public_key().as_ref();
    let foreign = Ed25519KeyPair::generate().unwrap();
    let (header, claims) = parts(good);
    let now = s.database.db.now();
    let at = now.timestamp();
    let message = good.rsplit_once('.').unwrap().0;
    let signature = good.rsplit_once('.').unwrap().1;
    let payload = message.split_once('.').unwrap().1;
    let swapped = |alg: &str| {
        let header = URL_SAFE_NO_PAD.encode(with(&header, "alg", json!(alg)).to_string());
        format!("{header}.{payload}.{signature}")
    };
    // The classic: the public key taken for the secret of an HMAC.
    let hmac = Header {
        typ: Some("at+jwt".to_owned()),
        kid: header["kid"].as_str().map(str::to_owned),
        ..Header::new(Algorithm::HS256)
    };
    let confused = jsonwebtoken::encode(&hmac, &claims, &EncodingKey::from_secret(public)).unwrap();
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(foreign.public_key().as_ref())
    });
    let none = swapped("none");
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    let by_us = |header: &Value, claims: &Value| sign(header, claims, &ours);
    let table = [
        ("alg none", none),
        ("alg none, without a signature", unsigned),
        ("alg HS256, the signature kept", swapped("HS256")),
        ("HMAC with the public key", confused),
        ("alg ES256", swapped("ES256")),
        ("alg RS256", swapped("RS256")),
        ("alg of no kind", swapped("EdDSA2")),
        (
            "typ JWT",
            by_us(&with(&header, "typ", json!("JWT")), &claims),
        ),
        (
            "typ of something else",
            by_us(&with(&header, "typ", json!("secevent+jwt")), &claims),
        ),
        ("no typ", by_us(&without(&header, "typ"), &claims)),
        (
            "foreign kid",
            by_us(&with(&header, "kid", json!("AAAAAAAAAAAA")), &claims),
        ),
        ("no kid", by_us(&without(&header, "kid"), &claims)),
        (
            "embedded jwk",
            sign(&with(&header, "jwk", jwk.clone()), &claims, &foreign),
        ),
        (
            "embedded jwk, signed by us",
            by_us(&with(&header, "jwk", jwk), &claims),
        ),
        (
            "jku",
            by_us(
                &with(&header, "jku", json!("https://evil.example/keys")),
                &claims,
            ),
        ),
        (
            "x5u",
            by_us(
                &with(&header, "x5u", json!("https://evil.example/cert")),
                &claims,
            ),
        ),
        (
            "x5c",
            by_us(&with(&header, "x5c", json!(["AAAA"])), &claims),
        ),
        ("signed by a foreign key", sign(&header, &claims, &foreign)),
        (
            "wrong iss",
            by_us(&header, &with(&claims, "iss", json!("somebody"))),
        ),
        ("no iss", by_us(&header, &without(&claims, "iss"))),
        (
            "wrong aud",
            by_us(&header, &with(&claims, "aud", json!("kikubari-other"))),
        ),
        ("no aud", by_us(&header, &without(&claims, "aud"))),
        ("expired", by_us(&header, &with(&claims, "exp", json!(at)))),
        ("no exp", by_us(&header, &without(&claims, "exp"))),
        (
            "not yet",
            by_us(&header, &with(&claims, "nbf", json!(at + 1))),
        ),
        ("no nbf", by_us(&header, &without(&claims, "nbf"))),
        ("no session", by_us(&header, &without(&claims, "session"))),
        (
            "a claim that we don't make",
            by_us(&header, &with(&claims, "admin", json!(true))),
        ),
        ("another session, the signature kept", {
            let changed = with(&claims, "session", json!(uuid::Uuid::now_v7()));
            let changed = URL_SAFE_NO_PAD.encode(changed.to_string());
            format!(
                "{}.{changed}.{signature}",
                message.split_once('.').unwrap().0
            )
        }),
        ("cut", good[..good.len() - 2].to_owned()),
        ("two parts", message.to_owned()),
        ("nothing", String::new()),
        ("far too long", format!("{good}{}", "A".repeat(2048))),
    ];
    for (what, token) in table {
        assert_eq!(
            code(s.access(&token.into(), true).await),
            "unauthenticated",
            "{what}"
        );
    }
    // By hand and right: what makes the rows above fail is what they name.
    s.access(&by_us(&header, &claims).into(), true)
        .await
        .unwrap();
    s.access(&opened.access_token, true).await.unwrap();
}

#[tokio::test]
async fn a_token_ends_after_ten_minutes_and_another_installation_knows_none_of_ours() {
    let s = setup().await;
    let good = s.owner().await.access_token;
    let text = good.expose_secret();
    let now = s.database.db.now();
    let check = |at: chrono::DateTime<Utc>| s.tokens.check(text, at);
    check(now + TimeDelta::seconds(599)).unwrap();
    assert_eq!(code(check(now + TimeDelta::minutes(10))), "unauthenticated");
    assert_eq!(code(check(now - TimeDelta::seconds(5))), "unauthenticated");
    let other = AccessTokens::new(&Keys::from_master(&[2; 32]).unwrap()).unwrap();
    assert_eq!(code(other.check(text, now)), "unauthenticated");
}
