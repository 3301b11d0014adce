//! The doors to the database: [`Db::tenant`] for all data of a tenant,
//! [`Db::system`] for the few cross-tenant tables without personal data.

mod address;
pub mod error;
pub mod inspect;
pub mod migrate;
mod tls;
mod transaction;
pub(crate) mod turn;

use std::time::Duration;

use deadpool::managed::QueueMode;
use diesel_async::pooled_connection::deadpool::{Hook, HookError, Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

use self::address::Address;
use crate::clock::Clock;
use crate::config::DatabaseConfig;
use crate::error::{DomainError, Result};
use crate::ids::{SupportSessionId, TenantId};

use transaction::Door;
pub use transaction::TransactionFn;

/// How long a request waits for a free connection before it is told to come
/// back later.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// A connection that rested for longer is asked whether the server still hears
/// it: a firewall between may have forgotten it.
const LONG_REST: Duration = Duration::from_secs(30);

/// A pool of connections under the application's role, and the clock.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    address: Address,
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
    /// When the address can't be read, or the pool not be built.
    pub fn new(config: &DatabaseConfig, clock: Clock) -> Result<Self> {
        let address = Address::parse(&config.database_url)?;
        Self::at(address, config.database_pool, clock)
    }

    fn at(address: Address, size: usize, clock: Clock) -> Result<Self> {
        let mut setup = ManagerConfig::default();
        let to = address.clone();
        // Nobody's request waits for a question to a connection that was in use a
        // moment ago; one that was closed is known by its socket.
        setup.recycling_method = RecyclingMethod::Fast;
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
            // The last one given back is the next: few that are warm, instead of all by turns.
            .queue_mode(QueueMode::Lifo)
            .pre_recycle(Hook::async_fn(|connection, metrics| {
                Box::pin(wake(connection, metrics.last_used()))
            }))
            .build()
            .map_err(DomainError::internal)?;
        Ok(Self {
            pool,
            address,
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

    /// As [`Db::tenant`], a way to the database and back shorter: what `work`
    /// asks first goes along with BEGIN. For the work of every request.
    ///
    /// # Errors
    /// As [`Db::tenant`].
    pub async fn tenant_pipelined<'a, T, F>(&self, tenant: TenantId, work: F) -> Result<T>
    where
        for<'c> F: AsyncFnOnce(&'c AsyncPgConnection) -> Result<T>
            + TransactionFn<&'c AsyncPgConnection, Result<T>, Fut: Send>
            + Send
            + 'a,
        T: Send + 'a,
    {
        let door = Door(tenant, self.support);
        transaction::run_pipelined(self.connection().await?, door, work).await
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
        let lost = |e: &dyn std::fmt::Display| DomainError::Unavailable {
            context: format!("connect: {e}"),
        };
        tokio::time::timeout(POOL_WAIT, self.address.connect())
            .await
            .map_err(|e| lost(&e))?
            .map_err(|e| lost(&e))
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

/// Asks a connection that has rested; an error has the pool throw it away.
async fn wake(
    connection: &mut AsyncPgConnection,
    rested: Duration,
) -> std::result::Result<(), HookError> {
    if rested < LONG_REST {
        return Ok(());
    }
    let asked = tokio::time::timeout(POOL_WAIT, connection.batch_execute("SELECT 1")).await;
    asked
        .map_err(|_| HookError::message("no answer"))?
        .map_err(|error| HookError::message(error.to_string()))
}
