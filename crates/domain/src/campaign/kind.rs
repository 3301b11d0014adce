//! What a row of `campaign` stands for.

use crate::text_enum::text_enum;

text_enum! {
    /// What a campaign's row stands for. People see and steer `campaign` only;
    /// the others exist because every delivery belongs to one.
    pub enum Kind {
        /// One sending of a mail to an audience.
        Campaign = "campaign",
        /// A test send: marked, and never counted.
        Test = "test",
        /// The mails that API calls made of one mail.
        Transactional = "transactional",
        /// The mails of one step of a sequence.
        Sequence = "sequence",
    }
}
