//! A bare tonic server that answers `StartSession` at once, with a session of the same size.

use dwell::pb::v1::{Session, StartSessionRequest, StartSessionResponse};
use prost_types::Timestamp;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::server::TcpIncoming,
};
use tonic_prost::ProstCodec;
use uuid::Uuid;

use crate::Result;

/// Serves until it is killed.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    tonic::transport::Server::builder()
        .add_service(Echo)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "dwell.v1.SessionService";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::result::Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async {
            let mut grpc = Grpc::new(ProstCodec::default());
            Ok(grpc.unary(Echo, request).await)
        })
    }
}

impl UnaryService<StartSessionRequest> for Echo {
    type Response = StartSessionResponse;
    type Future = BoxFuture<Response<StartSessionResponse>, Status>;

    fn call(&mut self, request: Request<StartSessionRequest>) -> Self::Future {
        let request = request.into_inner();
        let now = Some(Timestamp {
            seconds: 1_795_000_000,
            nanos: 123_456_000,
        });
        let session = Session {
            id: Uuid::from_u128(7).to_string(),
            user_id: request.user_id,
            session_type: "normal".to_owned(),
            client_type: request.client_type,
            client_info: request.client_info,
            ip_address: request.ip_address,
            start_time: now,
            last_active_time: now,
            expire_time: now,
            create_time: now,
            update_time: now,
            ..Session::default()
        };
        let answer = StartSessionResponse {
            session: Some(session),
            created: true,
            evicted_session_ids: Vec::new(),
        };
        Box::pin(async { Ok(Response::new(answer)) })
    }
}
