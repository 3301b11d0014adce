//! SQL of blocks.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Block, BlockChange, NewBlock};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{BlockId, TenantId, UserId};
use crate::schema::block;

pub(super) async fn list(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Vec<Block>> {
    Ok(block::table
        .filter(block::tenant_id.eq(tenant))
        .select(Block::as_select())
        .order(block::key)
        .load(tx)
        .await?)
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: BlockId,
) -> Result<Block> {
    block::table
        .find((tenant, id))
        .select(Block::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("block"))
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: BlockId,
    new: &NewBlock,
    by: Option<UserId>,
) -> Result<Block> {
    expect_unique(
        diesel::insert_into(block::table)
            .values((
                block::tenant_id.eq(tenant),
                block::id.eq(id),
                block::key.eq(&new.key),
                block::name.eq(new.name.trim()),
                block::text_part.eq(&new.text),
                block::html_part.eq(&new.html),
                block::updated_by.eq(by),
            ))
            .returning(Block::as_returning())
            .get_result(tx)
            .await,
        "block_tenant_id_key_key",
        || {
            DomainError::conflict(
                "key_taken",
                "another block has this key: choose another one",
            )
        },
    )
}

/// `None` when the version is not the current one.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: BlockId,
    version: i32,
    change: &BlockChange,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<Option<Block>> {
    Ok(diesel::update(
        block::table
            .find((tenant, id))
            .filter(block::version.eq(version)),
    )
    .set((
        change,
        block::version.eq(version + 1),
        block::updated_by.eq(by),
        block::updated_at.eq(now),
    ))
    .returning(Block::as_returning())
    .get_result(tx)
    .await
    .optional()?)
}

/// Whether it was there in that version.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: BlockId,
    version: i32,
) -> Result<bool> {
    Ok(diesel::delete(
        block::table
            .find((tenant, id))
            .filter(block::version.eq(version)),
    )
    .execute(tx)
    .await?
        == 1)
}
