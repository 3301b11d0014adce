//! The console as a whole: built once by `operator serve`, and by each test.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, Error};
use domain::egress::Rules;
use domain::session::token::AccessTokens;
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::AppExt;

use super::config::OperatorState;
use super::middleware::{self as own, Views};
use crate::background::Background;
use crate::events::Events;
use crate::middleware::access::AccessLog;
use crate::middleware::log::RequestSpan;
use crate::middleware::rate_limit::Limits;
use crate::middleware::{host, request_id, security_headers};
use crate::openapi::Methods;
use crate::state::{ApiConfig, AppState, installation};
use crate::visitors::Visitors;

/// Requests a minute and session.
const RATE_LIMIT: u32 = 600;

/// What all threads share.
#[derive(Clone)]
pub struct OperatorApplication {
    state: OperatorState,
    shared: AppState,
    methods: Data<Methods>,
    views: Data<Views>,
}

impl OperatorApplication {
    /// # Errors
    /// When keys can't be made.
    pub fn new(state: OperatorState) -> domain::Result<Self> {
        let document = super::openapi::document();
        Ok(Self {
            shared: shared(&state)?,
            methods: Data::new(Methods::new(&document)),
            views: Data::new(Views::new(&document)),
            state,
        })
    }

    /// One thread's service.
    pub fn build(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        App::new()
            .app_data(Data::new(self.state.clone()))
            .app_data(Data::new(self.shared.clone()))
            .app_data(self.methods.clone())
            .app_data(self.views.clone())
            .into_utoipa_app()
            .configure(super::openapi::configure)
            .into_app()
            .default_service(web::to(super::spa::fallback))
            .wrap(Compress::default())
            .wrap(from_fn(own::door))
            .wrap(from_fn(host::check))
            .wrap(from_fn(security_headers::add))
            .wrap(TracingLogger::<RequestSpan>::new())
            .wrap(from_fn(request_id::assign))
    }
}

/// What the tenants' read handlers and the shared layers reach. Its database is
/// the operator's role without a support session, so that a handler that came
/// here without a look would see nothing.
fn shared(state: &OperatorState) -> domain::Result<AppState> {
    let config = ApiConfig {
        listen: state.config.operator_listen.clone(),
        public_url: state.config.operator_url.clone(),
        trusted_proxies: state.config.operator_trusted_proxies.clone(),
        rate_limit: RATE_LIMIT,
        ..ApiConfig::default()
    };
    Ok(AppState {
        visitors: Arc::new(Visitors::new(
            state.db.clone(),
            installation(&config, &state.keys),
        )),
        limits: Arc::new(Limits::new(config.rate_limit)),
        events: Arc::new(Events::new(state.db.clone())),
        access: Arc::new(AccessLog::new(state.db.clone())),
        egress: Arc::new(Rules::default()),
        background: Background::default(),
        tokens: Arc::new(AccessTokens::new(&state.keys)?),
        config: Arc::new(config),
        db: state.db.clone(),
        keys: Arc::clone(&state.keys),
        hasher: state.hasher.clone(),
    })
}
