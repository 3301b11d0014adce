//! Shared by the engine's tests.

pub(crate) mod fixture;
pub(crate) mod sink;

pub(crate) use fixture::{Counts, Fixture, addresses, route_to};
pub(crate) use sink::{Action, Options, Sink};
