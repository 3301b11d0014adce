//! Browsers that a person has logged in with before. A cookie proves it: signed
//! for one login id, it opens nothing, but a stranger's guesses don't slow its
//! browser down, and its log-ins are no news to the person.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde_json::json;
use uuid::Uuid;

use super::Device;
use crate::actor::Actor;
use crate::error::Result;
use crate::ids::{TenantId, UserId};
use crate::schema::session;
use crate::secret::Keys;
use crate::system_mail::{self, Kind};
use crate::user::LoginId;
use crate::{tenant, user};

/// How long a browser is remembered after its last log-in.
pub const REMEMBERED: TimeDelta = TimeDelta::days(180);
/// People who share one browser.
const PEOPLE: usize = 5;
/// Id, time, signature.
const LENGTH: usize = 16 + 8 + 16;
const PURPOSE: &str = "known browser v1";

fn message(login_id: &LoginId, body: &[u8]) -> Vec<u8> {
    [login_id.key().as_slice(), body].concat()
}

/// The entries of a cookie that are of the right form, and the one that is the person's.
fn entries(cookie: &str) -> Vec<Vec<u8>> {
    let parts = cookie.split('.').take(PEOPLE);
    let decoded = parts.filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    decoded.filter(|bytes| bytes.len() == LENGTH).collect()
}

fn id_of(keys: &Keys, login_id: &LoginId, entry: &[u8], now: DateTime<Utc>) -> Option<Uuid> {
    let (body, mac) = entry.split_at_checked(24)?;
    if !keys.verify(PURPOSE, &message(login_id, body), mac) {
        return None;
    }
    let since = i64::from_be_bytes(body.get(16..24)?.try_into().ok()?);
    let age = now - DateTime::from_timestamp(since, 0)?;
    (age < REMEMBERED)
        .then(|| Uuid::from_slice(&body[..16]).ok())
        .flatten()
}

/// Which browser it is, if this person has logged in with it before.
#[must_use]
pub fn recognise(keys: &Keys, login_id: &str, cookie: &str, now: DateTime<Utc>) -> Option<Uuid> {
    let login_id = LoginId::parse(login_id).ok()?;
    let entries = entries(cookie);
    entries
        .iter()
        .find_map(|entry| id_of(keys, &login_id, entry, now))
}

impl Device {
    /// The same, once it is known who the person is.
    pub(super) fn recognised(self, keys: &Keys, login_id: &str, now: DateTime<Utc>) -> Self {
        Self {
            known: recognise(keys, login_id, &self.cookie, now),
            ..self
        }
    }
}

/// The cookie of a browser that this person has just logged in with.
#[must_use]
pub fn remember(keys: &Keys, login_id: &str, cookie: &str, now: DateTime<Utc>) -> Option<String> {
    let login_id = LoginId::parse(login_id).ok()?;
    let mut all = entries(cookie);
    let known = all
        .iter()
        .find_map(|entry| id_of(keys, &login_id, entry, now));
    all.retain(|entry| id_of(keys, &login_id, entry, now).is_none());
    let id = known.unwrap_or_else(Uuid::now_v7);
    let mut entry = id.as_bytes().to_vec();
    entry.extend_from_slice(&now.timestamp().to_be_bytes());
    let mac = keys.mac(PURPOSE, &message(&login_id, &entry));
    entry.extend_from_slice(&mac);
    all.insert(0, entry);
    all.truncate(PEOPLE);
    let texts: Vec<String> = all.iter().map(|e| URL_SAFE_NO_PAD.encode(e)).collect();
    Some(texts.join("."))
}

/// Tells a person of a log-in with a browser that was not used before: it has
/// no cookie, and its address and name are new too, so that a script which logs
/// in each hour is told of once. Their first log-in is no news.
pub(super) async fn tell_if_new(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    user_id: UserId,
    device: &Device,
    user_agent: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if device.known.is_some() {
        return Ok(());
    }
    let of_person = || {
        session::table
            .filter(session::tenant_id.eq(tenant))
            .filter(session::user_id.eq(user_id))
    };
    let ip = device.ip.map(IpNet::from);
    let from_there = of_person()
        .filter(session::user_agent.eq(user_agent))
        .filter(session::ip.is_not_distinct_from(ip));
    let came_before: bool = diesel::select(exists(of_person())).get_result(tx).await?;
    let known_place: bool = diesel::select(exists(from_there)).get_result(tx).await?;
    if !came_before || known_place {
        return Ok(());
    }
    let params = json!({ "user_agent": user_agent });
    notify(tx, tenant, user_id, Kind::NewDevice, device.ip, params, now).await
}

/// A notice of something that was done to an account just now.
pub(crate) async fn notify(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    user_id: UserId,
    kind: Kind,
    ip: Option<std::net::IpAddr>,
    mut params: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let person = user::find(tx, tenant, user_id).await?;
    params["login_id"] = json!(person.login_id);
    params["at"] = json!(now);
    params["time_zone"] = json!(tenant::find(tx, tenant).await?.time_zone);
    params["ip"] = json!(ip.map(|ip| ip.to_canonical().to_string()));
    system_mail::enqueue(tx, tenant, user_id, kind, params, now).await
}

/// Tells a person that their password was changed.
pub(crate) async fn tell_password_changed(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    user_id: UserId,
    now: DateTime<Utc>,
) -> Result<()> {
    let kind = Kind::PasswordChanged;
    notify(tx, actor.tenant_id, user_id, kind, actor.ip, json!({}), now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_to_whom_it_logged_in_and_to_nobody_else() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        let now: DateTime<Utc> = "2026-11-27T09:00:00Z".parse().unwrap();
        let cookie = remember(&keys, "Taro", "", now).unwrap();
        let id = recognise(&keys, "taro", &cookie, now).expect("known");
        assert_eq!(recognise(&keys, "jiro", &cookie, now), None);
        let both = remember(&keys, "jiro", &cookie, now).unwrap();
        assert_eq!(recognise(&keys, "taro", &both, now), Some(id));
        assert!(recognise(&keys, "jiro", &both, now).is_some());
        let later = remember(&keys, "taro", &both, now + TimeDelta::days(100)).unwrap();
        assert_eq!(
            recognise(&keys, "taro", &later, now + TimeDelta::days(279)),
            Some(id),
            "each log-in begins the time anew"
        );
        assert_eq!(recognise(&keys, "taro", &cookie, now + REMEMBERED), None);
        let other = Keys::from_master(&[8; 32]).unwrap();
        assert_eq!(recognise(&other, "taro", &cookie, now), None);
        for hostile in ["", "....", &"A".repeat(100_000)] {
            assert_eq!(recognise(&keys, "taro", hostile, now), None);
        }
    }

    #[test]
    fn the_cookie_stays_small() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        let now: DateTime<Utc> = "2026-11-27T09:00:00Z".parse().unwrap();
        let mut cookie = String::new();
        for i in 0..20 {
            cookie = remember(&keys, &format!("person-{i}"), &cookie, now).unwrap();
        }
        assert!(cookie.len() < 400, "{}", cookie.len());
        assert!(recognise(&keys, "person-19", &cookie, now).is_some());
        assert!(recognise(&keys, "person-0", &cookie, now).is_none());
    }
}
