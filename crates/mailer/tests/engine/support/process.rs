//! The real program, to be killed.
#![expect(
    clippy::disallowed_methods,
    reason = "tests that start and stop programs"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use base64::Engine;
use tempfile::TempDir;

use super::Fixture;

/// What mailer processes of one test share.
pub(crate) struct Machine {
    dir: TempDir,
    database_url: String,
    /// What `KIKUBARI_RELAY_INSIDE` names.
    relay: String,
    /// Run before the program, in a shell (`ulimit …`).
    pub(crate) before: String,
}

/// A running `kikubari-mailer run`; killed with the value.
pub(crate) struct Process(Child);

impl Machine {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The key that the fixture seals with.
        let key = base64::engine::general_purpose::STANDARD.encode([9; 32]);
        std::fs::write(dir.path().join("key"), key).unwrap();
        Self {
            dir,
            database_url: fixture.database.app_url(),
            relay: fixture.relay.to_string(),
            before: String::new(),
        }
    }

    /// With the database under another address.
    pub(crate) fn with_database(mut self, url: &str) -> Self {
        url.clone_into(&mut self.database_url);
        self
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    /// Names of what is in the journal's folder.
    pub(crate) fn journal_files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.journal())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|e| e == "journal" || e == "lock")
            })
            .collect()
    }

    pub(crate) fn start(&self) -> Process {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, settings: &[(&str, &str)]) -> Process {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let script = format!("{} exec \"$0\" run", self.before);
        let child = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_kikubari-mailer")])
            .env("KIKUBARI_DATABASE_URL", &self.database_url)
            .env("KIKUBARI_SECRET_KEY_FILE", self.dir.path().join("key"))
            .env("KIKUBARI_JOURNAL_DIR", self.journal())
            .env("KIKUBARI_RELAY_INSIDE", &self.relay)
            .env("KIKUBARI_SITES_BY_MX", "false")
            .env("KIKUBARI_LOG", "info")
            .envs(settings.iter().copied())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Process(child)
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub(crate) fn log(&self) -> String {
        read(&self.log_path())
    }

    /// Ends when the processes have said `what` so many times.
    pub(crate) async fn said(&self, what: &str, times: usize) {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
        while self.log().matches(what).count() < times {
            looks.tick().await;
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Process {
    fn id(&self) -> u32 {
        self.0.id()
    }

    /// Lets its files grow again, as if there were room on the disk.
    pub(crate) fn lift_file_limit(&self) {
        let id = self.id().to_string();
        let lifted = Command::new("prlimit")
            .args(["--pid", &id, "--fsize=unlimited:unlimited"])
            .status()
            .unwrap();
        assert!(lifted.success());
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM, and its end.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let sent = Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        tokio::task::spawn_blocking(move || self.0.wait().unwrap())
            .await
            .unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
