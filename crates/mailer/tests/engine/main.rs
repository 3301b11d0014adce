//! The sending engine against a real PostgreSQL and a scripted SMTP server.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod best_hour;
mod bounce;
mod clock;
mod control;
mod database_tls;
mod date_mail;
mod direct;
mod domain_watch;
mod fair;
mod hours;
mod journal;
mod kill;
mod limits;
mod purge;
mod relay;
mod resend;
mod routes;
mod schedule;
mod send;
mod sequence;
mod sessions;
mod sites;
mod support;
mod suspended;
mod system_mail;
mod transactional;
mod unsendable;
mod variant;
mod webhook;
mod webhook_wait;
mod wire;
