//! A campaign that is over, with all that can become of a mail.

use chrono::Datelike;

use super::TestDatabase;
use crate::ids::{CampaignId, TenantId};

/// A finished campaign to so many contacts, `p1@site1.example.jp` and so on,
/// at up to 500 sites. Of a hundred people:
/// 10 skipped (unsubscribed), 10 failed (rejected), 1 unknown, 79 accepted; of
/// the accepted every third opened, every ninth clicked link 1, every
/// twenty-seventh cancelled; a machine opened some too. Counters are right.
pub async fn sent_campaign(database: &TestDatabase, tenant: TenantId, people: i64) -> CampaignId {
    let id = CampaignId::new();
    let now = database.db.now();
    let period = now.date_naive().with_day(1).expect("a first day");
    let (at, start) = (
        now.to_rfc3339(),
        (now - chrono::TimeDelta::minutes(30)).to_rfc3339(),
    );
    database
        .execute_as_owner(&format!(
            // Otherwise VACUUM takes the rows for not yet certain for half a second.
            "SET LOCAL synchronous_commit = on;
             INSERT INTO campaign (tenant_id, id, name, audience, state, period, prepared_at, started_at, finished_at)
             VALUES ('{tenant}', '{id}', '11月号', '{{\"all\": true}}', 'finished', '{period}', '{start}', '{start}', '{at}');
             INSERT INTO link (tenant_id, campaign_id, number, url) VALUES
                ('{tenant}', '{id}', 1, 'https://example.jp/one'), ('{tenant}', '{id}', 2, 'https://example.jp/two');
             CREATE TEMP TABLE new_person AS
                SELECT i, (head || substr(md5('{tenant}'), 1, 12))::uuid AS contact_id, (head || substr(md5('{id}'), 1, 12))::uuid AS id
                FROM (SELECT i, 'c' || lpad(to_hex(i), 7, '0') || '-0000-7000-8000-' AS head FROM generate_series(1, {people}) i) n;
             INSERT INTO contact (tenant_id, id, email, email_key, name, created_at, updated_at)
             SELECT '{tenant}', contact_id,
                    'p' || i || '@site' || i % 500 || '.example.jp', 'p' || i || '@site' || i % 500 || '.example.jp',
                    '人' || i, '{start}', '{start}'
             FROM new_person ON CONFLICT DO NOTHING;
             INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, address, state, reason, site, attempts,
                    reply_code, reply_enhanced, reply_text, reply_host, message_id, attempted_at, accepted_at, opened_at, clicked_at, cancelled_at)
             SELECT '{tenant}', '{period}', id, '{id}', contact_id, 'p' || i || '@site' || i % 500 || '.example.jp',
                    state, CASE state WHEN 'skipped' THEN 'unsubscribed' WHEN 'failed' THEN 'rejected' WHEN 'unknown' THEN 'no_answer' END,
                    CASE WHEN state <> 'skipped' THEN 'site' || i % 500 || '.example.jp' END,
                    CASE WHEN state = 'skipped' THEN 0 ELSE 1 END,
                    CASE state WHEN 'accepted' THEN 250 WHEN 'failed' THEN 550 END,
                    CASE state WHEN 'accepted' THEN '2.0.0' WHEN 'failed' THEN '5.1.1' END,
                    CASE state WHEN 'accepted' THEN '2.0.0 ok' WHEN 'failed' THEN '5.1.1 =HYPERLINK(\"http://evil.example\") unknown' END,
                    CASE WHEN state IN ('accepted', 'failed') THEN 'mx.example.jp' END,
                    CASE WHEN state <> 'skipped' THEN i || '@acme.example.jp' END,
                    CASE WHEN state <> 'skipped' THEN moment END,
                    CASE WHEN state = 'accepted' THEN moment END,
                    CASE WHEN state = 'accepted' AND i % 3 = 0 THEN moment + interval '1 minute' END,
                    CASE WHEN state = 'accepted' AND i % 9 = 0 THEN moment + interval '2 minutes' END,
                    CASE WHEN state = 'accepted' AND i % 27 = 0 THEN moment + interval '3 minutes' END
             FROM (SELECT *, timestamptz '{start}' + i * interval '30 minutes' / {people} AS moment,
                          CASE WHEN i % 10 = 0 THEN 'skipped' WHEN i % 10 = 1 THEN 'failed'
                               WHEN i % 100 = 2 THEN 'unknown' ELSE 'accepted' END AS state FROM new_person) p;
             INSERT INTO event (tenant_id, period, id, kind, campaign_id, delivery_id, contact_id, link_number, machine, at, user_agent)
             SELECT d.tenant_id, date_trunc('month', e.at AT TIME ZONE 'UTC'), gen_random_uuid(), e.kind, d.campaign_id, d.id, d.contact_id,
                    CASE WHEN e.kind = 'click' THEN 1 END, e.machine, e.at, 'Mozilla/5.0'
             FROM delivery d CROSS JOIN LATERAL (VALUES
                ('open', false, d.opened_at), ('click', false, d.clicked_at), ('cancel', false, d.cancelled_at),
                ('open', true, CASE WHEN substr(d.message_id, 1, 1) IN ('5', '0') THEN d.accepted_at END)) AS e (kind, machine, at)
             WHERE d.campaign_id = '{id}' AND e.at IS NOT NULL;
             INSERT INTO campaign_counter (tenant_id, campaign_id, name, value)
             SELECT '{tenant}'::uuid, '{id}'::uuid, state, count(*) FROM delivery WHERE campaign_id = '{id}' GROUP BY state
             UNION ALL SELECT '{tenant}'::uuid, '{id}'::uuid, 'opened', count(opened_at) FROM delivery WHERE campaign_id = '{id}'
             UNION ALL SELECT '{tenant}'::uuid, '{id}'::uuid, 'clicked', count(clicked_at) FROM delivery WHERE campaign_id = '{id}'
             UNION ALL SELECT '{tenant}'::uuid, '{id}'::uuid, 'cancelled', count(cancelled_at) FROM delivery WHERE campaign_id = '{id}';
             DROP TABLE new_person; ANALYZE contact; ANALYZE delivery; ANALYZE event"
        ))
        .await;
    id
}
