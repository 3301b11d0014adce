//! Ready-made rows for tests.

use std::sync::Arc;

use secrecy::SecretString;

use crate::actor::Actor;
use crate::db::Db;
use crate::error::Result;
use crate::factor::Factors;
use crate::ids::{TenantId, UserId};
use crate::role::BuiltinRole;
use crate::secret::Keys;
use crate::session::password::{Cost, Hasher};
use crate::session::token::AccessTokens;
use crate::session::{self, Device, LoggedIn, Outcome};
use crate::tenant;
use crate::user::{self, FirstPassword, NewUser};

/// Of every user that a test makes.
pub const TEST_PASSWORD: &str = "correct horse battery";

/// A tenant with an owner, an editor and a viewer.
pub struct TestTenant {
    pub id: TenantId,
    pub owner_id: UserId,
    /// What the login ids begin with: `<prefix>-owner`, `<prefix>-editor`, `<prefix>-viewer`.
    pub prefix: String,
}

impl TestTenant {
    /// The cheapest argon2 that the library allows: what is tested is not its strength.
    pub fn hasher() -> Hasher {
        Hasher::new(Cost {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        })
        .expect("a hasher")
    }

    /// A session of somebody who has no second factor.
    ///
    /// # Errors
    /// Those of [`session::log_in`].
    pub async fn log_in(
        db: &Db,
        tokens: &AccessTokens,
        login_id: &str,
        password: &str,
        device: Device,
    ) -> Result<LoggedIn> {
        let keys = Keys::from_master(&[1; 32]).expect("keys");
        let factors = Factors::new(Arc::new(keys), "https://kikubari.example.jp");
        let (hasher, password) = (Self::hasher(), SecretString::from(password));
        match session::log_in(db, &hasher, tokens, &factors, login_id, password, device).await? {
            Outcome::LoggedIn(logged_in) => Ok(*logged_in),
            Outcome::SecondFactor(_) => panic!("{login_id} has a second factor"),
        }
    }

    pub async fn create(db: &Db, prefix: &str) -> Self {
        let hasher = Self::hasher();
        let (id, owner_id) = tenant::create(
            db,
            &hasher,
            &format!("株式会社{prefix}"),
            person(prefix, "owner"),
        )
        .await
        .expect("a tenant");
        let actor = Actor::operator(id);
        let keys = Keys::from_master(&[42; 32]).expect("keys");
        for role in [BuiltinRole::Editor, BuiltinRole::Viewer] {
            let new = person(prefix, role.key());
            user::create(db, &hasher, &keys, &actor, role.key(), new)
                .await
                .expect("a user");
        }
        Self {
            id,
            owner_id,
            prefix: prefix.to_owned(),
        }
    }

    /// One more person, of any role: `<prefix>-<role>`.
    pub async fn add(&self, db: &Db, role: &str) -> UserId {
        let hasher = Self::hasher();
        let actor = Actor::operator(self.id);
        let new = person(&self.prefix, role);
        let keys = Keys::from_master(&[42; 32]).expect("keys");
        let user = user::create(db, &hasher, &keys, &actor, role, new).await;
        user.expect("a user").id
    }

    /// The owner, as use cases see them.
    pub fn owner(&self) -> Actor {
        Actor {
            user_id: Some(self.owner_id),
            ..Actor::system(self.id)
        }
    }

    pub fn login_id(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }
}

fn person(prefix: &str, role: &str) -> NewUser {
    NewUser {
        login_id: format!("{prefix}-{role}"),
        display_name: format!("{prefix} {role}"),
        email: format!("{role}@{prefix}.example.jp"),
        locale: None,
        password: FirstPassword::Own(SecretString::from(TEST_PASSWORD)),
    }
}
