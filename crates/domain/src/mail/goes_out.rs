//! What goes out without another question: the mails of what is scheduled,
//! active or turned on. They go out as they stand then, so that who changes
//! their content has to be allowed to send; "may edit but not send" would
//! otherwise be a right to send something else.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::actor::{Actor, Permission};
use crate::error::{DomainError, Result};
use crate::ids::MailId;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Mails whose current content goes out. A date mail that is active has its next
/// day among the campaigns. $1 tenant.
const BY_ITSELF: &str = "
    SELECT c.mail_id FROM campaign c WHERE c.tenant_id = $1 AND c.state = 'scheduled'
    UNION ALL
    SELECT v.mail_id FROM campaign c JOIN campaign_variant v ON v.tenant_id = c.tenant_id AND v.campaign_id = c.id
    WHERE c.tenant_id = $1 AND c.state = 'scheduled'
    UNION ALL
    SELECT p.mail_id FROM sequence s JOIN sequence_step p ON p.tenant_id = s.tenant_id AND p.sequence_id = s.id
    WHERE s.tenant_id = $1 AND s.state IN ('active', 'paused', 'finished') AND p.removed_at IS NULL
    UNION ALL
    SELECT a.mail_id FROM signup_address a WHERE a.tenant_id = $1 AND a.enabled";

fn refusal(what: &str) -> DomainError {
    DomainError::Refused {
        code: "goes_out",
        detail: format!(
            "{what} goes out by itself (scheduled, step mail, date mail or sign-up address): who changes it needs \
             campaigns.send; copy it, or have it taken off first"
        ),
    }
}

/// # Errors
/// [`DomainError::Refused`] for a mail that goes out by itself, unless the actor may send.
#[expect(
    clippy::disallowed_methods,
    reason = "one look over four tables; only fixed text is put together"
)]
pub(super) async fn require_send(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    mail: MailId,
) -> Result<()> {
    if actor.permissions.contains(&Permission::CampaignsSend) {
        return Ok(());
    }
    let sql = format!(
        "SELECT $2 IN (SELECT g.mail_id FROM ({BY_ITSELF}) g WHERE g.mail_id IS NOT NULL) AS found"
    );
    let goes: Found = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(actor.tenant_id)
        .bind::<SqlUuid, _>(mail)
        .get_result(tx)
        .await?;
    if goes.found {
        return Err(refusal("this mail"));
    }
    Ok(())
}

/// The same for a shared block, under the keys by which it may be called (its
/// own, and those of blocks that it is in). Blocks are read while mails go
/// out, so that what is on its way counts too. A key may be written with
/// character references in HTML: where there are some, it may be called.
///
/// # Errors
/// [`DomainError::Refused`] for a block in a mail that goes out, unless the actor may send.
#[expect(
    clippy::disallowed_methods,
    reason = "one look over five tables; only fixed text is put together"
)]
pub(crate) async fn require_send_for_block(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    keys: &[&str],
) -> Result<()> {
    if actor.permissions.contains(&Permission::CampaignsSend) {
        return Ok(());
    }
    let sql = format!(
        "WITH going AS (
            SELECT g.mail_id, m.number FROM ({BY_ITSELF}) g JOIN mail m ON m.tenant_id = $1 AND m.id = g.mail_id
            UNION
            SELECT c.mail_id, c.mail_number FROM campaign c
            WHERE c.tenant_id = $1 AND c.state IN ('preparing', 'sending', 'paused')
            UNION
            SELECT v.mail_id, v.mail_number FROM campaign c
            JOIN campaign_variant v ON v.tenant_id = c.tenant_id AND v.campaign_id = c.id
            WHERE c.tenant_id = $1 AND c.state IN ('preparing', 'sending', 'paused'))
         SELECT EXISTS (
            SELECT FROM going g JOIN mail_version v ON v.tenant_id = $1 AND v.mail_id = g.mail_id AND v.number = g.number
            WHERE v.html_part ~ '&#|&lowbar' OR EXISTS (
                SELECT FROM unnest($2) k WHERE strpos(v.text_part, k) > 0 OR strpos(v.html_part, k) > 0)) AS found"
    );
    let goes: Found = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(actor.tenant_id)
        .bind::<Array<Text>, _>(keys)
        .get_result(tx)
        .await?;
    if goes.found {
        return Err(refusal("a mail with this block"));
    }
    Ok(())
}
