//! What the pages for people without log-in share: the queue of opens and
//! clicks, the addresses of links, and limits of their own.

mod limits;
mod targets;
mod tracker;

use domain::Db;
use domain::mail::render::Installation;

pub use self::limits::VisitorLimits;
pub use self::targets::Targets;
pub use self::tracker::Tracker;

/// Shared by all threads.
pub struct Visitors {
    pub limits: VisitorLimits,
    pub targets: Targets,
    pub tracker: Tracker,
}

impl Visitors {
    /// Takes no hits in before [`Tracker::start`].
    #[must_use]
    pub fn new(db: Db, installation: Installation) -> Self {
        Self {
            limits: VisitorLimits::default(),
            targets: Targets::new(db.clone(), installation),
            tracker: Tracker::new(db),
        }
    }
}
