//! Shared by the engine's tests.

pub(crate) mod cluster;
pub(crate) mod fixture;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod sink;
pub(crate) mod tls;
pub(crate) mod wall_clock;
pub(crate) mod zone;

pub(crate) use cluster::Cluster;
pub(crate) use fixture::{Counts, Fixture, addresses, route_to};
pub(crate) use ports::{DeadPort, free_port};
pub(crate) use process::Machine;
pub(crate) use sink::{Action, Options, Sink, Tls};
pub(crate) use tls::Authority;
pub(crate) use wall_clock::WallClock;
pub(crate) use zone::Zone;
