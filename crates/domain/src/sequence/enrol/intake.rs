//! An audience that comes into a sequence, chunk by chunk: everybody of a list,
//! or those whose day it is. The same SQL judges them as for a campaign.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::{Count, check_open};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::audience::Audience;
use crate::campaign::confirmation;
use crate::date_mail::day::{DateMatch, begins};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, SequenceId, SequenceIntakeId, TenantId};
use crate::schema::sequence_intake;
use crate::sequence::people::Source;
use crate::sequence::row::Row;
use crate::sequence::{Entry, queries};

/// Intakes that are shown, and most that wait at a time.
const SHOWN: i64 = 50;
const MOST_OPEN: i64 = 10;

/// An audience on its way in.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sequence_intake)]
pub struct Intake {
    pub id: SequenceIntakeId,
    audience: serde_json::Value,
    pub starts_at: DateTime<Utc>,
    /// Of a date field: the day whose people these are.
    pub on_day: Option<NaiveDate>,
    upto: Option<ContactId>,
    pub entered: i64,
    pub left_out: i64,
    /// When all were in.
    pub done_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Intake {
    /// # Errors
    /// When the row can't be read.
    pub fn audience(&self) -> Result<Audience> {
        serde_json::from_value(self.audience.clone()).map_err(DomainError::internal)
    }
}

/// How many would come in now, for the person to confirm.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for nobody and for lists that are not
/// there, [`DomainError::Conflict`] unless it is active or paused.
pub async fn count(db: &Db, actor: &Actor, id: SequenceId, audience: &Audience) -> Result<i64> {
    actor.require(Permission::CampaignsSend)?;
    check_chosen(audience)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let row = queries::find(tx, tenant, id).await?;
        audience.check(tx, tenant).await?;
        check_open(&row)?;
        newcomers(tx, tenant, &row, audience).await
    })
    .await
}

fn check_chosen(audience: &Audience) -> Result<()> {
    if audience.is_empty() {
        return Err(DomainError::invalid(
            "/audience",
            "required",
            "choose everybody or lists",
        ));
    }
    Ok(())
}

/// Those of an audience who get mails and are not inside, nor were once where
/// that is enough.
#[expect(
    clippy::disallowed_methods,
    reason = "the judging CTEs; only fixed text is put together"
)]
async fn newcomers(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: &Row,
    audience: &Audience,
) -> Result<i64> {
    let sql = format!(
        "WITH {} SELECT count(*) AS n FROM judged j
         WHERE j.reason IS NULL AND NOT EXISTS (
            SELECT FROM sequence_enrolment e WHERE e.tenant_id = (SELECT $1) AND e.sequence_id = $4 AND e.contact_id = j.id
            AND (e.state = 'active' OR NOT $5))",
        audience.judged(false, None)
    );
    let count: Count = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(&audience.list_ids)
        .bind::<Array<SqlUuid>, _>(&audience.exclude_list_ids)
        .bind::<SqlUuid, _>(sequence.id)
        .bind::<Bool, _>(sequence.reenter)
        .get_result(tx)
        .await?;
    Ok(count.n)
}

/// Lets an audience in, of exactly as many people as the person confirmed. A
/// mailer does it, chunk by chunk.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up for many people, [`DomainError::NotFound`],
/// [`DomainError::Invalid`] for nobody and for lists that are not there, [`DomainError::Conflict`] when the number is
/// another one by now (`people_changed`), unless it is active or paused, and for the 11th that waits.
pub async fn create(
    db: &Db,
    actor: &Actor,
    id: SequenceId,
    audience: &Audience,
    confirmed_people: i64,
) -> Result<Intake> {
    actor.require(Permission::CampaignsSend)?;
    check_chosen(audience)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let row = queries::lock(tx, tenant, id).await?;
        audience.check(tx, tenant).await?;
        check_open(&row)?;
        let open: i64 = sequence_intake::table
            .filter(sequence_intake::tenant_id.eq(tenant))
            .filter(sequence_intake::sequence_id.eq(id))
            .filter(sequence_intake::done_at.is_null())
            .count()
            .get_result(tx)
            .await?;
        if open >= MOST_OPEN {
            return Err(DomainError::conflict(
                "too_many",
                format!("{MOST_OPEN} audiences are on their way in: wait for one"),
            ));
        }
        let people = newcomers(tx, tenant, &row, audience).await?;
        if people != confirmed_people {
            return Err(DomainError::conflict(
                "people_changed",
                format!("{people} people would come in now, not {confirmed_people}: confirm the new number"),
            ));
        }
        confirmation::require_step_up(tx, actor, people).await?;
        let made = insert(tx, actor, id, audience, (now, None), now).await?;
        queries::wake(tx, tenant, id, now).await?;
        let entry = audit::Entry {
            action: "sequence.audience_entered",
            subject_kind: "sequence",
            subject_id: Some(id.0),
            after: Some(json!({ "audience": audience, "people": people })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        let intake = sequence_intake::table
            .find((tenant, made))
            .select(Intake::as_select());
        Ok(intake.first(tx).await?)
    })
    .await
}

/// The last audiences of a sequence, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn list(db: &Db, actor: &Actor, id: SequenceId) -> Result<Vec<Intake>> {
    actor.require(Permission::CampaignsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        queries::find(tx, tenant, id).await?;
        Ok(sequence_intake::table
            .filter(sequence_intake::tenant_id.eq(tenant))
            .filter(sequence_intake::sequence_id.eq(id))
            .order(sequence_intake::id.desc())
            .select(Intake::as_select())
            .limit(SHOWN)
            .load(tx)
            .await?)
    })
    .await
}

async fn insert(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    sequence: SequenceId,
    audience: &Audience,
    (starts_at, on_day): (DateTime<Utc>, Option<NaiveDate>),
    now: DateTime<Utc>,
) -> Result<SequenceIntakeId> {
    let id = SequenceIntakeId::new();
    diesel::insert_into(sequence_intake::table)
        .values((
            sequence_intake::tenant_id.eq(actor.tenant_id),
            sequence_intake::id.eq(id),
            sequence_intake::sequence_id.eq(sequence),
            sequence_intake::audience
                .eq(serde_json::to_value(audience).map_err(DomainError::internal)?),
            sequence_intake::starts_at.eq(starts_at),
            sequence_intake::on_day.eq(on_day),
            sequence_intake::created_by.eq(actor.user_id),
            sequence_intake::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(id)
}

/// Those whose date it is on `day`. A day comes in once (a unique index).
pub(in crate::sequence) async fn of_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: &Row,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<()> {
    let Entry::Date {
        field,
        offset_days,
        repeat,
    } = sequence.entry()
    else {
        return Ok(());
    };
    let audience = Audience {
        all: true,
        date: Some(DateMatch::on(day, offset_days, &field, repeat)),
        ..Audience::default()
    };
    let starts = begins(day, chrono::NaiveTime::MIN, sequence.zone());
    let actor = Actor::system(tenant);
    insert(tx, &actor, sequence.id, &audience, (starts, Some(day)), now).await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Came {
    #[diesel(sql_type = BigInt)]
    people: i64,
    #[diesel(sql_type = BigInt)]
    came: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last: Option<ContactId>,
}

/// The next chunk of the oldest audience on its way in; answers whether there
/// was one.
pub(in crate::sequence) async fn chunk(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: &Row,
    size: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let open: Option<Intake> = sequence_intake::table
        .filter(sequence_intake::tenant_id.eq(tenant))
        .filter(sequence_intake::sequence_id.eq(sequence.id))
        .filter(sequence_intake::done_at.is_null())
        .order(sequence_intake::id)
        .select(Intake::as_select())
        .first(tx)
        .await
        .optional()?;
    let Some(intake) = open else {
        return Ok(false);
    };
    let came = enter(tx, tenant, sequence, &intake, size, now).await?;
    diesel::update(sequence_intake::table.find((tenant, intake.id)))
        .set((
            sequence_intake::upto.eq(came.last.or(intake.upto)),
            sequence_intake::entered.eq(intake.entered + came.came),
            sequence_intake::left_out.eq(intake.left_out + came.people - came.came),
            sequence_intake::done_at.eq((came.people < size).then_some(now)),
        ))
        .execute(tx)
        .await?;
    Ok(true)
}

#[expect(
    clippy::disallowed_methods,
    reason = "INSERT … SELECT from the judging CTEs; only fixed text is put together"
)]
async fn enter(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: &Row,
    intake: &Intake,
    size: i64,
    now: DateTime<Utc>,
) -> Result<Came> {
    let audience = intake.audience()?;
    let source = match intake.on_day {
        Some(_) => Source::Date,
        None => Source::Audience,
    };
    let sql = format!(
        "WITH {},
         came AS (
            INSERT INTO sequence_enrolment (tenant_id, id, sequence_id, contact_id, round, source, starts_at, base_at, due_at, created_at)
            SELECT $1, gen_random_uuid(), $6, j.id, coalesce(p.last + 1, 0), $7, $8, $8, $9, $9
            FROM judged j
            LEFT JOIN LATERAL (SELECT max(e.round) AS last FROM sequence_enrolment e
                               WHERE e.tenant_id = (SELECT $1) AND e.sequence_id = $6 AND e.contact_id = j.id) p ON true
            WHERE j.reason IS NULL AND (p.last IS NULL OR $10)
            ON CONFLICT DO NOTHING RETURNING 1)
         SELECT (SELECT count(*) FROM people) AS people, (SELECT count(*) FROM came) AS came,
                (SELECT id FROM people ORDER BY id DESC LIMIT 1) AS last",
        audience.judged(true, None)
    );
    Ok(diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(&audience.list_ids)
        .bind::<Array<SqlUuid>, _>(&audience.exclude_list_ids)
        .bind::<SqlUuid, _>(intake.upto.unwrap_or(ContactId(Uuid::nil())))
        .bind::<BigInt, _>(size)
        .bind::<SqlUuid, _>(sequence.id)
        .bind::<Text, _>(source.as_str())
        .bind::<Timestamptz, _>(intake.starts_at)
        .bind::<Timestamptz, _>(now)
        .bind::<Bool, _>(sequence.reenter)
        .get_result(tx)
        .await?)
}
