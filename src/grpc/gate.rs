//! The gate in front of all services: nobody is served before it knows who calls and may.

use std::{
    mem,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body::Body as HttpBody;
use tonic::{Status, body::Body};
use tower::{Layer, Service};
use tracing::{Span, field};

use super::{access, caller::Access, limits::hearing::hear_out, status};
use crate::{
    auth::{Auth, TENANT_KEY},
    pb::Rpc,
};

/// What anybody may ask: whether it serves, and which methods there are.
const OPEN: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// Lets callers in, or not.
#[derive(Clone)]
pub struct GateLayer {
    auth: Auth,
}

impl GateLayer {
    #[must_use]
    pub const fn new(auth: Auth) -> Self {
        Self { auth }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate {
            inner,
            auth: self.auth.clone(),
        }
    }
}

/// Services behind the gate.
#[derive(Clone)]
pub struct Gate<S> {
    inner: S,
    auth: Auth,
}

impl<S, B> Service<Request<B>> for Gate<S>
where
    S: Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: HttpBody<Data: Send, Error: Send> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return Box::pin(self.inner.call(request));
        }
        // What has no rule is served to nobody.
        let Some(rpc) = Rpc::at(path) else {
            let refusal = Status::unimplemented("there is no such method");
            return Box::pin(async { Ok(refusal.into_http()) });
        };
        let auth = self.auth.clone();
        let is_call = !rpc.is_stream();
        // The one that is ready is the one to call.
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        Box::pin(async move {
            match admit(&auth, rpc, request.headers()).await {
                Ok(access) => {
                    // Nothing behind the gate has a use for them.
                    request.headers_mut().remove(AUTHORIZATION);
                    request.headers_mut().remove(TENANT_KEY);
                    request.extensions_mut().insert(access);
                    inner.call(request).await
                }
                Err(refusal) => {
                    if is_call {
                        hear_out(request.into_body()).await;
                    }
                    Ok(refusal.into_http())
                }
            }
        })
    }
}

async fn admit(auth: &Auth, rpc: Rpc, headers: &HeaderMap) -> Result<Access, Status> {
    let caller = auth.caller(headers).await?;
    Span::current().record("tenant", field::display(caller.tenant));
    let open_to = access::rule(rpc);
    Access::of(caller, open_to).ok_or_else(|| status::role_needed(open_to))
}

#[cfg(test)]
mod tests;
