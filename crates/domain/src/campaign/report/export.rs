//! The report as a CSV file, one row a person, read and written piece by piece:
//! a million rows take no more memory than a thousand.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;

use super::find;
use super::words::Language;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::CampaignRow;
use crate::contact::csv;
use crate::db::Db;
use crate::delivery::read;
use crate::error::Result;
use crate::ids::{CampaignId, DeliveryId};
use crate::{tenant, user};

/// Rows of a piece: each is read in a transaction of its own, so that a slow
/// reader holds none open.
const PIECE: i64 = 2_000;
/// So that Excel takes the file for UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A file that is being written.
pub struct Export {
    db: Db,
    actor: Actor,
    campaign: CampaignRow,
    zone: Tz,
    language: Language,
    place: Place,
}

/// How far the file has come.
enum Place {
    Headings,
    After(DeliveryId),
    End,
}

/// Begins the file, and notes in the audit log who took it.
///
/// # Errors
/// Forbidden without `reports.export` (the file holds everybody's address) or `reports.read`; not found.
pub async fn open(db: &Db, actor: &Actor, id: CampaignId) -> Result<Export> {
    actor.require(Permission::ReportsExport)?;
    actor.require(Permission::ReportsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let campaign = find(tx, tenant, id).await?;
        actor.require_step_up()?;
        let settings = tenant::find(tx, tenant).await?;
        let locale = match actor.user_id {
            Some(user) => user::find(tx, tenant, user).await?.locale,
            None => settings.locale,
        };
        let entry = audit::Entry {
            action: "campaign.report_exported",
            subject_kind: "campaign",
            subject_id: Some(id.0),
            after: Some(json!({ "name": campaign.name })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(Export {
            db: db.clone(),
            actor: actor.clone(),
            campaign,
            zone: settings.time_zone.parse().unwrap_or(Tz::Asia__Tokyo),
            language: Language::of(&locale),
            place: Place::Headings,
        })
    })
    .await
}

impl Export {
    /// The next piece of the file; `None` after the last.
    ///
    /// # Errors
    /// When the database does.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self.place {
            Place::Headings => {
                self.place = Place::After(DeliveryId(uuid::Uuid::nil()));
                let mut piece = BOM.to_vec();
                piece.extend(write([self.language.headings().map(str::to_owned)]));
                Ok(Some(piece))
            }
            Place::After(after) => {
                let (tenant, campaign) = (self.actor.tenant_id, &self.campaign);
                let rows = self
                    .db
                    .tenant(tenant, async |tx| {
                        read::rows_of(tx, tenant, campaign, after, PIECE).await
                    })
                    .await?;
                let Some(last) = rows.last().map(|(row, _)| row.id) else {
                    self.place = Place::End;
                    return Ok(None);
                };
                self.place = Place::After(last);
                Ok(Some(write(
                    rows.into_iter().map(|(row, name)| self.cells(row, name)),
                )))
            }
            Place::End => Ok(None),
        }
    }

    fn cells(&self, row: read::Row, name: Option<String>) -> [String; 16] {
        let time = |at: Option<DateTime<Utc>>| {
            at.map_or_else(String::new, |at| {
                at.with_timezone(&self.zone)
                    .format("%Y-%m-%d %H:%M:%S")
                    .to_string()
            })
        };
        let number = |n: Option<i16>| n.map_or_else(String::new, |n| n.to_string());
        [
            row.address,
            name.unwrap_or_default(),
            self.language.state(row.state).to_owned(),
            row.reason
                .map_or_else(String::new, |code| self.language.reason(&code).to_owned()),
            row.site.unwrap_or_default(),
            row.attempts.to_string(),
            time(row.accepted_at),
            time(row.opened_at),
            time(row.clicked_at),
            time(row.cancelled_at),
            time(row.due_at),
            number(row.reply_code),
            row.reply_enhanced.unwrap_or_default(),
            row.reply_text.unwrap_or_default(),
            row.reply_host.unwrap_or_default(),
            row.message_id.unwrap_or_default(),
        ]
    }
}

/// RFC 4180, every cell harmless in a spreadsheet.
fn write(rows: impl IntoIterator<Item = [String; 16]>) -> Vec<u8> {
    let mut out = String::new();
    for row in rows {
        csv::push_row(&mut out, ',', row);
    }
    out.into_bytes()
}
