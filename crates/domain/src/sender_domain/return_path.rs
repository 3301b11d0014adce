//! The return path under the sender's own domain: a CNAME to the installation's
//! bounce domain, so that SPF is checked for a domain that is aligned with From
//! (RFC 9989, relaxed). Mails have it only while the last check saw that record:
//! otherwise what comes back would be lost.

use super::dkim::Checked;
use super::{SenderDomain, lineage, load_one, note, queries};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{SenderDomainId, TenantId};

/// Name of a return path.
#[must_use]
pub fn host(label: &str, domain: &str) -> String {
    format!("{label}.{domain}")
}

/// Gives the return path of a domain of version `version` another name, which has
/// to be checked anew.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Invalid`].
pub async fn rename(
    db: &Db,
    actor: &Actor,
    id: SenderDomainId,
    version: i32,
    label: &str,
) -> Result<SenderDomain> {
    actor.require(Permission::SettingsWrite)?;
    let label = parse(label)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = load_one(tx, tenant, id).await?;
        if host(&label, &before.domain).len() > 253 {
            return Err(malformed());
        }
        if !queries::set_return_path(tx, tenant, id, version, &label, now).await? {
            return Err(DomainError::Stale);
        }
        let after = load_one(tx, tenant, id).await?;
        note(
            tx,
            actor,
            "sender_domain.updated",
            Some(&before),
            Some(&after),
        )
        .await?;
        Ok(after)
    })
    .await
}

fn parse(text: &str) -> Result<String> {
    let label = text.trim().to_ascii_lowercase();
    let is_good = (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_good { Ok(label) } else { Err(malformed()) }
}

fn malformed() -> DomainError {
    DomainError::invalid(
        "/return_path_label",
        "malformed",
        "must be what stands before the domain, of letters, digits and hyphens, for example bounce",
    )
}

/// Where mails from `domain` come back to: the verified name of the domain itself
/// or of the nearest above it. `None`: the installation's. For the mailer.
///
/// # Errors
/// When the database does.
pub async fn verified(db: &Db, tenant: TenantId, domain: &str) -> Result<Option<String>> {
    let domain = domain.to_ascii_lowercase();
    let candidates = lineage(&domain);
    let found = db
        .tenant(tenant, async |tx| {
            queries::return_paths(tx, tenant, &candidates).await
        })
        .await?;
    let nearest = candidates
        .iter()
        .find_map(|domain| found.iter().find(|(own, ..)| own == domain));
    Ok(nearest
        .filter(|(_, _, state)| state == Checked::Ok.as_str())
        .map(|(domain, label, _)| host(label, domain)))
}

/// Whether what comes to this name is for the tenant: it lies under a domain of
/// theirs. Its present name is not asked for, since mails that went out with an
/// earlier one may still come back.
///
/// # Errors
/// When the database does.
pub async fn takes(db: &Db, tenant: TenantId, name: &str) -> Result<bool> {
    let name = name.to_ascii_lowercase();
    let above: Vec<&str> = lineage(&name).into_iter().skip(1).collect();
    let found = db
        .tenant(tenant, async |tx| {
            queries::return_paths(tx, tenant, &above).await
        })
        .await?;
    Ok(!found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_label() {
        assert_eq!(parse(" Bounce-1 ").unwrap(), "bounce-1");
        for bad in [
            "",
            "-a",
            "a-",
            "a.b",
            "a_b",
            "\u{3042}",
            "a b",
            &"a".repeat(64),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
