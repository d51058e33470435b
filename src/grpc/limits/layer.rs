//! Lets calls in, or refuses them before anything is done for them. A call has its place until the
//! last byte of its answer is on its way, or until nobody waits for it any more.
//!
//! Where far more is asked than can be done most calls are refused, and what that costs is lost to
//! the others. So there are two doors: while there is no room for anybody the [outer one](DoorLayer)
//! refuses before it is known who calls.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::future::{BoxFuture, Either};
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{
    admission::{Admission, Kind, Limits, Refusal, Slots},
    hearing::hear_out,
    is_unary,
};
use crate::{
    config::LimitArgs,
    domain::{ids::TenantId, time::Clock},
    grpc::{caller::Access, status},
    pb::Rpc,
    telemetry::count::Counter,
};

/// Puts the gate before services whose callers are known. Calls without a tenant pass: those of
/// health and reflection, and those that are refused for having none.
#[derive(Clone)]
pub struct AdmissionLayer(Arc<Gate>);

/// Calls that were not let in, by the limit that they met.
#[derive(Debug, Default)]
pub struct Refusals {
    calls: Counter,
    streams: Counter,
    tenant_calls: Counter,
    tenant_streams: Counter,
    tenant_rate: Counter,
}

impl Refusals {
    const fn of(&self, refusal: Refusal) -> &Counter {
        match refusal {
            Refusal::Busy(Kind::Call) => &self.calls,
            Refusal::Busy(Kind::Stream) => &self.streams,
            Refusal::TenantBusy(Kind::Call) => &self.tenant_calls,
            Refusal::TenantBusy(Kind::Stream) => &self.tenant_streams,
            Refusal::TooFast { .. } => &self.tenant_rate,
        }
    }

    /// How many there were, by the flag that sets the limit.
    pub fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = [
            ("max_calls", &self.calls),
            ("max_streams", &self.streams),
            ("max_tenant_calls", &self.tenant_calls),
            ("max_tenant_streams", &self.tenant_streams),
            ("tenant_rate", &self.tenant_rate),
        ];
        all.into_iter().map(|(reason, count)| (reason, count.get()))
    }
}

struct Gate {
    refusals: Arc<Refusals>,
    clock: Arc<dyn Clock>,
    /// What a call is told that there is no room for, as is most often said.
    full: HeaderMap,
    admission: Mutex<Admission>,
}

impl AdmissionLayer {
    #[must_use]
    pub fn new(limits: &LimitArgs, clock: Arc<dyn Clock>) -> Self {
        let admission = Mutex::new(Admission::new(Limits {
            all: Slots {
                calls: limits.max_calls,
                streams: limits.max_streams,
            },
            tenant: Slots {
                calls: limits.max_tenant_calls,
                streams: limits.max_tenant_streams,
            },
            rate: limits.tenant_rate,
            burst: limits.tenant_burst,
        }));
        Self(Arc::new(Gate {
            refusals: Arc::default(),
            clock,
            full: status::refused(Refusal::Busy(Kind::Call))
                .into_http::<Body>()
                .into_parts()
                .0
                .headers,
            admission,
        }))
    }

    /// The outer door of the same house.
    #[must_use]
    pub fn door(&self) -> DoorLayer {
        DoorLayer(self.0.clone())
    }

    /// What is counted of those that are not let in.
    #[must_use]
    pub fn refusals(&self) -> Arc<Refusals> {
        self.0.refusals.clone()
    }
}

/// What a call at this path takes.
fn kind_of(path: &str) -> Kind {
    if is_unary(path) {
        Kind::Call
    } else {
        Kind::Stream
    }
}

impl Gate {
    fn enter(self: &Arc<Self>, tenant: TenantId, path: &str) -> Result<Place, Refusal> {
        let kind = kind_of(path);
        let now = self.clock.now();
        self.admission().enter(tenant, kind, now)?;
        Ok(Place {
            gate: self.clone(),
            tenant,
            kind,
        })
    }

    /// Counts a refusal and tells the caller of it.
    fn refuse<B>(
        &self,
        refusal: Refusal,
        request: Request<B>,
    ) -> impl Future<Output = Response<Body>> + Send + use<B>
    where
        B: HttpBody<Data: Send, Error: Send> + Send + 'static,
    {
        self.refusals.of(refusal).add(1);
        let answer = if refusal == Refusal::Busy(Kind::Call) {
            let mut answer = Response::new(Body::empty());
            answer.headers_mut().clone_from(&self.full);
            answer
        } else {
            status::refused(refusal).into_http()
        };
        let is_call = kind_of(request.uri().path()) == Kind::Call;
        async move {
            if is_call {
                hear_out(request.into_body()).await;
            }
            answer
        }
    }

    /// Nothing panics while it holds the lock.
    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place, given back when it is dropped.
struct Place {
    gate: Arc<Gate>,
    tenant: TenantId,
    kind: Kind,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.admission().leave(self.tenant, self.kind);
    }
}

impl<S> Layer<S> for AdmissionLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            inner,
            gate: self.0.clone(),
        }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    inner: S,
    gate: Arc<Gate>,
}

type Answer<E> = Result<Response<Body>, E>;

impl<S, B> Service<Request<B>> for Gated<S>
where
    B: HttpBody<Data: Send, Error: Send> + Send + 'static,
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Answer<S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let tenant = request
            .extensions()
            .get::<Access>()
            .map(Access::counted_for);
        let place = tenant.map(|tenant| self.gate.enter(tenant, request.uri().path()));
        let place = match place.transpose() {
            Ok(place) => place,
            Err(refusal) => {
                let refused = self.gate.refuse(refusal, request);
                return Box::pin(async { Ok(refused.await) });
            }
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            Ok(response.map(|body| Body::new(Held { body, place })))
        })
    }
}

/// Puts the outer door before services. Health and reflection are let through, and who asks for a
/// method that there is not.
#[derive(Clone)]
pub struct DoorLayer(Arc<Gate>);

impl<S> Layer<S> for DoorLayer {
    type Service = Door<S>;

    fn layer(&self, inner: S) -> Door<S> {
        Door {
            inner,
            gate: self.0.clone(),
        }
    }
}

/// A service behind the outer door.
#[derive(Clone)]
pub struct Door<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl<S, B> Service<Request<B>> for Door<S>
where
    B: HttpBody<Data: Send, Error: Send> + Send + 'static,
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Answer<S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let kind = kind_of(path);
        if Rpc::at(path).is_none() || !self.gate.admission().is_full(kind) {
            return Either::Left(self.inner.call(request));
        }
        let refused = self.gate.refuse(Refusal::Busy(kind), request);
        Either::Right(Box::pin(async { Ok(refused.await) }))
    }
}

/// A response body and the place of its call, which is free before the caller sees the end.
struct Held {
    body: Body,
    place: Option<Place>,
}

impl HttpBody for Held {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let goes_on = match &frame {
            Poll::Pending => true,
            Poll::Ready(Some(Ok(frame))) => frame.is_data(),
            Poll::Ready(_) => false,
        };
        if !goes_on {
            self.place = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
