//! What reports say, and that hostile ones do no harm.
#![expect(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod report;
mod signup;
