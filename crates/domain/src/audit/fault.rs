//! What can be wrong with a chain, in words.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text_enum::text_enum;

text_enum! {
    /// What is wrong with a chain.
    pub enum FaultKind {
        /// The entry is not what was linked: edited, or put into another's place.
        Changed = "changed",
        /// The link is there, its entry is not.
        Removed = "removed",
        /// Numbers are missing from the middle.
        Missing = "missing",
        /// The end is missing: entries up to `until` once were there.
        Cut = "cut",
        /// The head names another end than the links have.
        HeadDiffers = "head_differs",
        /// The link is another one than the anchor noted: the chain was written anew.
        AnchorDiffers = "anchor_differs",
        /// An entry without a link: put in past the trigger.
        Unlinked = "unlinked",
    }
}

/// One fault, from number to number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    /// Of the first entry; 0 for one without a link.
    pub number: i64,
    /// Of the last entry.
    pub until: i64,
    pub entry_id: Option<Uuid>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, until, .. } = self;
        match self.kind {
            FaultKind::Changed => {
                write!(f, "entry {number} was edited, or moved from its place")?;
            }
            FaultKind::Removed => write!(f, "entry {number} was deleted")?,
            FaultKind::Missing => write!(f, "entries {number} to {until} are missing")?,
            FaultKind::Cut => {
                write!(
                    f,
                    "the end is missing: entries {number} to {until} were deleted"
                )?;
            }
            FaultKind::HeadDiffers => write!(f, "the head does not fit entry {number}")?,
            FaultKind::AnchorDiffers => {
                write!(
                    f,
                    "entry {number} is not the one that the anchor noted: the chain was written anew"
                )?;
            }
            FaultKind::Unlinked => write!(f, "an entry was put in past the chain")?,
        }
        match self.entry_id {
            Some(id) => write!(f, " (id {id})"),
            None => Ok(()),
        }
    }
}
