//! The application as a whole: built once by `serve`, and by each test.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, Error};
use tracing_actix_web::TracingLogger;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use crate::middleware::log::RequestSpan;
use crate::middleware::{access, host, idempotency, rate_limit, request_id, security_headers};
use crate::openapi::Methods;
use crate::state::AppState;

/// What all threads share.
#[derive(Clone)]
pub struct Application {
    state: AppState,
    document: Arc<OpenApi>,
    methods: Data<Methods>,
}

impl Application {
    #[must_use]
    pub fn new(state: AppState) -> Self {
        let document = crate::openapi::document();
        let methods = Data::new(Methods::new(&document));
        Self {
            state,
            document: Arc::new(document),
            methods,
        }
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
            .app_data(self.methods.clone())
            .into_utoipa_app()
            .configure(crate::router::configure)
            .into_app()
            .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", (*self.document).clone()))
            .default_service(web::to(crate::spa::fallback))
            .wrap(from_fn(idempotency::apply))
            .wrap(from_fn(access::note))
            .wrap(from_fn(rate_limit::tell))
            .wrap(Compress::default())
            .wrap(from_fn(host::check))
            .wrap(from_fn(security_headers::add))
            .wrap(TracingLogger::<RequestSpan>::new())
            .wrap(from_fn(request_id::assign))
    }
}
