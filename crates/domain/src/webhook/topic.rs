//! What webhooks can be told of.

use crate::actor::{Actor, Permission};
use crate::error::Result;
use crate::text_enum::text_enum;

text_enum! {
    /// A kind of event, as it stands in `type`. The words also stand in the
    /// functions of the database that write the outbox (`tell_webhooks`).
    pub enum Topic {
        DeliveryAccepted = "delivery.accepted",
        DeliveryFailed = "delivery.failed",
        DeliveryGivenUp = "delivery.given_up",
        DeliveryBounced = "delivery.bounced",
        DeliveryComplained = "delivery.complained",
        MessageOpened = "message.opened",
        MessageClicked = "message.clicked",
        ContactCreated = "contact.created",
        ContactUpdated = "contact.updated",
        ContactDeleted = "contact.deleted",
        ContactUnsubscribed = "contact.unsubscribed",
        ContactResubscribed = "contact.resubscribed",
        ListSubscribed = "list.subscribed",
        ListUnsubscribed = "list.unsubscribed",
        CampaignStarted = "campaign.started",
        CampaignPaused = "campaign.paused",
        CampaignResumed = "campaign.resumed",
        CampaignStopped = "campaign.stopped",
        CampaignFinished = "campaign.finished",
        ImportFinished = "import.finished",
        SignupConfirmed = "signup.confirmed",
        SenderDomainHealthChanged = "sender_domain.health_changed",
    }
}

/// The `type` of what the button "send test event" sends; nobody chooses it.
pub const TEST: &str = "webhook.test";

impl Topic {
    /// What a person needs who reads the same in the application. Mails are told
    /// of with the person's address.
    fn reads(self) -> &'static [Permission] {
        match self {
            Self::DeliveryAccepted
            | Self::DeliveryFailed
            | Self::DeliveryGivenUp
            | Self::DeliveryBounced
            | Self::DeliveryComplained
            | Self::MessageOpened
            | Self::MessageClicked => &[Permission::CampaignsRead, Permission::ContactsRead],
            Self::ContactCreated
            | Self::ContactUpdated
            | Self::ContactDeleted
            | Self::ContactUnsubscribed
            | Self::ContactResubscribed
            | Self::ListSubscribed
            | Self::ListUnsubscribed
            | Self::ImportFinished
            | Self::SignupConfirmed => &[Permission::ContactsRead],
            Self::CampaignStarted
            | Self::CampaignPaused
            | Self::CampaignResumed
            | Self::CampaignStopped
            | Self::CampaignFinished => &[Permission::CampaignsRead],
            Self::SenderDomainHealthChanged => &[Permission::SettingsRead],
        }
    }
}

/// Webhooks are no way around the right to read: nobody has sent to them what
/// they may not look at.
pub(super) fn require_all(actor: &Actor, topics: &[Topic]) -> Result<()> {
    let needed = topics.iter().flat_map(|topic| topic.reads());
    needed
        .copied()
        .try_for_each(|permission| actor.require(permission))
}

/// The same for the `type` of a message. One that this version does not know
/// may hold people too.
pub(super) fn require_word(actor: &Actor, word: &str) -> Result<()> {
    match Topic::parse(word) {
        Some(topic) => require_all(actor, &[topic]),
        None if word == TEST => Ok(()),
        None => require_all(actor, Topic::ALL),
    }
}
