//! Health and reflection, which name no tenant.

use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};

use crate::{
    harness::{Server, Setup},
    values::{USER, start},
    wire::SERVICES,
};

#[tokio::test]
async fn health_knows_the_whole_and_each_service() {
    let server = Server::sqlite().await;
    let mut health = HealthClient::new(server.channel.clone());
    for service in std::iter::once("").chain(SERVICES) {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health.check(request).await.unwrap();
        assert_eq!(answer.get_ref().status(), ServingStatus::Serving);
    }
    let request = HealthCheckRequest {
        service: "dwell.v1.NoService".to_owned(),
    };
    let unknown = health.check(request).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

/// What can be asked for.
fn expected() -> Vec<&'static str> {
    let mut all = SERVICES.to_vec();
    all.push("grpc.health.v1.Health");
    all
}

#[tokio::test]
async fn reflection_lists_the_services_and_their_files() {
    use v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let server = Server::sqlite().await;
    let mut reflection = ServerReflectionClient::new(server.channel.clone());
    let ask = |what| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(what),
    };
    let mut requests = vec![ask(MessageRequest::ListServices(String::new()))];
    let symbols = expected().into_iter().map(str::to_owned);
    requests.extend(symbols.map(|symbol| ask(MessageRequest::FileContainingSymbol(symbol))));
    let asked = requests.len();
    let answers = reflection.server_reflection_info(tokio_stream::iter(requests));
    let mut answers = answers.await.unwrap().into_inner();
    let list = answers.message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = list.message_response else {
        panic!("{list:?}");
    };
    let names: Vec<_> = list.service.iter().map(|service| &*service.name).collect();
    for name in expected() {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    for _ in 1..asked {
        let file = answers.message().await.unwrap().unwrap();
        let response = file.message_response.unwrap();
        assert!(
            matches!(response, MessageResponse::FileDescriptorResponse(_)),
            "{response:?}"
        );
    }
}

#[tokio::test]
async fn reflection_that_is_off_is_not_there() {
    use v1::{ServerReflectionRequest, server_reflection_client::ServerReflectionClient};
    let server = Server::with(Setup {
        unreflected: true,
        ..Setup::default()
    })
    .await;
    let mut reflection = ServerReflectionClient::new(server.channel.clone());
    let request = tokio_stream::once(ServerReflectionRequest::default());
    let status = reflection.server_reflection_info(request).await;
    assert_eq!(status.unwrap_err().code(), Code::Unimplemented);
    // What is there goes on.
    server.tenant(1).start(start(USER)).await;
}

#[tokio::test]
async fn reflection_v1alpha_lists_the_services_too() {
    use v1alpha::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let server = Server::sqlite().await;
    let mut reflection = ServerReflectionClient::new(server.channel.clone());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(tokio_stream::once(request));
    let list = answers.await.unwrap().into_inner().message().await;
    let list = list.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = list.message_response else {
        panic!("{list:?}");
    };
    let names: Vec<_> = list.service.iter().map(|service| &*service.name).collect();
    for name in SERVICES {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}
