//! TLS to a PostgreSQL of the test's own, which takes the application by
//! nothing else, and shows a certificate for `localhost`.

use std::path::Path;

use domain::clock::Clock;
use domain::config::DatabaseConfig;
use domain::db::migrate;
use domain::signal::{Signal, listen, publish};
use domain::testing::TestDatabase;
use domain::{Db, DomainError};
use futures_util::StreamExt;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::kill::until_finished;
use crate::support::{Action, Authority, Cluster, Fixture, Machine, Sink, addresses};

/// Only by TLS, for whoever it is.
const NEW: &str = "made_over_tls";

struct Scene {
    cluster: Cluster,
    /// The authority of the server's certificate, and another one.
    files: TempDir,
}

impl Scene {
    /// A cluster that has no TLS yet: whoever prepares something there goes first.
    async fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        Self {
            cluster: Cluster::start().await,
            files,
        }
    }

    fn only_tls(&self) {
        let authority = Authority::new();
        let write = |name: &str, text: String| std::fs::write(self.files.path().join(name), text);
        write("ca.pem", authority.pem()).unwrap();
        write("other.pem", Authority::new().pem()).unwrap();
        let (certificate, key) = authority.certificate("localhost");
        self.cluster.start_with_tls(&certificate, &key, NEW);
    }

    fn file(&self, name: &str) -> String {
        let path: &Path = self.files.path();
        path.join(name).display().to_string()
    }

    fn url(&self, user: &str, host: &str, database: &str, options: &str) -> String {
        let place = self.cluster.place(host);
        format!("postgres://{user}@{place}/{database}?{options}")
    }
}

fn connect(url: &str) -> domain::Result<Db> {
    let config = DatabaseConfig {
        database_url: SecretString::from(url),
        database_pool: 2,
    };
    Db::new(&config, Clock::system())
}

/// By what versions of TLS the connections under a name go; empty: by none.
async fn versions(database: &TestDatabase, name: &str) -> String {
    let sql = "SELECT coalesce(string_agg(DISTINCT version, ' '), '') FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)";
    database
        .text(&format!("{sql} WHERE application_name = '{name}'"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_spoken_to_as_strictly_as_its_address_says() {
    let scene = Scene::new().await;
    let database = TestDatabase::in_cluster(&scene.cluster.url()).await;
    let name = database.text("SELECT current_database()").await;
    scene.only_tls();
    let (own, other) = (scene.file("ca.pem"), scene.file("other.pem"));
    let table = [
        ("localhost", "sslmode=require".to_owned(), None),
        ("localhost", "sslmode=prefer".to_owned(), None),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={own}"),
            None,
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={own}"),
            None,
        ),
        (
            "127.0.0.1",
            format!("sslmode=require&sslrootcert={own}"),
            None,
        ),
        // Plain, and the server takes nobody so.
        (
            "localhost",
            "sslmode=disable".to_owned(),
            Some("no encryption"),
        ),
        // A good certificate of somebody else.
        (
            "127.0.0.1",
            format!("sslmode=verify-full&sslrootcert={own}"),
            Some("not valid for name"),
        ),
        // A certificate that the wrong authority signed.
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={other}"),
            Some("certificate"),
        ),
        (
            "localhost",
            format!("sslmode=verify-ca&sslrootcert={other}"),
            Some("certificate"),
        ),
        (
            "localhost",
            format!("sslmode=require&sslrootcert={other}"),
            Some("certificate"),
        ),
        (
            "localhost",
            "sslmode=verify-full".to_owned(),
            Some("certificate"),
        ),
    ];
    for (n, (host, options, refused)) in table.into_iter().enumerate() {
        let label = format!("row-{n}");
        let db = connect(&scene.url("kikubari_app", host, &name, &options)).unwrap();
        let db = db.named(&label).unwrap();
        let answered = db.ping().await;
        match (refused, answered) {
            (None, Ok(())) => {
                let found = versions(&database, &label).await;
                assert!(found.starts_with("TLSv1."), "{host} {options}: {found}");
            }
            (Some(part), Err(DomainError::Unavailable { context })) => {
                assert!(context.contains(part), "{host} {options}: {context}");
            }
            (_, answered) => panic!("{host} {options}: {answered:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_signals_and_pools_of_their_own_go_by_tls_too() {
    let scene = Scene::new().await;
    let other = TestDatabase::in_cluster(&scene.cluster.url()).await;
    scene.cluster.psql(&format!("CREATE DATABASE {NEW}"));
    scene.only_tls();
    let options = format!("sslmode=verify-full&sslrootcert={}", scene.file("ca.pem"));
    let plain = scene.url("kikubari_owner", "localhost", NEW, "sslmode=disable");
    let refused = migrate::up(&plain).await;
    assert!(
        matches!(refused, Err(DomainError::Unavailable { .. })),
        "{refused:?}"
    );
    let owner = scene.url("kikubari_owner", "localhost", NEW, &options);
    assert!(!migrate::up(&owner).await.unwrap().is_empty());

    let db = connect(&scene.url("kikubari_app", "localhost", NEW, &options)).unwrap();
    let mut heard = std::pin::pin!(listen(&db).await.unwrap());
    db.system(async |tx| publish(tx, Signal::SendQueue).await)
        .await
        .unwrap();
    assert!(matches!(heard.next().await, Some(Signal::SendQueue)));
    let pool = db.named("pool").unwrap().with_own_pool(1).unwrap();
    pool.ping().await.unwrap();
    let alone = db.named("alone").unwrap().own_connection().await.unwrap();
    for label in ["pool", "alone"] {
        let found = versions(&other, label).await;
        assert!(found.starts_with("TLSv1."), "{label}: {found}");
    }
    drop(alone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailer_whose_database_takes_tls_alone_sends_a_campaign() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let scene = Scene::new().await;
    let database = TestDatabase::in_cluster(&scene.cluster.url()).await;
    let name = database.text("SELECT current_database()").await;
    let fixture = Fixture::on(&sink, database).await;
    let campaign = fixture.campaign(&addresses(20)).await;
    scene.only_tls();
    let options = format!("sslmode=verify-full&sslrootcert={}", scene.file("ca.pem"));
    let url = scene.url("kikubari_app", "localhost", &name, &options);
    let machine = Machine::new(&fixture).with_database(&url);
    let process = machine.start();
    until_finished(&fixture, campaign).await;
    assert!(process.terminate().await.success(), "{}", machine.log());
    assert_eq!(sink.taken().len(), 20);
}
