//! The console's own document (`openapi/operator.json`), apart from the
//! tenants': an integrator has no use for it.

use actix_web::App;
use actix_web::middleware::from_fn;
use utoipa::OpenApi as _;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ObjectBuilder, OpenApi, RefOr, Required, Schema, Type};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{middleware, routes as own};
use crate::error::{Problem, ProblemField};
use crate::routes;

/// What stands under it is a look at a tenant's data.
pub const SUPPORT: &str = "/v1/support/{tenant}/{support}";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Kikubari operator API",
        description = "For the console of those who run the service; on a listener of its own. See docs/operations.md.",
        contact(name = "Kikubari", url = "https://example.com/kikubari"),
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, ProblemField)),
    servers((url = "/", description = "This installation's console")),
    security(("access_token" = [])),
    tags(
        (name = "auth", description = "Log-in in two steps, refresh, log-out"),
        (name = "tenants", description = "Tenants: name, state, numbers, life cycle"),
        (name = "support", description = "Looking at a tenant's data under a grant of theirs"),
        (name = "installation", description = "How the whole does, and who of the staff did what"),
        (name = "contacts", description = "Under a grant: the customer database"),
        (name = "contact-fields", description = "Under a grant: own fields of contacts"),
        (name = "lists", description = "Under a grant: lists"),
        (name = "suppressions", description = "Under a grant: addresses that are never mailed"),
        (name = "campaigns", description = "Under a grant: sendings"),
        (name = "deliveries", description = "Under a grant: what became of each mail"),
        (name = "mails", description = "Under a grant: mails"),
        (name = "sequences", description = "Under a grant: step mail"),
        (name = "sender-domains", description = "Under a grant: domains that mails come from"),
        (name = "tenant", description = "Under a grant: the company's settings"),
        (name = "health", description = "Whether the console can work")
    )
)]
struct Base;

/// Every route of the console, in the order of the document.
pub fn configure(config: &mut ServiceConfig<'_>) {
    let views = scope::scope(SUPPORT)
        .configure(routes::contact::configure_support)
        .configure(routes::timeline::configure_support)
        .configure(routes::subscription::configure_support)
        .configure(routes::consent::configure_support)
        .configure(routes::contact_field::configure_support)
        .configure(routes::list::configure_support)
        .configure(routes::suppression::configure_support)
        .configure(routes::campaign::configure_support)
        .configure(routes::delivery::configure_support)
        .configure(routes::report::configure_support)
        .configure(routes::mail::configure_support)
        .configure(routes::sequence::configure_support)
        .configure(routes::sender_domain::configure_support)
        .configure(routes::tenant::configure_support)
        .wrap(from_fn(middleware::look));
    config.service(views).service(
        scope::scope("/v1")
            .configure(own::auth::configure)
            .configure(own::tenants::configure)
            .configure(own::erasures::configure)
            .configure(own::support::configure)
            .configure(own::installation::configure),
    );
    config.configure(routes::health::configure);
}

/// The document of this program.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(configure)
        .split_for_parts();
    let components = document.components.get_or_insert_with(Components::new);
    crate::openapi::refer_to_items(components);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    components.security_schemes.insert(
        "access_token".to_owned(),
        RefOr::T(SecurityScheme::Http(bearer)),
    );
    let cookie = ApiKey::Cookie(ApiKeyValue::new(own::auth::COOKIE));
    components.security_schemes.insert(
        "refresh_cookie".to_owned(),
        RefOr::T(SecurityScheme::ApiKey(cookie)),
    );
    name_support_session(&mut document);
    document
}

/// The scope's own parts of the path, which its handlers don't name.
fn name_support_session(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let Some(get) = item.get.as_mut().filter(|_| path.starts_with(SUPPORT)) else {
            continue;
        };
        for (name, what) in [("tenant", "Tenant"), ("support", "Support session")] {
            let schema = ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
                .build();
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(what))
                .schema(Some(Schema::Object(schema)))
                .build();
            get.parameters
                .get_or_insert_with(Vec::new)
                .push(RefOr::T(parameter));
        }
    }
}
