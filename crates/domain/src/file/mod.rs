//! Files: uploads and what jobs make, as bytes in the database, so that every
//! api process reaches them and a backup holds them. They are written and
//! read piece by piece, never held whole.

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::Stream;

use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{FileId, TenantId};
use crate::schema::{file, file_chunk};

/// Bytes of one row of `file_chunk`.
pub const CHUNK: usize = 1 << 20;
/// How long an upload may take; one that never ended is swept after it.
const UNFINISHED: TimeDelta = TimeDelta::hours(6);

/// A file without its bytes.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = file)]
pub struct StoredFile {
    pub id: FileId,
    pub name: String,
    pub content_type: String,
    pub size: i64,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Makes an empty file that [`append`] fills.
///
/// # Errors
/// When the database does.
pub(crate) async fn create(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    name: &str,
    content_type: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<FileId> {
    let id = FileId::new();
    diesel::insert_into(file::table)
        .values((
            file::tenant_id.eq(tenant),
            file::id.eq(id),
            file::name.eq(name),
            file::content_type.eq(content_type),
            file::created_at.eq(now),
            file::expires_at.eq(expires_at),
        ))
        .execute(tx)
        .await?;
    Ok(id)
}

/// Adds bytes at the end, as chunks from number `seq` on; answers the number
/// of the next one. In the transaction of what made the bytes, so that after a
/// crash the file holds exactly what the checkpoint says.
///
/// # Errors
/// When the database does.
pub(crate) async fn append(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: FileId,
    mut seq: i32,
    bytes: &[u8],
) -> Result<i32> {
    for data in bytes.chunks(CHUNK) {
        diesel::insert_into(file_chunk::table)
            .values((
                file_chunk::tenant_id.eq(tenant),
                file_chunk::file_id.eq(id),
                file_chunk::seq.eq(seq),
                file_chunk::data.eq(data),
            ))
            .execute(tx)
            .await?;
        seq += 1;
    }
    let grown = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    diesel::update(file::table.find((tenant, id)))
        .set(file::size.eq(file::size + grown))
        .execute(tx)
        .await?;
    Ok(seq)
}

/// The file, unless it expired.
///
/// # Errors
/// [`DomainError::NotFound`].
pub(crate) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: FileId,
    now: DateTime<Utc>,
) -> Result<StoredFile> {
    file::table
        .find((tenant, id))
        .filter(file::expires_at.is_null().or(file::expires_at.gt(now)))
        .select(StoredFile::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("file"))
}

/// Deletes a file with its bytes.
///
/// # Errors
/// When the database does.
pub(crate) async fn delete(tx: &mut AsyncPgConnection, tenant: TenantId, id: FileId) -> Result<()> {
    diesel::delete(file::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes up to `most` expired files; answers their ids.
///
/// # Errors
/// When the database does.
pub(crate) async fn delete_expired(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
    most: i64,
) -> Result<Vec<FileId>> {
    let ids: Vec<FileId> = file::table
        .filter(file::tenant_id.eq(tenant).and(file::expires_at.le(now)))
        .order(file::expires_at)
        .select(file::id)
        .limit(most)
        .for_update()
        .skip_locked()
        .load(tx)
        .await?;
    diesel::delete(file::table)
        .filter(file::tenant_id.eq(tenant).and(file::id.eq_any(&ids)))
        .execute(tx)
        .await?;
    Ok(ids)
}

/// One chunk; `None` behind the last.
///
/// # Errors
/// When the database does.
pub(crate) async fn chunk(
    db: &Db,
    tenant: TenantId,
    id: FileId,
    seq: i32,
) -> Result<Option<Vec<u8>>> {
    db.tenant(tenant, async |tx| {
        Ok(file_chunk::table
            .find((tenant, id, seq))
            .select(file_chunk::data)
            .first(tx)
            .await
            .optional()?)
    })
    .await
}

/// The bytes, one chunk after the other, each read when it is asked for: a
/// slow reader holds no connection.
pub fn read(db: Db, tenant: TenantId, id: FileId) -> impl Stream<Item = Result<Bytes>> + Send {
    async_stream::try_stream! {
        let mut seq = 0;
        while let Some(data) = chunk(&db, tenant, id, seq).await? {
            yield Bytes::from(data);
            seq += 1;
        }
    }
}

/// A file under way: takes pieces of any size, writes whole chunks, each in
/// a transaction of its own, since an upload lasts as long as its sender likes.
pub struct Writer {
    db: Db,
    tenant: TenantId,
    id: FileId,
    seq: i32,
    size: u64,
    limit: u64,
    rest: BytesMut,
}

impl Writer {
    /// Begins a file of at most `limit` bytes. Until [`Writer::finish`] it
    /// counts as abandoned, and is swept.
    ///
    /// # Errors
    /// When the database does.
    pub async fn begin(
        db: &Db,
        tenant: TenantId,
        name: &str,
        content_type: &str,
        limit: u64,
    ) -> Result<Self> {
        let now = db.now();
        let id = db
            .tenant(tenant, async |tx| {
                create(tx, tenant, name, content_type, now, now + UNFINISHED).await
            })
            .await?;
        Ok(Self {
            db: db.clone(),
            tenant,
            id,
            seq: 0,
            size: 0,
            limit,
            rest: BytesMut::new(),
        })
    }

    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// # Errors
    /// [`DomainError::TooLarge`] over the limit, or when the database does.
    pub async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(too_large(self.limit));
        }
        let mut piece = piece;
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(CHUNK - self.rest.len()));
            self.rest.extend_from_slice(now);
            piece = later;
            if self.rest.len() == CHUNK {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let (tenant, id, seq) = (self.tenant, self.id, self.seq);
        let data = self.rest.split();
        self.seq = self
            .db
            .tenant(tenant, async |tx| append(tx, tenant, id, seq, &data).await)
            .await?;
        Ok(())
    }

    /// Writes what is left; the file stays until `expires_at`.
    ///
    /// # Errors
    /// When the database does.
    pub async fn finish(mut self, expires_at: DateTime<Utc>) -> Result<StoredFile> {
        if !self.rest.is_empty() {
            self.flush().await?;
        }
        let (tenant, id) = (self.tenant, self.id);
        self.db
            .tenant(tenant, async |tx| {
                Ok(diesel::update(file::table.find((tenant, id)))
                    .set(file::expires_at.eq(expires_at))
                    .returning(StoredFile::as_returning())
                    .get_result(tx)
                    .await?)
            })
            .await
    }

    /// Takes back what was written.
    ///
    /// # Errors
    /// When the database does.
    pub async fn abandon(self) -> Result<()> {
        let (tenant, id) = (self.tenant, self.id);
        self.db
            .tenant(tenant, async |tx| delete(tx, tenant, id).await)
            .await
    }
}

/// The refusal of a file over the limit.
#[must_use]
pub fn too_large(limit: u64) -> DomainError {
    let megabytes = limit / (1024 * 1024);
    DomainError::TooLarge {
        detail: format!(
            "the file is over the limit of {megabytes} MB ({limit} bytes): split it into several"
        ),
    }
}
