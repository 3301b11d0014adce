//! Logging staff in, always in two steps: the password opens nothing but a
//! ticket, and the ticket with a code of the authenticator app opens the
//! session. At the first log-in, with the one-time password of the command
//! line, the second step sets the app and a password of one's own up.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use secrecy::SecretString;

use super::reseal::{nobody, place};
use super::session::{self, ABSOLUTE_LIFETIME, LoggedIn};
use super::token::{Opaque, OperatorTokens};
use super::{Operator, ended, journal, refused, wrong_credentials};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::factor::code::{self, Enrolment};
use crate::ids::{OperatorId, OperatorSessionId};
use crate::schema::{operator_account, operator_session};
use crate::secret::{self, Keys};
use crate::session::Device;
use crate::session::password::policy::{self, Policy};
use crate::session::password::{Hasher, Who};
use crate::session::throttle;
use crate::user::LoginId;

/// How long a ticket waits for its code.
const TICKET: TimeDelta = TimeDelta::minutes(10);
/// Wrong codes after which a ticket is void.
const MOST_FAILURES: i16 = 5;
/// Stands in the app beside the code.
const ISSUER: &str = "Kikubari operator";

/// What the password led to.
#[derive(Debug)]
pub enum Step {
    /// Now the code of the app.
    Code { ticket: SecretString },
    /// Now a password of one's own, and the first code of an app that was given this seed.
    Setup {
        ticket: SecretString,
        enrolment: Enrolment,
    },
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = operator_account)]
struct Known {
    id: OperatorId,
    name: String,
    login_id: String,
    password_hash: String,
    one_time_until: Option<DateTime<Utc>>,
    factor_sealed: Option<Vec<u8>>,
    factor_step: Option<i64>,
    disabled_at: Option<DateTime<Utc>>,
}

impl Known {
    fn may_log_in(&self, now: DateTime<Utc>) -> bool {
        self.disabled_at.is_none() && self.one_time_until.is_none_or(|until| now < until)
    }

    fn wants_setup(&self) -> bool {
        self.one_time_until.is_some() || self.factor_sealed.is_none()
    }
}

/// The first step. An unknown id, a wrong password, a disabled person and a
/// one-time password that is over answer alike, after the same work.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::TooManyRequests`], [`DomainError::Overloaded`].
pub async fn begin(
    db: &Db,
    hasher: &Hasher,
    keys: &Keys,
    login_id: &str,
    secret: SecretString,
    device: Device,
    request_id: Option<String>,
) -> Result<Step> {
    // Before anything of the person is looked at: in a storm everybody hears the same.
    let turn = hasher.enter(Who::Stranger)?;
    let login_id = LoginId::parse(login_id).ok();
    let name = login_id.as_ref().map_or("", LoginId::as_str);
    let lanes = throttle::Lanes::staff(name, device.ip);
    throttle::reserve(db, &lanes).await?;
    let now = db.now();
    let known: Option<Known> = db
        .system(async |tx| {
            Ok(operator_account::table
                .filter(operator_account::login_id.eq(name))
                .select(Known::as_select())
                .first(tx)
                .await
                .optional()?)
        })
        .await?;
    let stored = known.as_ref().map(|known| known.password_hash.clone());
    let right = turn.verify(secret, stored).await?;
    drop(turn);
    let known = match known {
        Some(known) if right && known.may_log_in(now) => known,
        known => {
            note_refusal(db, known.as_ref(), right, device.ip, request_id).await?;
            return Err(wrong_credentials());
        }
    };
    throttle::release(db, &lanes).await?;
    open_ticket(db, keys, &known, device).await
}

/// Of an account that is there, why; who tried is not known, but from where.
async fn note_refusal(
    db: &Db,
    known: Option<&Known>,
    password_was_right: bool,
    ip: Option<IpAddr>,
    request_id: Option<String>,
) -> Result<()> {
    let reason = match known {
        Some(known) if password_was_right && known.disabled_at.is_some() => "disabled",
        Some(_) if password_was_right => "one_time_password_over",
        _ => "wrong_password",
    };
    let as_if = Operator {
        id: known.map(|known| known.id),
        session: None,
        name: known.map(|known| known.name.clone()).unwrap_or_default(),
        ip,
        request_id,
    };
    db.system(async |tx| refused::note(tx, &as_if, refused::LOG_IN, reason).await)
        .await
}

async fn open_ticket(db: &Db, keys: &Keys, known: &Known, device: Device) -> Result<Step> {
    let now = db.now();
    let id = OperatorSessionId::new();
    let ticket = Opaque::new(id);
    let seed = known.wants_setup().then(secret::random::<{ code::SEED }>);
    let sealed = match &seed {
        Some(seed) => Some(keys.seal(nobody(), &place(known.id), seed)?),
        None => None,
    };
    let agent: String = device
        .user_agent
        .chars()
        .filter(|c| !c.is_control())
        .take(400)
        .collect();
    db.system(async |tx| {
        diesel::insert_into(operator_session::table)
            .values((
                operator_session::id.eq(id),
                operator_session::operator_id.eq(known.id),
                operator_session::stage.eq(if sealed.is_some() { "setup" } else { "code" }),
                operator_session::token_hash.eq(ticket.hash()),
                operator_session::rotated_at.eq(now),
                operator_session::seed_sealed.eq(sealed),
                operator_session::user_agent.eq(agent),
                operator_session::ip.eq(device.ip.map(IpNet::from)),
                operator_session::created_at.eq(now),
                operator_session::last_active_at.eq(now),
                operator_session::expires_at.eq(now + TICKET),
            ))
            .execute(tx)
            .await?;
        Ok(())
    })
    .await?;
    let ticket = ticket.encode();
    Ok(match seed {
        None => Step::Code { ticket },
        Some(seed) => Step::Setup {
            ticket,
            enrolment: Enrolment::of(&seed, ISSUER, &known.login_id),
        },
    })
}

/// What a person brings to the second step.
#[derive(Debug)]
pub struct Second {
    pub ticket: String,
    pub code: String,
    /// For the set-up: the password that is to replace the one-time one.
    pub new_password: Option<SecretString>,
    pub device: Device,
    pub request_id: Option<String>,
}

/// The second step: opens the session. A code counts once.
///
/// # Errors
/// [`DomainError::Unauthenticated`] for a wrong code or a void ticket, [`DomainError::Invalid`] for the new password,
/// [`DomainError::TooManyRequests`].
pub async fn finish(
    db: &Db,
    hasher: &Hasher,
    keys: &Keys,
    tokens: &OperatorTokens,
    second: Second,
) -> Result<LoggedIn> {
    let ticket = Opaque::decode(&second.ticket).ok_or_else(ended)?;
    let now = db.now();
    let Some(known) = db
        .system(async |tx| Ok(waiting(tx, &ticket, now).await?.map(|(.., known)| known)))
        .await?
    else {
        return Err(ended());
    };
    let hash = match &second.new_password {
        None if known.wants_setup() => {
            let detail = "choose a password of your own";
            return Err(DomainError::invalid("/new_password", "required", detail));
        }
        None => None,
        Some(new) => Some(own_password(hasher, &known, new).await?),
    };
    let lanes = throttle::Lanes::staff_code(known.id);
    throttle::reserve(db, &lanes).await?;
    // A wrong code must be counted, so the refusal is a value here.
    let opened = db
        .system(async |tx| {
            let Some((stage, seed, known)) = waiting(tx, &ticket, now).await? else {
                return Ok(Err(ended()));
            };
            let is_setup = stage == "setup";
            let sealed = if is_setup {
                seed
            } else {
                known.factor_sealed.clone()
            };
            let sealed = sealed.ok_or_else(ended)?;
            let plain = keys.open(nobody(), &place(known.id), &sealed)?;
            let last = known.factor_step.filter(|_| !is_setup);
            let step = code::step(plain, &second.code, now)?
                .filter(|step| last.is_none_or(|last| *step > last));
            let operator = Operator {
                id: Some(known.id),
                session: Some(ticket.session),
                name: known.name.clone(),
                ip: second.device.ip,
                request_id: second.request_id.clone(),
            };
            let Some(step) = step else {
                count_failure(tx, ticket.session).await?;
                refused::note(tx, &operator, refused::CODE, "wrong_code").await?;
                return Ok(Err(wrong_code()));
            };
            if is_setup {
                let hash = hash.as_deref().ok_or_else(ended)?;
                set_up(tx, known.id, hash, &sealed).await?;
            }
            let cookie = enter(tx, &operator, known.id, ticket.session, step, now).await?;
            Ok(Ok((known, cookie)))
        })
        .await?;
    match opened {
        Ok((known, cookie)) => {
            throttle::release(db, &lanes).await?;
            session::answer(
                tokens,
                known.id,
                ticket.session,
                Some(cookie),
                known.name,
                now + ABSOLUTE_LIFETIME,
                now,
            )
        }
        Err(refusal) => Err(refusal),
    }
}

/// Checks the password that replaces the one-time one, and hashes it.
async fn own_password(hasher: &Hasher, known: &Known, new: &SecretString) -> Result<String> {
    let policy = Policy::usual(ISSUER).for_person(&known.login_id, &known.name, "");
    let turn = hasher.enter(Who::Known)?;
    policy::check(&turn, &policy, new, "/new_password").await?;
    // The one-time one is known to whoever made it.
    let former = vec![known.password_hash.clone()];
    if turn.is_one_of(new, former).await? {
        let detail = "is the one-time password: choose one that nobody else knows";
        return Err(DomainError::invalid("/new_password", "used_before", detail));
    }
    turn.hash(new.clone()).await
}

pub(super) const WRONG_CODE: &str =
    "the code is wrong, was used already, or is over: wait for the next one";

fn wrong_code() -> DomainError {
    DomainError::Unauthenticated {
        code: "wrong_code",
        detail: WRONG_CODE,
    }
}

type Waiting = (String, Option<Vec<u8>>, Known);

/// The ticket's session and its person, both locked: of two who come with one
/// code at the same moment the second finds it used.
async fn waiting(
    tx: &mut AsyncPgConnection,
    ticket: &Opaque,
    now: DateTime<Utc>,
) -> Result<Option<Waiting>> {
    let found: Option<(OperatorId, String, Option<Vec<u8>>)> = operator_session::table
        .find(ticket.session)
        .filter(operator_session::stage.ne("open"))
        .filter(operator_session::token_hash.eq(ticket.hash()))
        .filter(operator_session::ended_at.is_null())
        .filter(operator_session::expires_at.gt(now))
        .filter(operator_session::failures.lt(MOST_FAILURES))
        .select((
            operator_session::operator_id,
            operator_session::stage,
            operator_session::seed_sealed,
        ))
        .for_update()
        .first(tx)
        .await
        .optional()?;
    let Some((operator, stage, seed)) = found else {
        return Ok(None);
    };
    let known: Known = operator_account::table
        .find(operator)
        .select(Known::as_select())
        .for_update()
        .first(tx)
        .await?;
    let holds = known.may_log_in(now) && (stage == "setup") == known.wants_setup();
    Ok(holds.then_some((stage, seed, known)))
}

async fn count_failure(tx: &mut AsyncPgConnection, session: OperatorSessionId) -> Result<()> {
    diesel::update(operator_session::table.find(session))
        .set(operator_session::failures.eq(operator_session::failures + 1))
        .execute(tx)
        .await?;
    Ok(())
}

async fn set_up(
    tx: &mut AsyncPgConnection,
    id: OperatorId,
    hash: &str,
    sealed: &[u8],
) -> Result<()> {
    diesel::update(operator_account::table.find(id))
        .set((
            operator_account::password_hash.eq(hash),
            operator_account::factor_sealed.eq(sealed),
            operator_account::one_time_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Opens the session under a new token, so that the ticket is worth nothing more.
async fn enter(
    tx: &mut AsyncPgConnection,
    operator: &Operator,
    id: OperatorId,
    session: OperatorSessionId,
    step: i64,
    now: DateTime<Utc>,
) -> Result<SecretString> {
    let cookie = Opaque::new(session);
    diesel::update(operator_account::table.find(id))
        .set((
            operator_account::factor_step.eq(step),
            operator_account::last_login_at.eq(now),
        ))
        .execute(tx)
        .await?;
    diesel::update(operator_session::table.find(session))
        .set((
            operator_session::stage.eq("open"),
            operator_session::token_hash.eq(cookie.hash()),
            operator_session::seed_sealed.eq(None::<Vec<u8>>),
            operator_session::rotated_at.eq(now),
            operator_session::proven_at.eq(now),
            operator_session::last_active_at.eq(now),
            operator_session::expires_at.eq(now + ABSOLUTE_LIFETIME),
        ))
        .execute(tx)
        .await?;
    journal::record(tx, operator, "operator.logged_in", None, None).await?;
    Ok(cookie.encode())
}
