//! What the mails of a campaign, or of one variant of it, are made from.

use std::sync::Arc;

use domain::contact::EmailAddress;
use domain::delivery::claim::Turn;
use domain::delivery::content::CampaignContent;
use domain::mail::content::Content;
use domain::mail::render::CompiledMail;
use domain::sender_domain;

use super::Desk;
use super::load::NotLoaded;
use crate::compose::Letterhead;
use crate::sign::Signer;

impl Desk {
    /// Compiles a mail whose links are numbered after `links_after`, and opens
    /// its domain's keys when anybody wants it signed.
    pub(super) async fn letterhead(
        &self,
        turn: Turn,
        loaded: Arc<CampaignContent>,
        content: Content,
        links_after: u16,
        signs: bool,
    ) -> Result<Letterhead, NotLoaded> {
        let (db, keys) = (&self.db, &self.keys);
        let sender = EmailAddress::parse(&content.sender_address).map_err(|e| {
            NotLoaded::not_composable(anyhow::anyhow!("sender address {}", e.detail))
        })?;
        let signing = if signs {
            sender_domain::signing_keys(db, keys, turn.tenant_id, sender.domain()).await?
        } else {
            Vec::new()
        };
        // Without an own one what came back would come to nobody of ours.
        let bounce_domain = match &self.config.bounce_domain {
            Some(of_all) => Some(
                sender_domain::return_path::verified(db, turn.tenant_id, sender.domain())
                    .await?
                    .unwrap_or_else(|| of_all.clone()),
            ),
            None => None,
        };
        let (kind, period, sample) = (loaded.kind, loaded.period, loaded.sample.clone());
        let (mail, signer) = tokio::task::spawn_blocking(move || {
            let mail = CompiledMail::compile_after(&content, &loaded.surroundings, links_after)
                .map_err(|problems| {
                    NotLoaded::not_composable(anyhow::anyhow!(
                        "mail does not compile: {problems:?}"
                    ))
                })?;
            let signer = Signer::open(&signing).map_err(NotLoaded::not_composable)?;
            Ok::<_, NotLoaded>((mail, signer))
        })
        .await
        .map_err(anyhow::Error::new)??;
        Ok(Letterhead {
            tenant: turn.tenant_id,
            campaign: turn.campaign_id,
            period,
            kind,
            sample,
            mail,
            sender_domain: sender.domain().to_ascii_lowercase(),
            sender,
            signer,
            keys: Arc::clone(keys),
            bounce_domain,
            cancel_mailbox: self.config.cancel_mailbox.clone(),
        })
    }
}
