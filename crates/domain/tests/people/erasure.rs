//! Erasure: nothing names the person any more, and the numbers stay.

use domain::DomainError;
use domain::contact;
use domain::erasure::{self, Certificate, Erasure, NewErasure, State, Subject};
use domain::ids::{CampaignId, ContactId};
use domain::testing::{TestTenant, sent_campaign};

use crate::support::World;

const ADDRESS: &str = "p27@site27.example.jp";

/// A person who opened, clicked and cancelled, stands in every table that knows
/// people, and was changed by somebody.
async fn mailed(world: &World) -> (CampaignId, ContactId) {
    let tenant = world.tenant.id;
    let campaign = sent_campaign(&world.database, tenant, 100).await;
    let sql = format!("SELECT id::text FROM contact WHERE email = '{ADDRESS}'");
    let id = ContactId(world.database.text(&sql).await.parse().unwrap());
    world
        .database
        .execute_as_owner(&format!(
            "INSERT INTO consent (tenant_id, id, contact_id, address, kind, source, ip, user_agent)
             VALUES ('{tenant}', gen_random_uuid(), '{id}', '{ADDRESS}', 'given', 'form', '203.0.113.9', 'Browser');
             INSERT INTO suppression (tenant_id, id, kind, value, reason)
             VALUES ('{tenant}', gen_random_uuid(), 'address', '{ADDRESS}', 'cancelled');
             UPDATE event SET ip = '203.0.113.9', detail = '{{\"address\": \"{ADDRESS}\", \"reason\": \"x\"}}' WHERE contact_id = '{id}';
             UPDATE delivery SET reply_text = '250 {ADDRESS} ok' WHERE contact_id = '{id}'"
        ))
        .await;
    let change = contact::ContactChange {
        name: Some("山田 太郎".to_owned()),
        ..contact::ContactChange::default()
    };
    contact::update(&world.database.db, &world.actor, id, 1, change)
        .await
        .unwrap();
    (campaign, id)
}

async fn erase(world: &World, subject: Subject, keep_blocked: bool) -> Erasure {
    let new = NewErasure {
        subject,
        keep_blocked,
        note: "受付 17".to_owned(),
    };
    let row = erasure::create(&world.database.db, &world.actor, new)
        .await
        .unwrap();
    world.drain().await;
    let job = "SELECT coalesce(max(error_detail), '') FROM job WHERE kind = 'erasure' AND state = 'failed'";
    assert_eq!(world.database.text(job).await, "");
    get(world, &row).await
}

async fn get(world: &World, row: &Erasure) -> Erasure {
    erasure::get(&world.database.db, &world.actor, row.id)
        .await
        .unwrap()
}

/// As if the month after the last mail were over.
async fn let_the_month_pass(world: &World, row: &Erasure) -> Erasure {
    world
        .database
        .execute_as_owner("UPDATE erasure SET ledger_until = now() - interval '1 second'")
        .await;
    domain::housekeeping::run_once(&world.database.db)
        .await
        .unwrap();
    get(world, row).await
}

/// Tables of which a row holds the text, partitions by their parents.
async fn holding(world: &World, text: &str) -> String {
    world
        .database
        .execute_as_owner(
            "CREATE OR REPLACE FUNCTION holding(what text) RETURNS text LANGUAGE plpgsql AS $$
             DECLARE t record; n bigint; found text := '';
             BEGIN
                FOR t IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
                         WHERE s.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1 LOOP
                    EXECUTE format('SELECT count(*) FROM %s t WHERE t::text ILIKE $1', t.name) INTO n USING '%' || what || '%';
                    IF n > 0 THEN found := found || t.name || ' '; END IF;
                END LOOP;
                RETURN trim(found);
             END $$",
        )
        .await;
    let sql = format!("SELECT holding('{text}')");
    world.database.text(&sql).await
}

#[tokio::test]
async fn an_erased_person_is_named_nowhere_and_the_numbers_stay() {
    let world = World::new().await;
    let (campaign, id) = mailed(&world).await;
    let before = world
        .database
        .text(&format!(
            "SELECT string_agg(name || '=' || value, ' ' ORDER BY name) FROM campaign_counter WHERE campaign_id = '{campaign}'"
        ))
        .await;
    let row = erase(&world, Subject::Contact(id), false).await;
    assert_eq!(row.state, State::Waiting);
    assert!(row.ledger_until.unwrap() > world.database.db.now());
    // Until the month is over: the ledger, and what is looked for in the end.
    assert_eq!(holding(&world, ADDRESS).await, "consent erasure");
    assert_eq!(holding(&world, "山田").await, "erasure");
    let row = let_the_month_pass(&world, &row).await;
    assert_eq!(row.state, State::Done);
    for text in [ADDRESS, "203.0.113.9", "山田", &id.to_string()] {
        let left = holding(&world, text).await;
        // Who was erased is still told by the id in the trace, and by nothing else.
        let allowed = if text == id.to_string() {
            "audit_entry"
        } else {
            ""
        };
        assert_eq!(left, allowed, "{text}");
    }
    let after = world
        .database
        .text(&format!(
            "SELECT string_agg(name || '=' || value, ' ' ORDER BY name) FROM campaign_counter WHERE campaign_id = '{campaign}'"
        ))
        .await;
    assert_eq!(before, after);
    let rows = "SELECT count(*) FROM delivery WHERE address = '' AND opened_at IS NOT NULL";
    assert_eq!(world.database.count(rows).await, 1);
    assert_eq!(
        world.database.count("SELECT count(*) FROM delivery").await,
        100
    );
    let certificate = row.certificate().unwrap();
    assert_eq!(
        certificate.address_hash,
        Certificate::hash(&certificate.salt, ADDRESS)
    );
    for (what, n) in [
        ("contact", 1),
        ("delivery", 1),
        ("event", 3),
        ("consent", 1),
        ("suppression", 1),
    ] {
        assert_eq!(certificate.erased[what], n, "{what}");
    }
}

/// Webhooks that were told, are to be told, and answered; searches; an export.
async fn talked_about(world: &World, id: ContactId) {
    let db = &world.database.db;
    let keys = domain::secret::Keys::from_master(&[3; 32]).unwrap();
    let new = domain::webhook::NewWebhook {
        url: "https://example.jp/hook".to_owned(),
        description: String::new(),
        events: domain::webhook::Topic::ALL.to_vec(),
        enabled: true,
    };
    let rules = domain::egress::Rules::default();
    domain::webhook::create(db, &keys, &rules, &world.actor, new)
        .await
        .unwrap();
    let call = async |name: &str, version: i32| {
        let change = contact::ContactChange {
            name: Some(name.to_owned()),
            ..contact::ContactChange::default()
        };
        contact::update(db, &world.actor, id, version, change)
            .await
            .unwrap();
    };
    world.contact("taro@example.jp", "鈴木 一郎", &[]).await;
    call("山田 花子", 2).await;
    while domain::webhook::outbox::fan_out(db).await.unwrap() {}
    let tenant = world.tenant.id;
    world
        .database
        .execute_as_owner(&format!(
            "UPDATE webhook_message SET state = 'delivered', finished_at = now(), due_at = NULL WHERE topic = 'contact.updated';
             INSERT INTO webhook_attempt (tenant_id, message_id, number, at, duration_ms, answer)
             SELECT tenant_id, id, 1, now(), 5, 'took {ADDRESS}' FROM webhook_message WHERE state = 'delivered'"
        ))
        .await;
    // In the outbox, in a message that waits, and in one that is over.
    call("山田 太郎", 3).await;
    let looks: String = ["q=山田", "q=P27@site27.example.jp&status=active", "q=p27", "q=鈴木"]
        .map(|query| {
            format!("INSERT INTO access_entry (tenant_id, id, at, actor_kind, operation, subject_kind, query)
                     VALUES ('{tenant}', gen_random_uuid(), now(), 'user', 'list_contacts', 'contact', '{query}');")
        })
        .concat();
    world.database.execute_as_owner(&looks).await;
    let export = domain::contact::export::NewExport {
        encoding: contact::import::Encoding::Utf8,
        columns: vec!["email".to_owned()],
        filter: contact::ContactFilter {
            q: Some("山田".to_owned()),
            ..contact::ContactFilter::default()
        },
    };
    domain::contact::export::create(db, &world.actor, export)
        .await
        .unwrap();
    let viewed = domain::audit::Entry {
        action: "support.viewed",
        subject_kind: "contacts",
        after: Some(serde_json::json!({ "operation": "list_contacts", "query": "q=山田 太郎" })),
        ..domain::audit::Entry::default()
    };
    db.tenant(tenant, async |tx| {
        domain::audit::record(tx, &world.actor, viewed).await
    })
    .await
    .unwrap();
    world.drain().await;
    // What the file holds goes by itself, as the certificate says.
    world.database.execute_as_owner("DELETE FROM file").await;
}

#[tokio::test]
async fn neither_webhooks_nor_searches_nor_exports_name_an_erased_person() {
    let world = World::new().await;
    let (_, id) = mailed(&world).await;
    talked_about(&world, id).await;
    for table in [
        "outbox",
        "webhook_message",
        "webhook_attempt",
        "access_entry",
    ] {
        let left = holding(&world, ADDRESS).await;
        assert!(left.split(' ').any(|t| t == table), "{table}: {left}");
    }
    let row = erase(&world, Subject::Contact(id), false).await;
    while domain::webhook::outbox::fan_out(&world.database.db)
        .await
        .unwrap()
    {}
    let row = let_the_month_pass(&world, &row).await;
    assert_eq!(row.state, State::Done);
    for text in [ADDRESS, "山田"] {
        assert_eq!(holding(&world, text).await, "", "{text}");
    }
    // The other side hears that the contact is gone, by its id.
    let told = format!(
        "SELECT count(*) FROM webhook_message WHERE state = 'pending' AND topic = 'contact.deleted'
         AND body::json #>> '{{data,0,contact_id}}' = '{id}' AND body::json #>> '{{data,0,email}}' = ''"
    );
    assert_eq!(world.database.count(&told).await, 1);
    // What is about others stays.
    assert!(holding(&world, "鈴木").await.contains("webhook_message"));
    let looks = "SELECT string_agg(coalesce(query, '-'), ' ' ORDER BY query) FROM access_entry";
    assert_eq!(world.database.text(looks).await, "q=鈴木 - - -");
    let certificate = row.certificate().unwrap();
    assert!(certificate.erased["webhook_message"] >= 2);
    for (what, days) in [("webhook_messages", 33), ("repeated_requests", 1)] {
        let kept = certificate.kept.iter().find(|kept| kept.what == what);
        assert_eq!(kept.unwrap().days, Some(days), "{what}");
    }
    let chain = domain::audit::chain::verify(&world.database.db, world.tenant.id, None);
    assert!(chain.await.unwrap().is_whole());
}

#[tokio::test]
async fn who_has_a_longer_address_keeps_their_events_however_many() {
    let world = World::new().await;
    let (_, id) = mailed(&world).await;
    talked_about(&world, id).await;
    let tenant = world.tenant.id;
    // Before the person's own: more than a step takes, and none to be changed.
    let others = format!(
        r#"INSERT INTO webhook_message (tenant_id, id, webhook_id, topic, event_count, body, state, queued_at, created_at, finished_at)
        SELECT tenant_id, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, id, 'contact.updated', 1,
               '{{"data":[{{"contact_id":"{}","email":"x{ADDRESS}"}}]}}', 'delivered', now(), now(), now()
        FROM webhook, generate_series(1, 120) n WHERE tenant_id = '{tenant}'"#,
        ContactId::new()
    );
    world.database.execute_as_owner(&others).await;
    erase(&world, Subject::Contact(id), false).await;
    let told = async |what: &str| {
        let told = format!("SELECT count(*) FROM webhook_message WHERE body LIKE '%{what}%'");
        world.database.count(&told).await
    };
    assert_eq!(told(&format!("\"x{ADDRESS}\"")).await, 120);
    assert_eq!(told(&format!("\"{ADDRESS}\"")).await, 0);
    assert_eq!(told("山田").await, 0);
}

#[tokio::test]
async fn the_address_alone_stays_on_the_block_list_when_asked_for() {
    let world = World::new().await;
    let (_, id) = mailed(&world).await;
    let tenant = world.tenant.id;
    world
        .database
        .execute_as_owner(&format!(
            "UPDATE suppression SET note = '電話 090-0000-0017';
             INSERT INTO route (tenant_id, id, name, host, port, security)
             VALUES ('{tenant}', gen_random_uuid(), '混む', 'smtp.example.jp', 25, 'none');
             INSERT INTO send_slowdown (tenant_id, id, sender_domain, route_id, site, per_minute, used_until, meaning, slowed_at, eased_at, reply_text)
             SELECT tenant_id, gen_random_uuid(), 'shop.example.jp', id, 'site27.example.jp', 60, now(), 'busy', now(), now(),
                    '451 too many for <{ADDRESS}>' FROM route WHERE name = '混む'"
        ))
        .await;
    assert!(holding(&world, ADDRESS).await.contains("send_slowdown"));
    let row = erase(&world, Subject::Contact(id), true).await;
    let row = let_the_month_pass(&world, &row).await;
    assert_eq!(holding(&world, ADDRESS).await, "suppression");
    assert_eq!(holding(&world, "090-0000-0017").await, "");
    let erased = row.certificate().unwrap().erased;
    assert_eq!((erased["suppression_note"], erased["site_reply"]), (1, 1));
    let kept = row.certificate().unwrap().kept;
    assert!(kept.iter().any(|kept| kept.what == "blocked_address"));
}

#[tokio::test]
async fn somebody_whose_contact_was_deleted_before_is_found_by_the_address() {
    let world = World::new().await;
    let (_, id) = mailed(&world).await;
    contact::delete(&world.database.db, &world.actor, id, 2)
        .await
        .unwrap();
    let subject = Subject::Address(ADDRESS.to_uppercase().replace("P27@", "p27@"));
    let row = erase(&world, subject, false).await;
    let row = let_the_month_pass(&world, &row).await;
    assert_eq!(row.state, State::Done);
    assert_eq!(holding(&world, ADDRESS).await, "");
    assert_eq!(row.certificate().unwrap().erased["delivery"], 1);
}

#[tokio::test]
async fn mails_that_wait_are_left_out_and_one_in_hand_is_waited_for() {
    let world = World::new().await;
    let (campaign, id) = mailed(&world).await;
    let state = async |state: &str, from: &str| {
        world
            .database
            .execute_as_owner(&format!(
                "UPDATE delivery SET state = '{state}' WHERE contact_id = '{id}';
                 UPDATE campaign_counter SET value = value - 1 WHERE campaign_id = '{campaign}' AND name = '{from}';
                 INSERT INTO campaign_counter AS c VALUES ('{}', '{campaign}', '{state}', 1)
                 ON CONFLICT (tenant_id, campaign_id, name) DO UPDATE SET value = c.value + 1",
                world.tenant.id
            ))
            .await;
    };
    state("claimed", "accepted").await;
    let row = erase(&world, Subject::Contact(id), true).await;
    assert_eq!(row.state, State::Running);
    let wait = "SELECT count(*) FROM job_queue WHERE run_at > now() AND leased_until IS NULL";
    assert_eq!(world.database.count(wait).await, 1);
    // The server put it off: it waits again, and is left out.
    state("deferred", "claimed").await;
    world
        .database
        .execute_as_owner("UPDATE job_queue SET run_at = now() - interval '1 second'")
        .await;
    world.drain().await;
    assert_eq!(get(&world, &row).await.state, State::Waiting);
    let counts = format!(
        "SELECT count(*) FROM campaign_counter c WHERE campaign_id = '{campaign}'
         AND name IN ('accepted', 'deferred', 'claimed', 'skipped', 'failed', 'unknown')
         AND value <> (SELECT count(*) FROM delivery d WHERE d.campaign_id = c.campaign_id AND d.state = c.name)"
    );
    assert_eq!(world.database.count(&counts).await, 0);
    let left_out =
        "SELECT count(*) FROM delivery WHERE address = '' AND reason = 'contact_deleted'";
    assert_eq!(world.database.count(left_out).await, 1);
}

#[tokio::test]
async fn the_ledger_is_not_erased_before_its_time_nor_without_an_erasure() {
    let world = World::new().await;
    let (_, id) = mailed(&world).await;
    let row = erase(&world, Subject::Contact(id), false).await;
    assert_eq!(row.state, State::Waiting);
    domain::housekeeping::run_once(&world.database.db)
        .await
        .unwrap();
    assert_eq!(
        world.database.count("SELECT count(*) FROM consent").await,
        1
    );
    // Another tenant's erasure is not found by the function that may delete.
    let theirs = TestTenant::create(&world.database.db, "rival").await;
    let foreign = Subject::Contact(id);
    let new = NewErasure {
        subject: foreign,
        keep_blocked: true,
        note: String::new(),
    };
    let refused = erasure::create(&world.database.db, &theirs.owner(), new).await;
    assert!(matches!(refused, Err(DomainError::NotFound { .. })));
}

#[tokio::test]
async fn a_person_can_have_all_their_data() {
    let world = World::new().await;
    let (_, id) = mailed(&world).await;
    let data = erasure::export(&world.database.db, &world.actor, id)
        .await
        .unwrap();
    let n = |name: &str| {
        let rows = data.rows.iter().find(|(kind, _)| *kind == name);
        rows.unwrap().1.as_array().unwrap().len()
    };
    assert_eq!(data.contact.email, ADDRESS);
    assert_eq!((n("mails"), n("events"), n("consents")), (1, 3, 1));
    let audit = "SELECT count(*) FROM audit_entry WHERE action = 'contact.data_exported'";
    assert_eq!(world.database.count(audit).await, 1);
}
