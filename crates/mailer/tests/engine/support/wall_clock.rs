//! A wall clock that can be set, for the real program.
#![expect(
    clippy::disallowed_methods,
    reason = "tests that start and stop programs"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use tempfile::TempDir;

/// The clock of the processes that are started with its settings.
pub(crate) struct WallClock {
    dir: TempDir,
    /// By how many seconds it is ahead; they have it mapped.
    ahead: File,
}

impl WallClock {
    /// Right at first.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/engine/support/wall_clock.c"
        );
        // The compiler that Rust links with.
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .arg(dir.path().join("wall_clock.so"))
            .arg(source)
            .status()
            .unwrap();
        assert!(compiled.success());
        let ahead = File::create(dir.path().join("ahead")).unwrap();
        let clock = Self { dir, ahead };
        clock.set_ahead(0);
        clock
    }

    /// What a process is started with that is to have it.
    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        [
            ("LD_PRELOAD", path("wall_clock.so")),
            ("KIKUBARI_TEST_CLOCK", path("ahead")),
        ]
    }

    /// Jumps.
    pub(crate) fn set_ahead(&self, seconds: i64) {
        self.ahead.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}
