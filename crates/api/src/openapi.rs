//! The OpenAPI document: collected from the handlers, completed with what
//! holds for all of them.

use actix_web::App;
use domain::Permission;
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes,
    SecurityScheme,
};
use utoipa::openapi::{Components, ObjectBuilder, OpenApi, Ref, RefOr, Required, Schema, Type};
use utoipa_actix_web::AppExt;

use crate::error::{Problem, ProblemField};
use crate::routes::webhook::payload::{
    WebhookCampaignEvent, WebhookContactDeletedEvent, WebhookContactEvent, WebhookDeliveryEvent,
    WebhookImportEvent, WebhookListEvent, WebhookReadEvent, WebhookReply, WebhookReturnEvent,
    WebhookSenderDomainEvent, WebhookSignupEvent, WebhookTestEvent, webhooks,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Kikubari API",
        description = "Mail delivery for companies: contacts, mails, campaigns, results. See docs/api-guide.md.",
        contact(name = "Kikubari", url = "https://example.com/kikubari"),
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(
        Problem, ProblemField, WebhookDeliveryEvent, WebhookReply, WebhookReturnEvent, WebhookReadEvent,
        WebhookContactEvent, WebhookContactDeletedEvent, WebhookListEvent, WebhookCampaignEvent, WebhookImportEvent,
        WebhookSignupEvent, WebhookSenderDomainEvent, WebhookTestEvent
    )),
    servers((url = "/", description = "This installation")),
    security(("access_token" = []), ("api_token" = [])),
    tags(
        (name = "auth", description = "Log-in and its second step, step-up, refresh, log-out, password"),
        (name = "second-factors", description = "One's own second factors: authenticator app, passkeys, recovery codes"),
        (name = "me", description = "The logged-in person"),
        (name = "sessions", description = "One's own sessions"),
        (name = "tenant", description = "The company's settings"),
        (name = "support-grants", description = "Whether and what the operator's staff may look at"),
        (name = "users", description = "The people of the company"),
        (name = "roles", description = "What people may: builtin roles, and own ones composed of permissions"),
        (name = "api-tokens", description = "What programs log in with"),
        (name = "folders", description = "Folders of mails, templates and lists"),
        (name = "mails", description = "Mails, their versions, previews and test sends"),
        (name = "campaigns", description = "Sendings of a mail to an audience"),
        (name = "sequences", description = "Step mail: mails that each person gets one after the other"),
        (name = "date-mails", description = "Mails that go out each day to those whose date field says so"),
        (name = "deliveries", description = "What became of each mail"),
        (name = "transactional-sends", description = "One call, one mail to one person, in the fast lane"),
        (name = "summary", description = "The home page"),
        (name = "templates", description = "Starts for mails, own and supplied"),
        (name = "blocks", description = "Parts that mails share"),
        (name = "public", description = "Pages for recipients: no log-in, signed addresses"),
        (name = "contacts", description = "The customer database"),
        (name = "contact-fields", description = "Own fields of contacts"),
        (name = "lists", description = "Lists that contacts subscribe to"),
        (name = "signup-addresses", description = "Addresses that people mail to in order to sign up, and who did"),
        (name = "suppressions", description = "Addresses and domains that are never mailed"),
        (name = "routes", description = "Relays that mails go out through"),
        (name = "send-limits", description = "How many mails go to a site, from a sender domain, by a route; sites that asked for less; the purge of what waits"),
        (name = "sender-domains", description = "Domains that mails come from, with their DKIM keys"),
        (name = "imports", description = "Contacts out of a file: upload, plan, check, run"),
        (name = "exports", description = "Contacts into a file"),
        (name = "webhooks", description = "Addresses that are told what happens; the section `webhooks` has what they receive"),
        (name = "jobs", description = "Long work with progress"),
        (name = "audit", description = "The trace: who did what, who looked at whom, whether it is whole"),
        (name = "events", description = "What goes on, as it happens"),
        (name = "health", description = "Whether the service can work")
    )
)]
struct Base;

/// The document of this program.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(crate::router::configure)
        .split_for_parts();
    let components = document.components.get_or_insert_with(Components::new);
    refer_to_items(components);
    components.security_schemes.insert(
        "access_token".to_owned(),
        RefOr::T(SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .build(),
        )),
    );
    components
        .security_schemes
        .insert("api_token".to_owned(), RefOr::T(client_credentials()));
    components.security_schemes.insert(
        "refresh_cookie".to_owned(),
        RefOr::T(SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(
            "__Host-kikubari_refresh",
        )))),
    );
    add_idempotency_key(&mut document);
    document.webhooks = Some(webhooks());
    document
}

/// How a program gets its access token (RFC 6749 §4.4).
fn client_credentials() -> SecurityScheme {
    let scopes = Permission::ALL
        .iter()
        .filter(|permission| permission.is_for_tokens())
        .map(|permission| (permission.as_str(), permission.summary()));
    SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(
        ClientCredentials::new("/v1/auth/token", Scopes::from_iter(scopes)),
    )]))
}

/// utoipa writes the items of a generic page out in full; a client wants one
/// type for a contact, wherever it meets it.
pub(crate) fn refer_to_items(components: &mut Components) {
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        let Some(item) = name
            .strip_prefix("PageOf_")
            .filter(|item| names.iter().any(|n| n == item))
        else {
            continue;
        };
        if let RefOr::T(Schema::Object(page)) = schema
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items =
                ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(item))));
        }
    }
}

/// Every POST of the API but those that answer with secrets takes the header.
fn add_idempotency_key(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if !crate::middleware::idempotency::is_covered(path) {
            continue;
        }
        if let Some(operation) = &mut item.post {
            operation
                .parameters
                .get_or_insert_with(Vec::new)
                .push(RefOr::T(idempotency_key()));
        }
    }
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(domain::idempotency::MAX_KEY))
        .pattern(Some("^[!-~]+$"))
        .build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Send again with the same key, and the first answer comes again; kept 24 h",
        ))
        .schema(Some(Schema::Object(schema)))
        .build()
}

/// The document as the file `openapi/openapi.json` holds it.
///
/// # Errors
/// When it can't be written as JSON.
pub fn to_json(document: &OpenApi) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}

/// Methods of each path of the document, for the answer 405.
pub struct Methods(Vec<(actix_web::dev::ResourceDef, Vec<&'static str>)>);

impl Methods {
    #[must_use]
    pub fn new(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let methods = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let methods = methods
                .into_iter()
                .filter_map(|(name, is_there)| is_there.then_some(name))
                .collect();
            (actix_web::dev::ResourceDef::new(path.as_str()), methods)
        });
        Self(paths.collect())
    }

    /// None when the document has no such path.
    #[must_use]
    pub fn of(&self, path: &str) -> Vec<&'static str> {
        let matching = self.0.iter().filter(|(pattern, _)| pattern.is_match(path));
        matching
            .flat_map(|(_, methods)| methods.iter().copied())
            .collect()
    }
}
