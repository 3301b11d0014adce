//! The operator's console: its door, its log-in, tenants' life cycle, and
//! support access.

mod access;
mod console;
mod door;
mod life;
mod log_in;
mod looks;
mod trail;
