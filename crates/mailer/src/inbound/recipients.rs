//! What a session asks about those whom mail is for.

/// What became of a mail for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It has done what it could do.
    Done,
    /// It can do nothing here.
    Refused,
    /// Not now: it has to be sent again.
    NotNow,
}

/// Whether mail is taken for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known<R> {
    Yes(R),
    No,
    /// Nobody can tell at the moment.
    NotNow,
}

/// Whom mail is taken for, and what becomes of it.
pub(super) trait Recipients {
    type Recipient: Clone + PartialEq + Send + Sync;

    fn find(&self, address: &str) -> impl Future<Output = Known<Self::Recipient>> + Send;

    /// `sender` as MAIL FROM said, empty for reports and automatic replies.
    fn take(
        &self,
        recipient: &Self::Recipient,
        sender: &str,
        mail: &[u8],
    ) -> impl Future<Output = Taken> + Send;
}
