//! A PostgreSQL of the test's own, to be stopped.
#![expect(
    clippy::disallowed_methods,
    reason = "tests that start and stop programs"
)]

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use domain::testing::TestDatabase;
use tempfile::TempDir;

use super::free_port;

/// A running cluster; stopped and deleted with the value.
pub(crate) struct Cluster {
    dir: TempDir,
    bin: PathBuf,
    port: u16,
    /// PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Of the programs that the cluster of all tests runs on.
    pub(crate) async fn start() -> Self {
        let any = TestDatabase::new().await;
        let bin = any
            .text("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
            .await;
        let mut cluster = Self {
            dir: tempfile::tempdir().unwrap(),
            bin: bin.into(),
            port: 0,
            user: other_than_root(),
        };
        if let Some((uid, gid)) = cluster.user {
            chown(cluster.dir.path(), Some(uid), Some(gid)).unwrap();
        }
        cluster.run(
            "initdb",
            &[
                "--username=kikubari_owner",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
        );
        cluster.port = free_port();
        cluster.start_again();
        cluster
            .psql("CREATE ROLE kikubari_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS");
        cluster
    }

    /// Starts anew with TLS, and takes the application, and everybody in the
    /// database `only`, by nothing else.
    pub(crate) fn start_with_tls(&self, certificate: &str, key: &str, only: &str) {
        let hba = format!(
            "hostssl all kikubari_app 127.0.0.1/32 trust\nhostssl {only} all 127.0.0.1/32 trust\n\
             host {only} all 127.0.0.1/32 reject\nhost all kikubari_owner 127.0.0.1/32 trust\n"
        );
        for (name, text) in [
            ("server.crt", certificate),
            ("server.key", key),
            ("pg_hba.conf", hba.as_str()),
        ] {
            let file = self.data().join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            if let Some((uid, gid)) = self.user {
                chown(&file, Some(uid), Some(gid)).unwrap();
            }
        }
        self.psql("ALTER SYSTEM SET ssl = on");
        self.stop_at_once();
        self.start_again();
    }

    /// Host and port, by a name that certificates know.
    pub(crate) fn place(&self, host: &str) -> String {
        format!("{host}:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://kikubari_owner@127.0.0.1:{}/postgres", self.port)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir("/").env("PGDATA", self.data());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn run(&self, program: &str, args: &[&str]) {
        // Into a file: a server that lives on would hold a pipe open.
        let log = self.dir.path().join("log");
        let out = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let status = self
            .command(program)
            .args(args)
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .status()
            .unwrap();
        let log = std::fs::read_to_string(log).unwrap();
        assert!(status.success(), "{program}: {log}");
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// As its owner.
    pub(crate) fn psql(&self, sql: &str) {
        self.run(
            "psql",
            &["-Xq", "-v", "ON_ERROR_STOP=1", "-d", &self.url(), "-c", sql],
        );
    }

    fn start_on(&self, port: u16) {
        // What is committed survives the process, and the machine stays up.
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=32MB -c timezone=UTC"
        );
        self.run("pg_ctl", &["-w", "-s", "-o", &options, "start"]);
    }

    pub(crate) fn start_again(&self) {
        self.start_on(self.port);
    }

    /// Without a goodbye; the next start recovers from the log.
    pub(crate) fn stop_at_once(&self) {
        self.run("pg_ctl", &["-w", "-s", "-m", "immediate", "stop"]);
    }

    /// A backup of a database, as `deploy/backup` makes it.
    pub(crate) fn backup(&self, url: &str) -> PathBuf {
        let file = self.dir.path().join("backup");
        self.run(
            "pg_dump",
            &["-Fc", "-f", &file.to_string_lossy(), "-d", url],
        );
        file
    }

    /// Puts a backup in place of what the database holds.
    pub(crate) fn restore(&self, url: &str, file: &std::path::Path) {
        let (file, name) = (file.to_string_lossy(), url.rsplit('/').next().unwrap());
        self.psql(&format!("DROP DATABASE {name} WITH (FORCE)"));
        self.psql(&format!("CREATE DATABASE {name}"));
        self.run("pg_restore", &["--exit-on-error", "-d", url, &file]);
    }

    /// Runs SQL in a database while nobody else can reach the cluster, which is down.
    pub(crate) fn change_unseen(&self, database: &str, sql: &str) {
        let port = free_port();
        self.start_on(port);
        let url = format!("postgres://kikubari_owner@127.0.0.1:{port}/{database}");
        self.run(
            "psql",
            &["-Xq", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", sql],
        );
        self.run("pg_ctl", &["-w", "-s", "-m", "fast", "stop"]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.command("pg_ctl")
            .args(["-w", "-s", "-m", "immediate", "stop"])
            .status()
            .ok();
    }
}

fn other_than_root() -> Option<(u32, u32)> {
    let id = |args: &[&str]| -> Option<u32> {
        let out = Command::new("id").args(args).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)))
}
