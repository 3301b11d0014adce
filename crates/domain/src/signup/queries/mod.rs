//! SQL of sign-ups.

mod address;
mod people;

pub(super) use address::*;
pub(crate) use people::forget;
pub(super) use people::*;
