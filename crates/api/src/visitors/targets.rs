//! Where links lead, kept by campaign: a click then needs no look into the
//! database unless its address holds merge fields.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::Db;
use domain::delivery::token::{DeliveryToken, Purpose};
use domain::error::Result;
use domain::event::target::{self, CampaignLinks};
use domain::ids::{CampaignId, TenantId};
use domain::mail::render::Installation;
use tokio::sync::OnceCell;

/// Campaigns kept at most.
const MOST: usize = 500;
/// Links don't change, but what their merge fields name does, and campaigns are deleted.
const LIFE: Duration = Duration::from_secs(300);

type Key = (TenantId, CampaignId);
type Entry = Arc<OnceCell<CampaignLinks>>;

/// The links of campaigns that were clicked lately.
pub struct Targets {
    db: Db,
    installation: Installation,
    kept: Mutex<HashMap<Key, (Instant, Entry)>>,
}

impl Targets {
    pub(super) fn new(db: Db, installation: Installation) -> Self {
        Self {
            db,
            installation,
            kept: Mutex::new(HashMap::new()),
        }
    }

    /// Where a click leads; `None` when that is no web address.
    ///
    /// # Errors
    /// When the database does.
    pub async fn resolve(&self, token: &DeliveryToken) -> Result<Option<String>> {
        let Purpose::Click { campaign, number } = token.purpose else {
            return Ok(None);
        };
        let entry = self.entry((token.tenant, campaign));
        let load = || target::load(&self.db, token.tenant, campaign, &self.installation);
        let links = entry.get_or_try_init(load).await?;
        links.resolve(&self.db, token, number).await
    }

    fn entry(&self, key: Key) -> Entry {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((since, entry)) = kept.get(&key)
            && now - *since < LIFE
        {
            return Arc::clone(entry);
        }
        if kept.len() >= MOST {
            kept.retain(|_, (since, _)| now - *since < LIFE);
            // All of them in use: start anew, each costs one look.
            if kept.len() >= MOST {
                kept.clear();
            }
        }
        let entry = Entry::default();
        kept.insert(key, (now, Arc::clone(&entry)));
        entry
    }
}
