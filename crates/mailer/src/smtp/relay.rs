//! The sessions with one relay.

use std::sync::Arc;

use deadpool::managed::{BuildError, PoolError};
use domain::ids::TenantId;
use domain::limit::admit::SessionLimits;

use super::sessions::{Held, Host, Key, Sessions};
use super::slots::Slots;
use super::{ConnectError, Endpoint};

/// A relay.
pub struct Relay {
    endpoint: Endpoint,
    most: usize,
    /// Of mails that no limit of sessions counts.
    plain: Arc<Host>,
    sessions: Sessions,
}

impl Relay {
    /// Connects at first use.
    ///
    /// # Errors
    /// When the pool can't be built.
    pub(super) fn new(
        tenant: TenantId,
        endpoint: Endpoint,
        most: usize,
        slots: Option<Slots>,
    ) -> Result<Self, BuildError> {
        let sessions = Sessions::new(tenant, slots, most);
        let key = key(&endpoint, &SessionLimits::default());
        let plain = sessions.host(key, most, None, || endpoint.clone())?;
        Ok(Self {
            endpoint,
            most,
            plain,
            sessions,
        })
    }

    /// A session for a mail that these limits count.
    ///
    /// # Errors
    /// Nothing was handed over; [`ConnectError::Full`] when the limits are used up.
    pub async fn session(&self, limits: &SessionLimits) -> Result<Held, PoolError<ConnectError>> {
        if limits.is_empty() {
            return self.sessions.take(&self.plain).await;
        }
        let key = key(&self.endpoint, limits);
        let host = self
            .sessions
            .host(key, self.most, None, || self.endpoint.clone())
            .map_err(|_| PoolError::Closed)?;
        self.sessions.take(&host).await
    }

    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }
}

fn key(endpoint: &Endpoint, limits: &SessionLimits) -> Key {
    Key {
        host: endpoint.host.clone(),
        verified: true,
        limits: Arc::clone(limits),
    }
}
