//! Pages for people without log-in: no cookies, no scripts, signed addresses.

pub mod preview;
