//! Every RPC with a rule, by REST and by gRPC, on two servers that differ in nothing.

use std::collections::BTreeSet;

use tonic::Code;

use super::call::rule;
use crate::{
    auth::setup,
    harness::Server,
    isolation::{CALLS, DELETIONS, GIVEN, Party, method, methods, short},
};

#[tokio::test]
async fn every_rpc_answers_as_by_grpc() {
    let (one, other) = (Server::with(setup()).await, Server::with(setup()).await);
    let by_grpc = Party::service(1, 1);
    let by_rest = Party::service(1, 1).by_rest();
    let mut called = BTreeSet::new();
    for call in GIVEN.iter().chain(CALLS).chain(DELETIONS) {
        let rpc = method(call.0);
        let expected = by_grpc.asks(&one, *call).await.without_tokens(&rpc);
        let answer = by_rest.asks(&other, *call).await.without_tokens(&rpc);
        assert_eq!(answer, expected, "{call:?}");
        called.insert(short(&rpc));
    }
    let with_rules = methods().filter(|rpc| rule(rpc).is_some());
    let all: BTreeSet<_> = with_rules.map(|rpc| short(&rpc)).collect();
    assert_eq!(called, all);
    let every = methods().map(|rpc| short(&rpc)).collect();
    assert_eq!(all, every, "an RPC without a rule");
}

#[tokio::test]
async fn every_rpc_is_refused_as_by_grpc() {
    let server = Server::with(setup()).await;
    // Nothing is there, and a user may not ask for all.
    for (by_grpc, by_rest) in [
        (Party::user(1, 1), Party::user(1, 1).by_rest()),
        (Party::service(1, 1), Party::service(1, 1).by_rest()),
    ] {
        for call in CALLS {
            let expected = by_grpc.asks(&server, *call).await;
            if expected.code() != Code::Ok {
                let answer = by_rest.asks(&server, *call).await;
                assert_eq!(answer, expected, "{call:?}");
            }
        }
    }
}
