//! The sending engine against a real PostgreSQL and a scripted SMTP server.

mod control;
mod relay;
mod send;
mod support;
mod wire;
