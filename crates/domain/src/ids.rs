//! One newtype for each table's UUIDv7, so that a contact's id can't be
//! handed over where a mail's is meant.

use diesel_derive_newtype::DieselNewType;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize, DieselNewType,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id; UUIDv7 sorts by the time it was made (RFC 9562).
            #[must_use]
            #[expect(clippy::new_without_default, reason = "each call makes another id, which Default would hide")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    TenantId, UserId, RoleId, SessionId, PasskeyId, ApiTokenId, AuditEntryId, AccessEntryId,
    JobId, FileId, SystemMailId,
    ContactId, ContactFieldId, FolderId, ListId, SignupAddressId, SignupId, SubscriptionEventId, SuppressionId, ConsentId,
    ImportId, ExportId, ErasureId,
    MailId, MailPreviewId, TemplateId, BlockId,
    RouteId, SenderDomainId, DkimKeyId, SendLimitId, SendSessionId, SendSlowdownId,
    CampaignId, DateMailId, SequenceId, SequenceStepId, SequenceIntakeId, SequenceEnrolmentId, DeliveryId, EventId,
    OperatorId, OperatorSessionId, OperatorAuditId, SupportGrantId, SupportSessionId, TenantErasureId,
    WebhookId, WebhookMessageId,
    /// One running process that leases work (a mailer, a job worker).
    WorkerId,
}
