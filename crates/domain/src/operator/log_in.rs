//! Logging staff in, always in two steps: the password opens nothing but a
//! ticket, and the ticket with a code of the authenticator app opens the
//! session. At the first log-in, with the one-time password of the command
//! line, the second step sets the app and a password of one's own up.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use secrecy::SecretString;
use uuid::Uuid;

use super::session::{self, ABSOLUTE_LIFETIME, LoggedIn};
use super::token::{Opaque, OperatorTokens};
use super::{Operator, ended, journal, totp, wrong_credentials};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{OperatorId, OperatorSessionId, TenantId};
use crate::schema::{operator_account, operator_session};
use crate::secret::{self, Keys};
use crate::session::Device;
use crate::session::password::{self, Hasher};
use crate::session::throttle;
use crate::user::LoginId;

/// How long a ticket waits for its code.
const TICKET: TimeDelta = TimeDelta::minutes(10);
/// Wrong codes after which a ticket is void.
const MOST_FAILURES: i16 = 5;

/// What the password led to.
#[derive(Debug)]
pub enum Step {
    /// Now the code of the app.
    Code { ticket: SecretString },
    /// Now a password of one's own, and the first code of an app that was given this seed.
    Setup {
        ticket: SecretString,
        /// For typing, in base32.
        secret: SecretString,
        /// For a QR code.
        uri: SecretString,
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
    factor: Option<Vec<u8>>,
    factor_step: Option<i64>,
    disabled_at: Option<DateTime<Utc>>,
}

impl Known {
    fn may_log_in(&self, now: DateTime<Utc>) -> bool {
        self.disabled_at.is_none() && self.one_time_until.is_none_or(|until| now < until)
    }

    fn wants_setup(&self) -> bool {
        self.one_time_until.is_some() || self.factor.is_none()
    }
}

/// Staff are of no tenant; the nil id keeps what is sealed apart from all of them.
fn nobody() -> TenantId {
    TenantId(Uuid::nil())
}

fn place(id: OperatorId) -> String {
    format!("operator.factor:{id}")
}

/// The first step. An unknown id, a wrong password, a disabled person and a
/// one-time password that is over answer alike, after the same work.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::TooManyRequests`].
pub async fn begin(
    db: &Db,
    hasher: &Hasher,
    keys: &Keys,
    login_id: &str,
    secret: SecretString,
    device: Device,
) -> Result<Step> {
    let login_id = LoginId::parse(login_id).ok();
    let name = login_id.as_ref().map_or("", LoginId::as_str);
    let counters = throttle::Counters::of(&format!("operator {name}"), device.ip);
    throttle::check(db, &counters).await?;
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
    let right = hasher.verify(secret, stored).await?;
    let Some(known) = known.filter(|known| right && known.may_log_in(now)) else {
        throttle::note_failure(db, &counters).await?;
        return Err(wrong_credentials());
    };
    throttle::note_success(db, &counters).await?;
    open_ticket(db, keys, &known, device).await
}

async fn open_ticket(db: &Db, keys: &Keys, known: &Known, device: Device) -> Result<Step> {
    let now = db.now();
    let id = OperatorSessionId::new();
    let ticket = Opaque::new(id);
    let seed = known.wants_setup().then(secret::random::<{ totp::SEED }>);
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
                operator_session::seed.eq(sealed),
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
        Some(seed) => {
            let secret = totp::base32(&seed);
            let uri = format!(
                "otpauth://totp/Kikubari%20operator:{}?secret={secret}&issuer=Kikubari%20operator",
                known.login_id.replace('@', "%40").replace('+', "%2B")
            );
            Step::Setup {
                ticket,
                secret: secret.into(),
                uri: uri.into(),
            }
        }
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
    let counters = throttle::Counters::of("operator code", second.device.ip);
    throttle::check(db, &counters).await?;
    let hash = match second.new_password.clone() {
        None => None,
        Some(new) => {
            password::check(&new)
                .map_err(|e| DomainError::invalid("/new_password", e.code, e.detail))?;
            Some(hasher.hash(new).await?)
        }
    };
    let now = db.now();
    // A wrong code must be counted, so the refusal is a value here.
    let opened = db
        .system(async |tx| {
            let Some((stage, seed, known)) = waiting(tx, &ticket, now).await? else {
                return Ok(Err(ended()));
            };
            let is_setup = stage == "setup";
            if is_setup && hash.is_none() {
                let detail = "choose a password of your own";
                return Err(DomainError::invalid("/new_password", "required", detail));
            }
            let sealed = if is_setup { seed } else { known.factor.clone() };
            let sealed = sealed.ok_or_else(ended)?;
            let plain = keys.open(nobody(), &place(known.id), &sealed)?;
            let last = known.factor_step.filter(|_| !is_setup);
            let step = totp::step(&plain, &second.code, now)
                .filter(|step| last.is_none_or(|last| *step > last));
            let Some(step) = step else {
                count_failure(tx, ticket.session).await?;
                return Ok(Err(wrong_code()));
            };
            if is_setup {
                set_up(tx, known.id, hash.as_deref(), &sealed).await?;
            }
            let operator = Operator {
                id: Some(known.id),
                session: Some(ticket.session),
                name: known.name.clone(),
                ip: second.device.ip,
                request_id: second.request_id.clone(),
            };
            let cookie = enter(tx, &operator, known.id, ticket.session, step, now).await?;
            Ok(Ok((known, cookie)))
        })
        .await?;
    match opened {
        Ok((known, cookie)) => {
            throttle::note_success(db, &counters).await?;
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
        Err(refusal) => {
            throttle::note_failure(db, &counters).await?;
            Err(refusal)
        }
    }
}

fn wrong_code() -> DomainError {
    DomainError::Unauthenticated {
        code: "wrong_code",
        detail: "the code is wrong, was used already, or is over: wait for the next one",
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
            operator_session::seed,
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
    hash: Option<&str>,
    sealed: &[u8],
) -> Result<()> {
    diesel::update(operator_account::table.find(id))
        .set((
            hash.map(|hash| operator_account::password_hash.eq(hash)),
            operator_account::factor.eq(sealed),
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
            operator_session::seed.eq(None::<Vec<u8>>),
            operator_session::rotated_at.eq(now),
            operator_session::last_active_at.eq(now),
            operator_session::expires_at.eq(now + ABSOLUTE_LIFETIME),
        ))
        .execute(tx)
        .await?;
    journal::record(tx, operator, "operator.logged_in", None, None).await?;
    Ok(cookie.encode())
}
