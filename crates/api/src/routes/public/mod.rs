//! Pages for people without log-in: no cookies, no scripts, signed addresses.

pub mod cancel;
pub mod confirm;
mod form;
mod page;
pub mod preview;
pub mod track;
