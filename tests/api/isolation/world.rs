//! Who calls, what is asked, and what is answered.

use std::collections::BTreeMap;

use dwell::pb::v1;
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::Value as Json;
use tonic::{Code, Status};
use tonic_types::pb;

use super::{
    calls::{Call, DELETION, GIVEN, NAMES},
    fields::{encode, method, short},
};
use crate::{
    auth::token,
    harness::{Caller, Server},
    rest::call as rest,
    values::{id, start},
    wire::call_with,
};

/// Somebody with ids of their own, in a tenant.
pub struct Party {
    tenant: u128,
    side: u128,
    /// A user, who may do less.
    pub is_user: bool,
    /// Asks by HTTP and JSON.
    by_rest: bool,
}

impl Party {
    pub const fn service(tenant: u128, side: u128) -> Self {
        Self {
            tenant,
            side,
            is_user: false,
            by_rest: false,
        }
    }

    pub const fn user(tenant: u128, side: u128) -> Self {
        Self {
            is_user: true,
            ..Self::service(tenant, side)
        }
    }

    /// The same, asking by HTTP and JSON.
    pub const fn by_rest(self) -> Self {
        Self {
            by_rest: true,
            ..self
        }
    }

    /// Who may do all there is to do in the tenant.
    pub const fn operator(&self) -> Self {
        Self::service(self.tenant, self.side)
    }

    /// What a placeholder stands for.
    pub fn id(&self, name: &str) -> String {
        let index = NAMES.iter().position(|known| *known == name);
        let index = index.unwrap_or_else(|| panic!("no such placeholder: {name}"));
        id(self.side << 16 | u128::try_from(index).unwrap())
    }

    /// A request in which the placeholders are this party's.
    pub fn request(&self, json: &str, fresh: &str) -> Json {
        let mut request = serde_json::from_str(json).unwrap();
        self.resolve(&mut request, fresh);
        request
    }

    fn resolve(&self, json: &mut Json, fresh: &str) {
        match json {
            Json::String(text) if text == "@fresh" => fresh.clone_into(text),
            Json::String(text) if text.starts_with('@') => *text = self.id(text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.resolve(item, fresh)),
            Json::Object(fields) => {
                for field in fields.values_mut() {
                    self.resolve(field, fresh);
                }
            }
            _ => {}
        }
    }

    pub async fn ask(&self, server: &Server, rpc: &MethodDescriptor, requests: &[Json]) -> Answer {
        let name = short(rpc);
        let role = match name.strip_prefix("TenantService/") {
            _ if self.is_user => "user",
            None | Some("GetTenantSettings") => "service",
            Some(_) => "admin",
        };
        let user = self.is_user.then(|| self.id("@user"));
        let bearer = format!(
            "Bearer {}",
            token(server, self.tenant, role, user.as_deref())
        );
        let metadata = [("authorization", &*bearer)];
        let answer = if self.by_rest {
            rest::call(server, rpc, &metadata, requests).await
        } else {
            let requests = requests.iter().map(|request| encode(rpc.input(), request));
            let path = format!("/dwell.v1.{name}");
            call_with(&server.channel, &path, &metadata, requests.collect()).await
        };
        match answer {
            Ok(messages) => Answer::Given(messages),
            Err(status) => Answer::refused(&status),
        }
    }

    /// What it is answered to a request of its own.
    pub async fn asks(&self, server: &Server, (name, json): Call) -> Answer {
        let request = self.request(json, &id(0));
        self.ask(server, &method(name), &[request]).await
    }

    /// Where who watches now would go on.
    pub async fn watched_from(&self, server: &Server) -> String {
        let watch = ("SessionService/WatchSessions", "{}");
        let first = self.asks(server, watch).await;
        first.token(&method(watch.0)).unwrap()
    }

    /// All that it is told of sessions from there on, up to one that it starts as the last.
    pub async fn watched(&self, server: &Server, from: &str, last: &str) -> Vec<v1::SessionEvent> {
        let user = self.is_user.then(|| self.id("@user"));
        let role = if self.is_user { "user" } else { "service" };
        let bearer = token(server, self.tenant, role, user.as_deref());
        let mut caller = Caller::bearing(&server.channel, &bearer);
        let begin = v1::StartSessionRequest {
            session_id: last.to_owned(),
            ..start(&self.id("@user"))
        };
        caller.start(begin).await;
        let request = v1::WatchSessionsRequest {
            resume_token: from.to_owned(),
            ..Default::default()
        };
        let events = caller.sessions.watch_sessions(request).await.unwrap();
        let mut events = events.into_inner();
        let mut told = Vec::new();
        loop {
            let event = events.message().await.unwrap().unwrap().event;
            let Some(event) = event else { continue };
            let is_last = event.session.as_ref().unwrap().id == last;
            told.push(event);
            if is_last {
                return told;
            }
        }
    }

    /// Makes what everybody has.
    pub async fn settle(&self, server: &Server) {
        let operator = self.operator();
        for call in GIVEN.iter().copied().chain([DELETION]) {
            let answer = operator.asks(server, call).await;
            assert!(matches!(answer, Answer::Given(_)), "{call:?}: {answer:?}");
        }
    }
}

/// All that a caller is answered.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Messages as they are on the wire.
    Given(Vec<Vec<u8>>),
    Refused {
        code: Code,
        message: String,
        details: Vec<Detail>,
    },
}

/// One of a refusal's details, as bytes but for the order of a map.
#[derive(Clone, PartialEq, Debug)]
pub struct Detail {
    type_url: String,
    value: Vec<u8>,
    metadata: BTreeMap<String, String>,
}

impl Answer {
    fn refused(status: &Status) -> Self {
        let details = pb::Status::decode(status.details()).unwrap();
        Self::Refused {
            code: status.code(),
            message: status.message().to_owned(),
            details: details.details.into_iter().map(detail).collect(),
        }
    }

    pub const fn code(&self) -> Code {
        match self {
            Self::Given(_) => Code::Ok,
            Self::Refused { code, .. } => *code,
        }
    }

    /// The first token in it for going on.
    pub fn token(&self, rpc: &MethodDescriptor) -> Option<String> {
        let Self::Given(messages) = self else {
            return None;
        };
        messages.iter().find_map(|message| token_in(rpc, message))
    }

    /// The answer with its tokens made alike: each database has its own key for them.
    pub fn without_tokens(self, rpc: &MethodDescriptor) -> Self {
        match self {
            Self::Given(messages) => {
                let messages = messages.into_iter().map(|message| {
                    let token = token_in(rpc, &message).unwrap_or_default();
                    replaced(message, token.as_bytes())
                });
                Self::Given(messages.collect())
            }
            refused @ Self::Refused { .. } => refused,
        }
    }
}

fn detail(any: prost_types::Any) -> Detail {
    let mut value = any.value;
    let mut metadata = BTreeMap::new();
    if any.type_url.ends_with(".ErrorInfo") {
        let mut info = pb::ErrorInfo::decode(&*value).unwrap();
        metadata = info.metadata.drain().collect();
        value = info.encode_to_vec();
    }
    Detail {
        type_url: any.type_url,
        value,
        metadata,
    }
}

fn token_in(rpc: &MethodDescriptor, message: &[u8]) -> Option<String> {
    let output = rpc.output();
    let mut fields = output.fields();
    let field = fields.find(|field| field.name().ends_with("_token"))?;
    let message = DynamicMessage::decode(output.clone(), message).unwrap();
    let token = message.get_field(&field).as_str()?.to_owned();
    (!token.is_empty()).then_some(token)
}

fn replaced(mut message: Vec<u8>, token: &[u8]) -> Vec<u8> {
    if !token.is_empty() {
        let found = message
            .windows(token.len())
            .position(|bytes| bytes == token);
        let start = found.unwrap();
        message[start..start + token.len()].fill(b'x');
    }
    message
}
