//! What webhooks can be told of.

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
