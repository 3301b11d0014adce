//! The doors to the database: [`Db::tenant`] for all data of a tenant,
//! [`Db::system`] for the few cross-tenant tables without personal data.

pub mod error;
pub mod inspect;
pub mod migrate;
mod transaction;

use std::time::Duration;

use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::{ExposeSecret, SecretString};

use crate::clock::Clock;
use crate::config::DatabaseConfig;
use crate::error::{DomainError, Result};
use crate::ids::{SupportSessionId, TenantId};

use transaction::Door;
pub use transaction::TransactionFn;

/// How long a request waits for a free connection before it is told to come
/// back later.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// A pool of connections under the application's role, and the clock.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    url: SecretString,
    clock: Clock,
    support: Option<SupportSessionId>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db(…)")
    }
}

impl Db {
    /// Prepares a pool; connects at first use.
    ///
    /// # Errors
    /// When the pool can't be built.
    pub fn new(config: &DatabaseConfig, clock: Clock) -> Result<Self> {
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(
            config.database_url.expose_secret(),
        );
        let pool = Pool::builder(manager)
            .max_size(config.database_pool)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(POOL_WAIT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(DomainError::internal)?;
        Ok(Self {
            pool,
            url: config.database_url.clone(),
            clock,
            support: None,
        })
    }

    /// The time of day of everything that runs on this database.
    #[must_use]
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Runs `work` in one transaction that sees and writes this tenant's rows
    /// only, whatever the SQL says. Commits on `Ok`, rolls back on `Err`, and
    /// when the future is dropped half-way (a client that hung up).
    ///
    /// # Errors
    /// What `work` answers, or that the database can't.
    pub async fn tenant<'a, T, F>(&self, tenant: TenantId, work: F) -> Result<T>
    where
        for<'c> F: AsyncFnOnce(&'c mut AsyncPgConnection) -> Result<T>
            + TransactionFn<&'c mut AsyncPgConnection, Result<T>, Fut: Send>
            + Send
            + 'a,
        T: Send + 'a,
    {
        transaction::run(
            self.connection().await?,
            Some(Door(tenant, self.support)),
            work,
        )
        .await
    }

    /// As [`Db::tenant`], on a connection of the caller's ([`Db::own_connection`]),
    /// for work that keeps something in its connection from one transaction to
    /// the next.
    ///
    /// # Errors
    /// As [`Db::tenant`].
    pub async fn tenant_on<'a, T, F>(
        &self,
        connection: &mut AsyncPgConnection,
        tenant: TenantId,
        work: F,
    ) -> Result<T>
    where
        for<'c> F: AsyncFnOnce(&'c mut AsyncPgConnection) -> Result<T>
            + TransactionFn<&'c mut AsyncPgConnection, Result<T>, Fut: Send>
            + Send
            + 'a,
        T: Send + 'a,
    {
        transaction::on(connection, Some(Door(tenant, self.support)), work).await?
    }

    /// The same database as a support session sees it: transactions of a tenant
    /// only read, and the database shows the operator's role rows while the
    /// session's grant lasts.
    #[must_use]
    pub fn supporting(&self, session: SupportSessionId) -> Self {
        Self {
            support: Some(session),
            ..self.clone()
        }
    }

    /// Another pool to the same database, of `size` connections, for what must
    /// not take those of requests.
    ///
    /// # Errors
    /// When the pool can't be built.
    pub fn with_own_pool(&self, size: usize) -> Result<Self> {
        let config = DatabaseConfig {
            database_url: self.url.clone(),
            database_pool: size,
        };
        Self::new(&config, self.clock.clone())
    }

    /// Another pool to the same database, whose connections PostgreSQL knows by
    /// `name` (`pg_stat_activity.application_name`, 63 bytes at most).
    ///
    /// # Errors
    /// When the pool can't be built.
    pub fn named(&self, name: &str) -> Result<Self> {
        let url = self.url.expose_secret();
        let named = if !url.contains("://") {
            format!("{url} application_name='{name}'")
        } else if url.contains('?') {
            format!("{url}&application_name={name}")
        } else {
            format!("{url}?application_name={name}")
        };
        let config = DatabaseConfig {
            database_url: SecretString::from(named),
            database_pool: self.pool.status().max_size,
        };
        Self::new(&config, self.clock.clone())
    }

    /// Runs `work` in one transaction without a tenant: row level security
    /// shows it no tenant's row.
    ///
    /// # Errors
    /// What `work` answers, or that the database can't.
    pub async fn system<'a, T, F>(&self, work: F) -> Result<T>
    where
        for<'c> F: AsyncFnOnce(&'c mut AsyncPgConnection) -> Result<T>
            + TransactionFn<&'c mut AsyncPgConnection, Result<T>, Fut: Send>
            + Send
            + 'a,
        T: Send + 'a,
    {
        transaction::run(self.connection().await?, None, work).await
    }

    /// A connection outside the pool, for LISTEN and for temporary tables.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn own_connection(&self) -> Result<AsyncPgConnection> {
        AsyncPgConnection::establish(self.url.expose_secret())
            .await
            .map_err(|e| DomainError::Unavailable {
                context: format!("connect: {e}"),
            })
    }

    /// The URL under the application's role, for the one job (COPY of an
    /// import) that needs a client of its own.
    #[must_use]
    pub fn url(&self) -> &SecretString {
        &self.url
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`DomainError::Unavailable`] when it does not.
    #[expect(clippy::disallowed_methods, reason = "a constant")]
    pub async fn ping(&self) -> Result<()> {
        self.system(async |tx| {
            diesel_async::RunQueryDsl::execute(diesel::sql_query("SELECT 1"), tx).await?;
            Ok(())
        })
        .await
    }

    async fn connection(&self) -> Result<Object<AsyncPgConnection>> {
        self.pool.get().await.map_err(|e| DomainError::Unavailable {
            context: format!("connection pool: {e}"),
        })
    }
}
