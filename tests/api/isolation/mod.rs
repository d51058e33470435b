//! Nobody learns of another's, nor changes it: every RPC with every id of another's that its
//! request can carry, by the descriptors.
//!
//! The same calls go to two servers that differ in one thing: on one of them there is somebody
//! else. Whoever calls must see, to the byte, no difference.

mod calls;
mod fields;
mod world;

use std::collections::BTreeSet;

use prost_reflect::MethodDescriptor;
use serde_json::Value as Json;
use tonic::Code;

pub use self::{
    calls::{CALLS, DELETIONS, GIVEN},
    fields::{POOL, method, methods, short},
    world::Party,
};
use self::{
    calls::{Call, SEEN, SEEN_OF_ALL},
    fields::{Field, Kind, fields},
    world::Answer,
};
use crate::{auth::setup, harness::Server, values::id};

/// The checks of one matrix, at least; there are seven.
const CHECKS: usize = 3_500;

/// Ids that the caller makes up: those of the own tenant's others are taken.
const CHOSEN: [(&str, &str); 4] = [
    ("SessionService/StartSession", "session_id"),
    ("SessionService/RecordSession", "session_id"),
    ("SessionService/LogActivity", "activity_id"),
    ("GoalService/CreateGoal", "goal.id"),
];

mod sqlite {
    use super::{Matrix, Server, setup};

    #[tokio::test]
    async fn tenants_are_apart() {
        let servers = (Server::with(setup()).await, Server::with(setup()).await);
        Matrix::of_tenants(servers).await.run().await;
    }

    #[tokio::test]
    async fn users_are_apart() {
        let servers = (Server::with(setup()).await, Server::with(setup()).await);
        Matrix::of_users(servers).await.run().await;
    }

    #[tokio::test]
    async fn tenants_are_apart_by_rest() {
        let servers = (Server::with(setup()).await, Server::with(setup()).await);
        Matrix::of_tenants(servers).await.by_rest().run().await;
    }

    #[tokio::test]
    async fn users_are_apart_by_rest() {
        let servers = (Server::with(setup()).await, Server::with(setup()).await);
        Matrix::of_users(servers).await.by_rest().run().await;
    }
}
mod postgres {
    use super::{Matrix, Server, setup};

    async fn servers() -> (Server, Server) {
        let one = Server::postgres_with(setup()).await;
        (one, Server::postgres_with(setup()).await)
    }

    #[tokio::test]
    async fn tenants_are_apart() {
        Matrix::of_tenants(servers().await).await.run().await;
    }

    #[tokio::test]
    async fn users_are_apart() {
        Matrix::of_users(servers().await).await.run().await;
    }

    #[tokio::test]
    async fn tenants_are_apart_by_rest() {
        let matrix = Matrix::of_tenants(servers().await).await;
        matrix.by_rest().run().await;
    }
}

struct Matrix {
    caller: Party,
    owner: Party,
    /// Where the owner is.
    with: Server,
    without: Server,
    /// Where the caller watches from, with the owner and without.
    watched: [String; 2],
    /// Tokens that the owner was given.
    tokens: Vec<String>,
    /// Ids that were made up.
    made: u128,
    /// Ids of requests that were not refused for what they look like.
    understood: BTreeSet<(String, String)>,
    checks: usize,
    /// What was not as it should be.
    found: Vec<String>,
}

impl Matrix {
    async fn of_tenants(servers: (Server, Server)) -> Self {
        Self::of(Party::service(1, 1), Party::service(2, 2), servers).await
    }

    async fn of_users(servers: (Server, Server)) -> Self {
        Self::of(Party::user(1, 1), Party::user(1, 2), servers).await
    }

    /// The caller asks by HTTP and JSON.
    fn by_rest(mut self) -> Self {
        self.caller = self.caller.by_rest();
        self
    }

    async fn of(caller: Party, owner: Party, (with, without): (Server, Server)) -> Self {
        owner.settle(&with).await;
        let watched = [
            caller.watched_from(&with).await,
            caller.watched_from(&without).await,
        ];
        for server in [&with, &without] {
            caller.settle(server).await;
            // Whatever is written from now on is written at another time.
            server.pass(std::time::Duration::from_mins(1));
        }
        Self {
            caller,
            owner,
            with,
            without,
            watched,
            tokens: Vec::new(),
            made: 0,
            understood: BTreeSet::new(),
            checks: 0,
            found: Vec::new(),
        }
    }

    async fn run(mut self) {
        self.take_tokens().await;
        let before = self.seen_by_owner().await;
        for call in CALLS {
            self.is_right(*call).await;
        }
        // First what is the owner's is free; then some of it is the caller's too.
        for _ in 0..2 {
            for call in CALLS.iter().chain(GIVEN) {
                self.with_every_id(*call).await;
            }
        }
        for call in DELETIONS {
            self.with_every_id(*call).await;
        }
        self.watched().await;
        let after = self.seen_by_owner().await;
        for (before, after) in before.iter().zip(&after) {
            let name = before.0;
            self.check(before == after, || format!("{name:?} is not as it was"));
        }
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
        self.assert_complete();
        assert!(self.checks >= CHECKS, "{} checks", self.checks);
    }

    fn check(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        self.checks += 1;
        if !is_right {
            self.found.push(what());
        }
    }

    /// Every RPC is there, and every id of its request was looked at as one.
    fn assert_complete(&self) {
        let called = || CALLS.iter().chain(DELETIONS).map(|(name, _)| *name);
        for rpc in methods() {
            let name = short(&rpc);
            assert!(
                called().any(|called| called == name),
                "not in the table: {name}"
            );
            for field in fields(&rpc) {
                let key = (name.clone(), field.path);
                let is_known = field.kind == Kind::Token || self.understood.contains(&key);
                assert!(is_known, "refused for what it looks like: {key:?}");
            }
        }
    }

    async fn seen_by_owner(&self) -> Vec<(Call, Answer)> {
        let owner = self.owner.operator();
        let of_all = if self.owner.is_user { &[] } else { SEEN_OF_ALL };
        let mut seen = Vec::new();
        for call in SEEN.iter().chain(of_all) {
            let answer = owner.asks(&self.with, *call).await;
            assert_eq!(answer.code(), Code::Ok, "{call:?}");
            seen.push((*call, answer));
        }
        seen
    }

    /// Whatever happened to anybody's sessions since, the caller is told the same.
    async fn watched(&mut self) {
        let last = id(1 << 33);
        let with = self.caller.watched(&self.with, &self.watched[0], &last);
        let without = self.caller.watched(&self.without, &self.watched[1], &last);
        let (with, without) = tokio::join!(with, without);
        assert!(with.len() > 20, "{with:#?}");
        self.check(with == without, || {
            format!("WatchSessions\n  with the owner: {with:#?}\n  without: {without:#?}")
        });
    }

    /// The tokens of all lists that the owner may read, or else those who may.
    async fn take_tokens(&mut self) {
        for (name, json) in CALLS {
            let rpc = method(name);
            let mut fields = fields(&rpc).into_iter();
            let field = fields.find(|field| field.kind == Kind::Token && field.is_read());
            let Some(field) = field else {
                continue;
            };
            let operator = self.owner.operator();
            let may = self.owner.asks(&self.with, (name, json)).await.code() == Code::Ok;
            let reader = if may { &self.owner } else { &operator };
            let token = reader.asks(&self.with, (name, json)).await.token(&rpc);
            let token = token.unwrap_or_else(|| panic!("a list of one page: {name} {json}"));
            let mut request = reader.request(json, &id(0));
            field.set(&mut request, std::slice::from_ref(&token));
            let answer = reader.ask(&self.with, &rpc, &[request]).await;
            assert_eq!(answer.code(), Code::Ok, "{name}");
            self.tokens.push(token);
        }
    }

    /// The call is one that succeeds, or that the caller may not make at all.
    async fn is_right(&mut self, (name, json): Call) {
        let request = self.own(json);
        let answer = self.compare(&method(name), json, request).await;
        let expected = match answer.code() {
            Code::PermissionDenied if self.caller.is_user => Code::PermissionDenied,
            _ => Code::Ok,
        };
        let is_right = answer.code() == expected;
        self.check(is_right, || {
            format!("{name} is no right call: {json}: {answer:?}")
        });
    }

    async fn with_every_id(&mut self, call: Call) {
        let rpc = method(call.0);
        let fields = fields(&rpc);
        for field in &fields {
            if field.kind == Kind::Token {
                self.with_tokens(&rpc, call.1, field).await;
            }
            for name in field.kind.names() {
                let foreign = self.owner.id(name);
                for form in forms(&foreign) {
                    self.with_id(&rpc, call.1, field, &form).await;
                }
            }
        }
        self.with_all(&rpc, call.1, &fields).await;
    }

    /// One id is the owner's; of several, in all places.
    async fn with_id(&mut self, rpc: &MethodDescriptor, json: &str, field: &Field, foreign: &str) {
        let name = short(rpc);
        let own = field.kind.names().iter().map(|name| self.caller.id(name));
        let own: Vec<_> = own.collect();
        let (one, foreign) = (own[0].clone(), foreign.to_owned());
        let mut lists = vec![vec![foreign.clone()]];
        if field.is_list {
            lists.push(vec![one.clone(), foreign.clone()]);
            lists.push(vec![foreign.clone(), one]);
        }
        for list in lists {
            let mut request = self.own(json);
            let before = field.get(&request).cloned();
            field.set(&mut request, &list);
            let is_chosen = CHOSEN.contains(&(&*name, &*field.path));
            if is_chosen && self.caller.is_user && foreign.len() == 36 {
                let taken = own
                    .iter()
                    .find(|id| before != Some(Json::from(id.as_str())));
                self.is_taken(rpc, field, request, taken.unwrap()).await;
                self.understood.insert((name.clone(), field.path.clone()));
                continue;
            }
            let label = format!("{} = {list:?} in {json}", field.path);
            let answer = self.compare(rpc, &label, request).await;
            if answer.code() != Code::InvalidArgument {
                self.understood.insert((name.clone(), field.path.clone()));
            }
        }
    }

    /// An id of another user's says that it is taken, as one of the caller's own does, and
    /// nothing else.
    async fn is_taken(&mut self, rpc: &MethodDescriptor, field: &Field, request: Json, own: &str) {
        let mut of_own = request.clone();
        field.set(&mut of_own, &[own.to_owned()]);
        let foreign = self
            .caller
            .ask(&self.with, rpc, std::slice::from_ref(&request))
            .await;
        let own = self.caller.ask(&self.with, rpc, &[of_own]).await;
        let told = format!("{} was used for something else", field.path);
        let is_told = matches!(
            &foreign,
            Answer::Refused { code: Code::AlreadyExists, message, .. } if *message == told
        );
        self.check(is_told && foreign == own, || {
            format!("{}: {request}\n  {foreign:?}\n  {own:?}", short(rpc))
        });
    }

    /// All ids are the owner's.
    async fn with_all(&mut self, rpc: &MethodDescriptor, json: &str, fields: &[Field]) {
        let names = |field: &Field| field.kind.names().first().copied();
        for form in 0..forms("").len() {
            let mut request = self.own(json);
            let ids = fields.iter().filter(|field| names(field).is_some());
            for field in ids {
                let foreign = names(field).map(|name| self.owner.id(name)).unwrap();
                field.set(&mut request, &[forms(&foreign)[form].clone()]);
            }
            let label = format!("all ids are another's: {request}");
            self.compare(rpc, &label, request).await;
        }
    }

    /// The owner's tokens, of this list and of others, with the caller's ids and the owner's.
    async fn with_tokens(&mut self, rpc: &MethodDescriptor, json: &str, field: &Field) {
        for token in self.tokens.clone() {
            for is_owners in [false, true] {
                let mut request = if is_owners {
                    self.owner.request(json, &id(0))
                } else {
                    self.own(json)
                };
                field.set(&mut request, std::slice::from_ref(&token));
                let label = format!("{} in {request}", field.path);
                let code = self.compare(rpc, &label, request).await.code();
                let refused = match code {
                    Code::PermissionDenied => self.caller.is_user,
                    code => code == Code::InvalidArgument || !field.is_read(),
                };
                self.check(refused, || format!("{}: {label}: {code}", short(rpc)));
            }
        }
    }

    /// What the caller is answered on both servers, which must be the same.
    async fn compare(&mut self, rpc: &MethodDescriptor, label: &str, request: Json) -> Answer {
        let requests = if rpc.is_client_streaming() {
            // The others of a stream are as if it were not there.
            let (_, json) = CALLS.iter().find(|(name, _)| *name == short(rpc)).unwrap();
            vec![self.own(json), request, self.own(json)]
        } else {
            vec![request]
        };
        let (with, without) = tokio::join!(
            self.caller.ask(&self.with, rpc, &requests),
            self.caller.ask(&self.without, rpc, &requests),
        );
        let (with, without) = (with.without_tokens(rpc), without.without_tokens(rpc));
        let name = short(rpc);
        self.check(with == without, || {
            format!("{name}: {label}\n  with the owner: {with:?}\n  without: {without:?}")
        });
        with
    }

    /// A request with the caller's ids and those that nobody has.
    fn own(&mut self, json: &str) -> Json {
        self.made += 1;
        self.caller.request(json, &id(1 << 32 | self.made))
    }
}

/// Ways to write an id.
fn forms(id: &str) -> [String; 3] {
    [id.to_owned(), id.to_uppercase(), id.replace('-', "")]
}
