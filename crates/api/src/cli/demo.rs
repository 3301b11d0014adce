//! `kikubari tenant demo`: a company with ten customers, a relay, a sender
//! domain and a first campaign under way, so that a fresh installation shows
//! what it is for.

use std::collections::BTreeMap;

use anyhow::Context;
use domain::campaign::audience::Audience;
use domain::campaign::{self, NewCampaign, control, preflight};
use domain::contact::{self, NewContact};
use domain::contact_field::{self, FieldType, NewContactField};
use domain::ids::ListId;
use domain::list::{self, NewList};
use domain::mail::content::ContentChange;
use domain::mail::{self, NewMail};
use domain::route::{self, Auth, Kind, NewRoute, Security};
use domain::tenant::{self, TenantChange};
use domain::user::{FirstPassword, NewUser};
use domain::{Actor, DomainError, secret, sender_domain, template};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::output::{explain, print};
use crate::state::AppState;

const COMPANY: &str = "気配り商店";
/// Reserved for examples (RFC 2606): no mail of the demo can reach anybody.
const DOMAIN: &str = "demo.example.jp";

/// Names and addresses as they stand in customer files, the awkward ones too.
const PEOPLE: [(&str, &str, &str); 10] = [
    ("髙橋 花子", "hanako.takahashi@example.jp", "千代田区"),
    ("山﨑 太郎", "taro.yamazaki@example.jp", "横浜市"),
    ("渡邉 結衣", "yui..watanabe@docomo.example.jp", "札幌市"),
    ("ｻﾄｳ ﾚﾝ", "ren.sato@example.jp", "仙台市"),
    ("鈴木 ①号店", "store1.suzuki@example.jp", "名古屋市"),
    ("田中 凛", "rin.tanaka@example.com", "京都市"),
    ("伊藤 湊", "minato.ito@example.com", "大阪市"),
    ("中村 芽依", "mei.nakamura@example.org", "神戸市"),
    ("", "someone@example.org", "広島市"),
    ("Emma O'Brien", "emma.obrien@example.com", "福岡市"),
];

pub(super) async fn run(relay: &str) -> anyhow::Result<()> {
    let (host, port) = relay
        .rsplit_once(':')
        .context("--relay wants host:port, for example 127.0.0.1:1025")?;
    let port = port.parse().context("--relay: the port is no number")?;
    let state = super::serve::state()?;
    let (actor, login_id, password) = company(&state).await?;
    fill(&state, &actor, host, port).await.map_err(explain)?;
    print(&format!(
        "tenant: {}\nlogin_id: {login_id}\npassword: {}\n",
        actor.tenant_id,
        password.expose_secret()
    ))
}

/// The tenant and its owner, under another login id when `demo` is in use.
async fn company(state: &AppState) -> anyhow::Result<(Actor, String, SecretString)> {
    let password = secret::random_password();
    let other = format!("demo-{}", hex::encode(secret::random::<3>()));
    for login_id in ["demo".to_owned(), other] {
        let owner = NewUser {
            login_id: login_id.clone(),
            display_name: "気配 太郎".to_owned(),
            email: format!("owner@{DOMAIN}"),
            locale: None,
            password: FirstPassword::Own(password.clone()),
        };
        match tenant::create(&state.db, &state.hasher, COMPANY, owner).await {
            Ok((tenant, user)) => {
                let actor = Actor {
                    user_id: Some(user),
                    ..Actor::operator(tenant)
                };
                return Ok((actor, login_id, password));
            }
            Err(DomainError::Conflict { .. }) => {}
            Err(error) => return Err(explain(error)),
        }
    }
    anyhow::bail!("no login id is free for the demo")
}

async fn fill(state: &AppState, actor: &Actor, host: &str, port: i32) -> domain::error::Result<()> {
    let db = &state.db;
    let settings = tenant::get(db, actor).await?;
    let legal = TenantChange {
        legal_sender_name: Some(COMPANY.to_owned()),
        legal_postal_address: Some("〒100-0001 東京都千代田区千代田1-1".to_owned()),
        legal_contact: Some(format!("info@{DOMAIN}")),
        ..TenantChange::default()
    };
    tenant::update(db, actor, settings.version, legal).await?;
    sender_domain::create(db, &state.keys, actor, DOMAIN).await?;
    let route = route::create(db, &state.keys, actor, relay(host, port)).await?;
    let members = customers(state, actor).await?;

    let start = template::get_supplied(db, actor, template::FIRST_MAIL).await?;
    let first = NewMail {
        name: "はじめてのお知らせ".to_owned(),
        from_template_id: Some(start.id),
        content: ContentChange {
            sender_name: Some(COMPANY.to_owned()),
            sender_address: Some(format!("news@{DOMAIN}")),
            ..ContentChange::default()
        },
        ..NewMail::default()
    };
    let mail = mail::create(db, actor, first).await?;
    let campaign = NewCampaign {
        name: "はじめての配信".to_owned(),
        mail_id: Some(mail.id),
        audience: Audience {
            list_ids: vec![members],
            ..Audience::default()
        },
        route_id: Some(route.id),
        hours: None,
        best_hour: false,
        ab_test: None,
    };
    let campaign = campaign::create(db, actor, campaign).await?;
    let installation = state.installation();
    let found = preflight::run(db, actor, &installation, campaign.id).await?;
    control::send(
        db,
        actor,
        &installation,
        campaign.id,
        found.people.will_receive,
    )
    .await?;
    Ok(())
}

fn relay(host: &str, port: i32) -> NewRoute {
    NewRoute {
        name: "デモ用の受信箱".to_owned(),
        kind: Kind::Relay,
        host: Some(host.to_owned()),
        port: Some(port),
        security: Some(Security::None),
        auth: Auth::None,
        username: String::new(),
        password: None,
        source_address: String::new(),
        helo: String::new(),
        max_sessions: 4,
        sign: true,
        enabled: true,
        position: 1,
        weight: 100,
    }
}

/// Ten customers with an own field, in one list.
async fn customers(state: &AppState, actor: &Actor) -> domain::error::Result<ListId> {
    let db = &state.db;
    let city = NewContactField {
        key: "city".to_owned(),
        label: "市区町村".to_owned(),
        kind: FieldType::Text,
        required: false,
        unique: false,
        default_value: None,
        choices: Vec::new(),
        position: None,
    };
    contact_field::create(db, actor, city).await?;
    let members = NewList {
        name: "メルマガ会員".to_owned(),
        description: "お知らせを受け取るお客さま".to_owned(),
        colour: "teal".to_owned(),
        folder_id: None,
    };
    let members = list::create(db, actor, members).await?.id;
    for (name, email, city) in PEOPLE {
        let person = NewContact {
            email: email.to_owned(),
            name: name.to_owned(),
            fields: BTreeMap::from([("city".to_owned(), json!(city))]),
            list_ids: vec![members],
        };
        contact::create(db, actor, person, "manual").await?;
    }
    Ok(members)
}
