//! The doors to the database: [`Db::tenant`] for all data of a tenant,
//! [`Db::system`] for the few cross-tenant tables without personal data.

mod address;
pub mod error;
pub mod inspect;
pub mod migrate;
mod tls;
mod transaction;

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig};

use self::address::Address;
use crate::clock::Clock;
use crate::config::DatabaseConfig;
use crate::error::{DomainError, Result};
use crate::ids::TenantId;

pub use transaction::TransactionFn;

/// How long a request waits for a free connection before it is told to come
/// back later.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// A pool of connections under the application's role, and the clock.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    address: Address,
    clock: Clock,
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
    /// When the address can't be read, or the pool not be built.
    pub fn new(config: &DatabaseConfig, clock: Clock) -> Result<Self> {
        let address = Address::parse(&config.database_url)?;
        Self::at(address, config.database_pool, clock)
    }

    fn at(address: Address, size: usize, clock: Clock) -> Result<Self> {
        let mut setup = ManagerConfig::default();
        let to = address.clone();
        setup.custom_setup = Box::new(move |_| {
            let to = to.clone();
            Box::pin(async move { to.connect().await })
        });
        // The address is our own to read: the manager's text stays empty.
        let manager = AsyncDieselConnectionManager::new_with_config("", setup);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(POOL_WAIT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(DomainError::internal)?;
        Ok(Self {
            pool,
            address,
            clock,
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
        transaction::run(self.connection().await?, Some(tenant), work).await
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
        transaction::on(connection, Some(tenant), work).await?
    }

    /// Another pool to the same database, of `size` connections, for what must
    /// not take those of requests.
    ///
    /// # Errors
    /// When the pool can't be built.
    pub fn with_own_pool(&self, size: usize) -> Result<Self> {
        Self::at(self.address.clone(), size, self.clock.clone())
    }

    /// Another pool to the same database, whose connections PostgreSQL knows by
    /// `name` (`pg_stat_activity.application_name`, 63 bytes at most).
    ///
    /// # Errors
    /// When the pool can't be built.
    pub fn named(&self, name: &str) -> Result<Self> {
        let size = self.pool.status().max_size;
        Self::at(self.address.clone().named(name), size, self.clock.clone())
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
        self.address
            .connect()
            .await
            .map_err(|e| DomainError::Unavailable {
                context: format!("connect: {e}"),
            })
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
