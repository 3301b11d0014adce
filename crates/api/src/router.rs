//! Every route of the API, in the order of the document.

use utoipa_actix_web::scope;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::routes;

/// The API under `/v1`, the public pages and the health checks.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(
            scope::scope("/v1")
                .configure(routes::auth::configure)
                .configure(routes::token::configure)
                .configure(routes::step_up::configure)
                .configure(routes::second_factor::configure)
                .configure(routes::passkey::configure)
                .configure(routes::passkey_log_in::configure)
                .configure(routes::password::configure)
                .configure(routes::me::configure)
                .configure(routes::session::configure)
                .configure(routes::tenant::configure)
                .configure(routes::support::configure)
                .configure(routes::user::configure)
                .configure(routes::role::configure)
                .configure(routes::api_token::configure)
                .configure(routes::folder::configure)
                .configure(routes::mail::configure)
                .configure(routes::template::configure)
                .configure(routes::block::configure)
                .configure(routes::test_send::configure)
                .configure(routes::campaign::configure)
                .configure(routes::date_mail::configure)
                .configure(routes::sequence::configure)
                .configure(routes::delivery::configure)
                .configure(routes::transactional::configure)
                .configure(routes::report::configure)
                .configure(routes::summary::configure)
                .configure(routes::contact::configure)
                .configure(routes::timeline::configure)
                .configure(routes::subscription::configure)
                .configure(routes::consent::configure)
                .configure(routes::contact_field::configure)
                .configure(routes::list::configure)
                .configure(routes::signup::configure)
                .configure(routes::suppression::configure)
                .configure(routes::route::configure)
                .configure(routes::send_limit::configure)
                .configure(routes::send_slowdown::configure)
                .configure(routes::sender_domain::configure)
                .configure(routes::import::configure)
                .configure(routes::export::configure)
                .configure(routes::bounce_reset::configure)
                .configure(routes::erasure::configure)
                .configure(routes::job::configure)
                .configure(routes::audit::configure)
                .configure(routes::webhook::configure)
                .configure(routes::event::configure),
        )
        .configure(routes::public::preview::configure)
        .configure(routes::public::cancel::configure)
        .configure(routes::public::confirm::configure)
        .configure(routes::public::track::configure)
        .configure(routes::health::configure);
}
