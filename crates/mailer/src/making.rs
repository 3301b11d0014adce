//! Mails are composed and signed in chunks on the blocking threads, one chunk
//! ahead of what goes out.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use domain::delivery::claim::Claimed;
use domain::delivery::record::Record;
use domain::ids::DeliveryId;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::claim::Work;
use crate::compose::{ComposeError, Composed};
use crate::handover::Hands;

/// Mails made in one go: some 10 ms of signing.
pub(crate) const CHUNK: usize = 20;

type Made = Vec<(Claimed, Result<Composed, ComposeError>)>;

/// A chunk of mails that are being made.
pub(crate) struct Making {
    /// With the attempts before, of those that are to be made.
    chunk: Vec<(DeliveryId, u16)>,
    task: tokio::task::JoinHandle<Result<Made, JoinError>>,
}

impl Making {
    /// Its mails; none when their making was cut off, and then they go back as if
    /// never claimed, since none of them was handed over.
    pub(crate) async fn made(self, hands: &Hands, outcomes: &mpsc::Sender<Record>) -> Made {
        let error = match self.task.await {
            Ok(Ok(made)) => return made,
            Ok(Err(error)) | Err(error) => error,
        };
        tracing::error!(name: "compose.lost", n = self.chunk.len(), %error, "mails are given back");
        for (id, attempts) in self.chunk {
            let record = Record::given_back(id, attempts, hands.db.now());
            // The recorder outlives every sender.
            drop(outcomes.send(record).await);
        }
        Vec::new()
    }
}

/// The next chunk; `None` when all are made.
pub(crate) fn next(
    hands: &Hands,
    work: &Arc<Work>,
    rest: &mut std::vec::IntoIter<Claimed>,
) -> Option<Making> {
    let chunk: Vec<Claimed> = rest.by_ref().take(CHUNK).collect();
    if chunk.is_empty() {
        return None;
    }
    let ids = chunk.iter().map(|c| (c.id, c.attempts)).collect();
    let (cpu, work, now) = (Arc::clone(&hands.cpu), Arc::clone(work), hands.db.now());
    let task = tokio::spawn(async move {
        let permit = cpu.acquire_owned().await;
        let made = tokio::task::spawn_blocking(move || {
            let made = make(chunk, |claimed| {
                work.letterhead(claimed).compose(claimed, now.into())
            });
            drop(permit);
            made
        });
        made.await
    });
    Some(Making { chunk: ids, task })
}

/// One mail that can't be made, in whatever way, keeps no other from going out.
fn make<T>(
    chunk: Vec<Claimed>,
    compose: impl Fn(&Claimed) -> Result<T, ComposeError>,
) -> Vec<(Claimed, Result<T, ComposeError>)> {
    let make = |claimed: Claimed| {
        // What it reads is shared and never written, so nothing is left half-done.
        let made = panic::catch_unwind(AssertUnwindSafe(|| compose(&claimed)));
        let made = made.unwrap_or_else(|_| {
            tracing::error!(name: "compose.panicked", delivery = %claimed.id, "the mail fails");
            Err(ComposeError::Panicked)
        });
        (claimed, made)
    };
    chunk.into_iter().map(make).collect()
}

#[cfg(test)]
mod tests {
    use domain::ids::ContactId;

    use super::*;

    fn claimed(address: &str) -> Claimed {
        Claimed {
            id: DeliveryId::new(),
            contact_id: ContactId::new(),
            attempts: 0,
            address: address.to_owned(),
            person: None,
            values: None,
            variant: None,
        }
    }

    #[test]
    fn a_mail_whose_making_panics_fails_and_the_rest_of_its_chunk_is_made() {
        let chunk = vec![claimed("a"), claimed("b"), claimed("c")];
        let ids: Vec<DeliveryId> = chunk.iter().map(|claimed| claimed.id).collect();
        let made = make(chunk, |claimed| {
            assert_ne!(claimed.address, "b", "caused");
            Ok(claimed.address.clone())
        });
        let kept: Vec<DeliveryId> = made.iter().map(|(claimed, _)| claimed.id).collect();
        assert_eq!(kept, ids);
        let outcomes: Vec<_> = made.iter().map(|(_, made)| made.as_ref().ok()).collect();
        assert_eq!(
            outcomes,
            [Some(&"a".to_owned()), None, Some(&"c".to_owned())]
        );
        assert!(matches!(made[1].1, Err(ComposeError::Panicked)));
    }
}
