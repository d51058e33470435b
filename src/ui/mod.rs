//! Pages to look at, under `/ui/`.
//!
//! A page is a caller of the API like any other: it asks the services of this process with what
//! its reader signed in with, through the same gate, limits, deadlines and logs. So nothing can be
//! seen here that gRPC would refuse.
//!
//! - [`UiLayer`] stands before all else and answers what is under `/ui`.
//! - `routes` says which page is where; one file a page renders it with a template of its own.
//! - `sign_in` has the cookie, `request` and `answer` what goes over HTTP, `api` the services.
//! - `chart` draws, `text` and `link` write what people read.

mod answer;
mod api;
mod assets;
mod chart;
mod export;
mod frame;
mod goals;
mod link;
mod live;
mod metrics;
mod overview;
mod reports;
mod request;
mod routes;
mod session;
mod sessions;
mod sign_in;
mod study;
mod text;
mod user;
mod user_calls;
mod users;
mod zone;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::{BoxFuture, Either};
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service, util::BoxCloneSyncService};

pub use self::sign_in::Site;

/// Where pages are.
const ROOT: &str = "/ui";

/// The services that pages ask: all that stands behind the layer.
type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Answers what is under `/ui`, if there is a site.
#[derive(Clone)]
pub struct UiLayer(Option<Arc<Site>>);

impl UiLayer {
    /// Without a site all calls pass.
    #[must_use]
    pub fn new(site: Option<Site>) -> Self {
        Self(site.map(Arc::new))
    }
}

impl<S> Layer<S> for UiLayer {
    type Service = Ui<S>;

    fn layer(&self, inner: S) -> Ui<S> {
        Ui {
            inner,
            site: self.0.clone(),
        }
    }
}

/// Services, and pages before them.
#[derive(Clone)]
pub struct Ui<S> {
    inner: S,
    site: Option<Arc<Site>>,
}

impl<S> Service<Request<Body>> for Ui<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match &self.site {
            Some(site) if is_page(request.uri().path()) => {
                let inner = Inner::new(self.inner.clone());
                let answer = routes::answer(site.clone(), inner, request);
                Either::Right(Box::pin(async { Ok(answer.await) }))
            }
            _ => Either::Left(self.inner.call(request)),
        }
    }
}

fn is_page(path: &str) -> bool {
    let below = path.strip_prefix(ROOT);
    below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}
