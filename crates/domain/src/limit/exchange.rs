//! Sites by their mail servers: who receives for a company's own domain stands
//! in its MX records. The table is pure; what was learned of domains is kept for
//! all mailers and for a purge, which has addresses only.
//!
//! Each suffix is the name that the operator's own set-up pages give for MX
//! records (for example Google Workspace Admin Help "MX record values", Microsoft
//! Learn "External DNS records for Microsoft 365", Apple Support 102374), or, of
//! carriers, that their own domains' MX records have. Suffixes under which
//! strangers run servers of their own (`*.ap.plala.or.jp`, `*.amazonaws.com`) say
//! nothing about who receives and are not among them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::Db;
use crate::error::Result;
use crate::schema::exchange_site;

/// Suffixes of mail servers' names for each site. The first sites are those of
/// [`super::site`]; the others are known by their servers alone.
const EXCHANGES: &[(&str, &[&str])] = &[
    // Workspace: smtp.google.com, before 2023 aspmx.l.google.com and aspmx2.googlemail.com.
    ("gmail", &["google.com", "googlemail.com"]),
    // Microsoft 365 (with DNSSEC *.mx.microsoft), and Outlook.com's own domains.
    (
        "microsoft",
        &[
            "mail.protection.outlook.com",
            "olc.protection.outlook.com",
            "mail.eo.outlook.com",
            "mx.microsoft",
        ],
    ),
    ("icloud", &["mail.icloud.com"]),
    ("yahoo_japan", &["mail.yahoo.co.jp"]),
    ("yahoo", &["yahoodns.net"]),
    ("docomo", &["docomo.ne.jp"]),
    ("au", &["ezweb.ne.jp", "au.com"]),
    (
        "softbank",
        &["softbank.ne.jp", "softbank.jp", "vodafone.ne.jp"],
    ),
    ("ymobile", &["ymobile.ne.jp"]),
    ("line_works", &["worksmobile.com"]),
    ("zoho", &["zoho.com", "zoho.jp", "zoho.eu"]),
    // Hosters. Their customers' domains often name themselves as their server:
    // those stay sites of their own.
    ("pepabo", &["lolipop.jp", "muumuu-mail.com", "heteml.jp"]),
    ("onamae", &["gmoserver.jp", "onamae.ne.jp"]),
    ("sakura", &["sakura.ne.jp"]),
    ("xserver", &["xserver.jp"]),
    ("kagoya", &["kagoya.net"]),
    // Filters before companies' own servers: they judge and throttle over all of them.
    ("iij", &["securemx.jp"]),
    ("trend_micro", &["trendmicro.com"]),
    ("proofpoint", &["pphosted.com", "ppe-hosted.com"]),
    ("mimecast", &["mimecast.com"]),
    ("cisco", &["iphmx.com"]),
    ("messagelabs", &["messagelabs.com"]),
    ("barracuda", &["barracudanetworks.com"]),
];

/// For so long what was learned is believed of a domain that no mail went to since.
const KEPT: TimeDelta = TimeDelta::days(30);
/// After so long it is written again that it is so.
const REPEATED: TimeDelta = TimeDelta::days(1);

/// Names of the sites that are known by their servers, some of them by domains too.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    EXCHANGES.iter().map(|(site, _)| *site)
}

/// The site of a mail server.
#[must_use]
pub fn of_server(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    EXCHANGES
        .iter()
        .find(|(_, suffixes)| suffixes.iter().any(|suffix| is_under(&host, suffix)))
        .map(|(site, _)| *site)
}

/// The site of a domain with these servers, by preference: that of the first. A
/// server for bad days, which takes nothing otherwise, judges nobody.
#[must_use]
pub fn of_servers<'a>(
    by_preference: impl IntoIterator<Item = (u16, &'a str)>,
) -> Option<&'static str> {
    let mut servers = by_preference.into_iter();
    let (best, first) = servers.next()?;
    let equals = servers.take_while(|(preference, _)| *preference == best);
    of_server(first).or_else(|| equals.filter_map(|(_, host)| of_server(host)).next())
}

pub(super) fn is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What name servers said of a domain: its site, or that it is its own.
pub type Learned = (String, Option<&'static str>);

/// Keeps what was learned, for purges. Domains and sites only, nothing of tenants.
///
/// # Errors
/// When the database does.
#[expect(
    clippy::disallowed_methods,
    reason = "an upsert from unnest that leaves fresh rows alone; every value is bound"
)]
pub async fn keep(db: &Db, mut learned: Vec<Learned>) -> Result<()> {
    // In one order, so that two mailers don't wait for each other in a ring.
    learned.sort_unstable();
    learned.dedup_by(|a, b| a.0 == b.0);
    let now = db.now();
    let gone: Vec<&str> = learned
        .iter()
        .filter(|(_, site)| site.is_none())
        .map(|(domain, _)| domain.as_str())
        .collect();
    let (domains, sites): (Vec<&str>, Vec<&str>) = learned
        .iter()
        .filter_map(|(domain, site)| Some((domain.as_str(), (*site)?)))
        .unzip();
    db.system(async |tx| {
        if !domains.is_empty() {
            diesel::sql_query(
                "INSERT INTO exchange_site AS e (domain, site, seen_at)
                 SELECT n.domain, n.site, $3 FROM unnest($1, $2) AS n (domain, site)
                 ON CONFLICT (domain) DO UPDATE SET site = excluded.site, seen_at = excluded.seen_at
                 WHERE e.site <> excluded.site OR e.seen_at < $4",
            )
            .bind::<Array<Text>, _>(&domains)
            .bind::<Array<Text>, _>(&sites)
            .bind::<Timestamptz, _>(now)
            .bind::<Timestamptz, _>(now - REPEATED)
            .execute(tx)
            .await?;
        }
        if !gone.is_empty() {
            diesel::delete(exchange_site::table)
                .filter(exchange_site::domain.eq_any(&gone))
                .execute(tx)
                .await?;
        }
        Ok(())
    })
    .await
}

/// Forgets domains that nobody asked about for long.
pub(crate) async fn forget(tx: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<()> {
    diesel::delete(exchange_site::table)
        .filter(exchange_site::seen_at.lt(now - KEPT))
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[test]
    fn a_server_tells_who_receives() {
        let table = [
            ("aspmx.l.google.com", Some("gmail")),
            ("ALT1.ASPMX.L.GOOGLE.COM.", Some("gmail")),
            ("smtp.google.com", Some("gmail")),
            ("acme-co-jp.mail.protection.outlook.com", Some("microsoft")),
            ("acme-co-jp.o-v1.mx.microsoft", Some("microsoft")),
            ("outlook-com.olc.protection.outlook.com", Some("microsoft")),
            ("mx01.mail.icloud.com", Some("icloud")),
            ("mfsmax.docomo.ne.jp", Some("docomo")),
            ("lsean.ezweb.ne.jp", Some("au")),
            ("mx.softbank.ne.jp", Some("softbank")),
            ("mx1.mail.yahoo.co.jp", Some("yahoo_japan")),
            ("jp1-aspmx1.worksmobile.com", Some("line_works")),
            ("mx1.securemx.jp", Some("iij")),
            ("mx0a-001.pphosted.com", Some("proofpoint")),
            ("mail.acme.co.jp", None),
            ("notgoogle.com", None),
            ("google.com.evil.example", None),
            ("", None),
        ];
        for (host, site) in table {
            assert_eq!(of_server(host), site, "{host}");
        }
    }

    #[test]
    fn the_servers_that_are_asked_first_decide() {
        let of = |servers: &[(u16, &'static str)]| of_servers(servers.iter().copied());
        let google = "aspmx.l.google.com";
        assert_eq!(of(&[(1, google), (5, "mx.acme.co.jp")]), Some("gmail"));
        assert_eq!(of(&[(5, "a.acme.co.jp"), (5, google)]), Some("gmail"));
        assert_eq!(of(&[(5, "mx.acme.co.jp"), (10, google)]), None);
        assert_eq!(of(&[]), None);
    }

    #[tokio::test]
    async fn what_is_learned_is_kept_once_and_a_domain_that_moved_away_is_forgotten() {
        let database = TestDatabase::new().await;
        let learned = |site| vec![("acme.co.jp".to_owned(), site)];
        let kept = "SELECT coalesce(string_agg(domain || ' ' || site, ',' ORDER BY domain), '') FROM exchange_site";
        for _ in 0..2 {
            keep(&database.db, learned(Some("gmail"))).await.unwrap();
            assert_eq!(database.text(kept).await, "acme.co.jp gmail");
        }
        keep(&database.db, learned(Some("microsoft")))
            .await
            .unwrap();
        assert_eq!(database.text(kept).await, "acme.co.jp microsoft");
        keep(&database.db, learned(None)).await.unwrap();
        assert_eq!(database.text(kept).await, "");
    }
}
