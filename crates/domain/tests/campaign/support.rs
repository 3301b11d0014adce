//! A tenant that is ready to send.

use std::sync::Arc;

use domain::campaign::audience::Audience;
use domain::campaign::{self, Campaign, NewCampaign};
use domain::contact::{self, ContactStatus, NewContact};
use domain::ids::{ContactId, ListId, MailId};
use domain::list::{self, NewList};
use domain::mail::content::ContentChange;
use domain::mail::render::Installation;
use domain::mail::{self, NewMail};
use domain::secret::Keys;
use domain::tenant::{self, TenantChange};
use domain::testing::{TestDatabase, TestTenant};
use domain::{Actor, template};

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) tenant: TestTenant,
    pub(crate) actor: Actor,
    pub(crate) installation: Installation,
    pub(crate) mail: MailId,
}

pub(crate) fn installation() -> Installation {
    Installation {
        public_url: "https://mail.example".to_owned(),
        keys: Arc::new(Keys::from_master(&[7; 32]).unwrap()),
    }
}

impl World {
    /// Legal items, a route, a sender domain with a key, and a mail made from
    /// a supplied template.
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await;
        let actor = tenant.owner();
        let change = TenantChange {
            legal_sender_name: Some("株式会社acme".to_owned()),
            legal_postal_address: Some("東京都千代田区1-1-1".to_owned()),
            legal_contact: Some("info@acme.example.jp".to_owned()),
            ..TenantChange::default()
        };
        tenant::update(&database.db, &actor, 1, change)
            .await
            .unwrap();
        let t = tenant.id;
        database
            .execute_as_owner(&format!(
                "INSERT INTO route (tenant_id, id, name, host, port, security)
                 VALUES ('{t}', gen_random_uuid(), 'relay', '127.0.0.1', 1025, 'none');
                 INSERT INTO sender_domain (tenant_id, id, domain) VALUES ('{t}', gen_random_uuid(), 'acme.example.jp');
                 INSERT INTO dkim_key (tenant_id, id, sender_domain_id, selector, algorithm, private_key_sealed, public_key)
                 SELECT tenant_id, gen_random_uuid(), id, 's1', 'rsa-sha256', '\\x00', 'x' FROM sender_domain"
            ))
            .await;
        let from = template::get_supplied(&database.db, &actor, template::FIRST_MAIL)
            .await
            .unwrap();
        let new = NewMail {
            name: "お知らせ".to_owned(),
            from_template_id: Some(from.id),
            content: ContentChange {
                sender_name: Some("acme".to_owned()),
                sender_address: Some("news@acme.example.jp".to_owned()),
                ..ContentChange::default()
            },
            ..NewMail::default()
        };
        let mail = mail::create(&database.db, &actor, new).await.unwrap().id;
        Self {
            database,
            tenant,
            actor,
            installation: installation(),
            mail,
        }
    }

    pub(crate) async fn list(&self, name: &str) -> ListId {
        let new = NewList {
            name: name.to_owned(),
            description: String::new(),
            colour: "gray".to_owned(),
            folder_id: None,
        };
        list::create(&self.database.db, &self.actor, new)
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn contact(&self, email: &str, lists: &[ListId]) -> ContactId {
        let new = NewContact {
            email: email.to_owned(),
            name: "髙橋".to_owned(),
            fields: std::collections::BTreeMap::new(),
            list_ids: lists.to_vec(),
        };
        contact::create(&self.database.db, &self.actor, new, "manual")
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn set_status(&self, id: ContactId, status: ContactStatus) {
        let sql = format!(
            "UPDATE contact SET status = '{}' WHERE id = '{id}'",
            status.as_str()
        );
        self.database.execute_as_owner(&sql).await;
    }

    /// Many contacts in one list, by SQL.
    pub(crate) async fn many(&self, n: i64, list: ListId) {
        let t = self.tenant.id;
        let ids: Vec<String> = (0..n).map(|_| format!("'{}'", ContactId::new())).collect();
        self.database
            .execute_as_owner(&format!(
                "INSERT INTO contact (tenant_id, id, email, email_key, created_at, updated_at)
                 SELECT '{t}', id::uuid, 'p' || i || '@example.jp', 'p' || i || '@example.jp', now(), now()
                 FROM unnest(ARRAY[{}]) WITH ORDINALITY AS new (id, i);
                 INSERT INTO subscription (tenant_id, list_id, contact_id, status)
                 SELECT '{t}', '{list}', id, 'subscribed' FROM contact WHERE email LIKE 'p%@example.jp'",
                ids.join(",")
            ))
            .await;
    }

    pub(crate) async fn campaign(&self, audience: Audience) -> Campaign {
        let new = NewCampaign {
            name: "キャンペーン".to_owned(),
            mail_id: Some(self.mail),
            audience,
            route_id: None,
            hours: None,
            best_hour: false,
            ab_test: None,
        };
        campaign::create(&self.database.db, &self.actor, new)
            .await
            .unwrap()
    }

    /// Sent to everybody whom pre-flight counts.
    pub(crate) async fn send(&self, audience: Audience) -> Campaign {
        let draft = self.campaign(audience).await;
        let db = &self.database.db;
        let found = campaign::preflight::run(db, &self.actor, &self.installation, draft.id)
            .await
            .unwrap();
        campaign::control::send(
            db,
            &self.actor,
            &self.installation,
            draft.id,
            found.people.will_receive,
        )
        .await
        .unwrap()
    }

    pub(crate) async fn get(&self, id: domain::ids::CampaignId) -> Campaign {
        campaign::get(&self.database.db, &self.actor, id)
            .await
            .unwrap()
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.database.count(sql).await
    }
}

pub(crate) fn lists(ids: &[ListId]) -> Audience {
    Audience {
        list_ids: ids.to_vec(),
        ..Audience::default()
    }
}
