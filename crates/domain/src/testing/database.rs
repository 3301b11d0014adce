//! A database for one test, cloned from a template that is migrated once for
//! each state of the migrations. Dropped with the value.

use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::DatabaseConfig;
use crate::db::{Db, migrate};
use crate::secret;

/// A database that belongs to one test.
pub struct TestDatabase {
    name: String,
    server: Server,
    pub db: Db,
    pub clock: Clock,
}

/// `KIKUBARI_TEST_DATABASE_URL` in its parts: `postgres://user[:password]@host:port/database`.
#[derive(Clone)]
struct Server {
    user: String,
    address: String,
    admin_database: String,
}

impl Server {
    fn from_env() -> Self {
        let url = std::env::var("KIKUBARI_TEST_DATABASE_URL").expect(
            "KIKUBARI_TEST_DATABASE_URL names a PostgreSQL for tests; `just test` starts one",
        );
        Self::at(&url)
    }

    fn at(url: &str) -> Self {
        let rest = url.split_once("://").expect("a postgres:// URL").1;
        let (user, rest) = rest.split_once('@').expect("a user in the URL");
        let (address, database) = rest.split_once('/').expect("a database in the URL");
        Self {
            user: user.to_owned(),
            address: address.to_owned(),
            admin_database: database.to_owned(),
        }
    }

    fn owner_url(&self, database: &str) -> String {
        format!("postgres://{}@{}/{database}", self.user, self.address)
    }

    fn app_url(&self, database: &str) -> String {
        format!("postgres://kikubari_app@{}/{database}", self.address)
    }
}

impl TestDatabase {
    /// A fresh database with the machine's clock.
    pub async fn new() -> Self {
        Self::with_clock(Clock::system()).await
    }

    /// A fresh database whose time of day the test sets.
    pub async fn with_clock(clock: Clock) -> Self {
        Self::on(Server::from_env(), clock).await
    }

    /// A fresh database in a cluster of the test's own (`postgres://owner@host:port/database`).
    pub async fn in_cluster(url: &str) -> Self {
        Self::on(Server::at(url), Clock::system()).await
    }

    async fn on(server: Server, clock: Clock) -> Self {
        let template = template(&server).await;
        let name = format!("t_{}", hex::encode(secret::random::<10>()));
        execute(
            &server,
            &server.admin_database,
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .await;
        let config = DatabaseConfig {
            database_url: SecretString::from(server.app_url(&name)),
            database_pool: 16,
        };
        let db = Db::new(&config, clock.clone()).expect("a pool");
        Self {
            name,
            server,
            db,
            clock,
        }
    }

    /// URL as the owner, for looking past row level security.
    pub fn owner_url(&self) -> String {
        self.server.owner_url(&self.name)
    }

    /// URL as the application's role.
    pub fn app_url(&self) -> String {
        self.server.app_url(&self.name)
    }

    /// The same database as the operator's role sees it.
    #[must_use]
    pub fn operator_db(&self) -> Db {
        let config = DatabaseConfig {
            database_url: SecretString::from(format!(
                "postgres://kikubari_operator@{}/{}",
                self.server.address, self.name
            )),
            database_pool: 8,
        };
        Db::new(&config, self.clock.clone()).expect("a pool")
    }

    /// Runs SQL as the owner.
    pub async fn execute_as_owner(&self, sql: &str) {
        execute(&self.server, &self.name, sql).await;
    }

    /// Begins a transaction as the owner, which holds what `sql` locks until
    /// the value is released.
    pub async fn hold(&self, sql: &str) -> Held {
        let mut connection = AsyncPgConnection::establish(&self.owner_url())
            .await
            .expect("owner connection");
        connection
            .batch_execute(&format!("BEGIN; {sql}"))
            .await
            .expect("a lock");
        Held(connection)
    }

    /// How many sessions wait for a lock that another one holds.
    pub async fn waiting(&self) -> i64 {
        self.count(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .await
    }

    /// One text as the owner.
    #[expect(clippy::disallowed_methods, reason = "tests ask in SQL")]
    pub async fn text(&self, sql: &str) -> String {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            t: String,
        }
        let mut connection = AsyncPgConnection::establish(&self.owner_url())
            .await
            .expect("owner connection");
        let row: Row = diesel::sql_query(format!("SELECT ({sql})::text AS t"))
            .get_result(&mut connection)
            .await
            .expect("a text");
        row.t
    }

    /// One number as the owner.
    #[expect(clippy::disallowed_methods, reason = "tests ask in SQL")]
    pub async fn count(&self, sql: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let mut connection = AsyncPgConnection::establish(&self.owner_url())
            .await
            .expect("owner connection");
        let row: Row = diesel::sql_query(format!("SELECT ({sql})::bigint AS n"))
            .get_result(&mut connection)
            .await
            .expect("a number");
        row.n
    }
}

/// Locks of a transaction that is open.
pub struct Held(AsyncPgConnection);

impl Held {
    pub async fn release(mut self) {
        self.0.batch_execute("ROLLBACK").await.expect("a rollback");
    }
}

/// A line of what EXPLAIN says.
#[derive(Debug, diesel::QueryableByName)]
pub struct Plan {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
    pub line: String,
}

impl Plan {
    /// All lines.
    pub fn text(lines: &[Self]) -> String {
        let lines: Vec<&str> = lines.iter().map(|plan| plan.line.as_str()).collect();
        lines.join("\n")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread with a runtime of its own: the test's may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(execute(
                &server,
                &server.admin_database,
                &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            ));
        });
        drop(dropped.join());
    }
}

async fn execute(server: &Server, database: &str, sql: &str) {
    let mut connection = AsyncPgConnection::establish(&server.owner_url(database))
        .await
        .expect("owner connection");
    connection
        .batch_execute(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// Partitions of the months in which tests set their clocks, whatever the month
/// they run in; migrations make those around today only.
const FIXED_MONTHS: &str = "
DO $$
DECLARE
    parent text;
    first date;
BEGIN
    FOREACH parent IN ARRAY ARRAY['delivery', 'event'] LOOP
        FOR first IN SELECT generate_series('2026-09-01'::date, '2027-03-01'::date, '1 month')::date LOOP
            IF to_regclass(parent || to_char(first, '_YYYYMM')) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || to_char(first, '_YYYYMM'), parent, first, (first + interval '1 month')::date);
            END IF;
        END LOOP;
    END LOOP;
END $$";

/// The migrated template; the first test that comes makes it while the others
/// wait at an advisory lock.
#[expect(clippy::disallowed_methods, reason = "reads the catalogue")]
async fn template(server: &Server) -> String {
    let name = format!("kikubari_template_{}", fingerprint());
    let mut admin = AsyncPgConnection::establish(&server.owner_url(&server.admin_database))
        .await
        .expect("owner connection");
    let known = format!("SELECT 1 FROM pg_database WHERE datname = '{name}' AND datistemplate");
    if diesel::sql_query(&known)
        .execute(&mut admin)
        .await
        .expect("catalogue")
        == 1
    {
        return name;
    }
    admin
        .batch_execute("SELECT pg_advisory_lock(7106)")
        .await
        .expect("lock");
    if diesel::sql_query(&known)
        .execute(&mut admin)
        .await
        .expect("catalogue")
        == 0
    {
        admin
            .batch_execute(&format!("DROP DATABASE IF EXISTS {name}"))
            .await
            .expect("no half-made template");
        admin
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("template");
        migrate::up(&server.owner_url(&name))
            .await
            .expect("migrations");
        execute(server, &name, FIXED_MONTHS).await;
        admin
            .batch_execute(&format!("ALTER DATABASE {name} IS_TEMPLATE true"))
            .await
            .expect("mark");
    }
    admin
        .batch_execute("SELECT pg_advisory_unlock(7106)")
        .await
        .expect("unlock");
    name
}

/// Of the migration files as they are on disk: a changed one makes another
/// template.
fn fingerprint() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<_> = std::fs::read_dir(root)
        .expect("migrations")
        .map(|entry| entry.expect("a migration").path().join("up.sql"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(std::fs::read(file).expect("up.sql"));
    }
    all.extend(FIXED_MONTHS.as_bytes());
    hex::encode(&secret::sha256(&all)[..8])
}
