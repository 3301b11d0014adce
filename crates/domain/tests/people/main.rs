//! Jobs, files, import and export of contacts against a real database.
#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod bounce_reset;
mod erasure;
mod export;
mod file;
mod housekeeping;
mod import;
mod import_lists;
mod job;
mod python;
mod support;
