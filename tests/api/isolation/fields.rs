//! The ids that requests can carry, by the descriptors.

use std::{collections::BTreeSet, sync::LazyLock};

use dwell::pb::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, Kind as Type, MessageDescriptor, MethodDescriptor,
};
use serde_json::{Value as Json, json};

use crate::wire::SERVICES;

pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap());

/// What an id stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    User,
    Session,
    Goal,
    Activity,
    Request,
    /// What is the caller's to know.
    Text,
    Token,
}

impl Kind {
    /// What of another's it may be.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::User => &["@user", "@quiet", "@deleted"],
            Self::Session => &["@active", "@paused", "@ended", "@recorded"],
            Self::Goal => &["@goal", "@abandoned"],
            Self::Activity => &["@activity", "@second"],
            Self::Request => &["@request"],
            Self::Text => &["@subject"],
            Self::Token => &[],
        }
    }
}

/// What ids stand for, by their paths in requests.
const KINDS: [(&str, Kind); 19] = [
    ("user_id", Kind::User),
    ("user_ids", Kind::User),
    ("goal.user_id", Kind::User),
    ("record.user_id", Kind::User),
    ("filter.user_id", Kind::User),
    ("session_id", Kind::Session),
    ("session_ids", Kind::Session),
    ("except_session_id", Kind::Session),
    ("goal_id", Kind::Goal),
    ("goal.id", Kind::Goal),
    ("activity_id", Kind::Activity),
    ("request_id", Kind::Request),
    ("record.request_id", Kind::Request),
    ("content_id", Kind::Text),
    ("subject.id", Kind::Text),
    ("goal.subject.id", Kind::Text),
    ("filter.subject.id", Kind::Text),
    ("page_token", Kind::Token),
    ("resume_token", Kind::Token),
];

/// A list's token that is not read, because a file has no pages.
const UNREAD: &str = "filter.page_token";

/// A field that holds an id, or several.
#[derive(Clone, Debug)]
pub struct Field {
    pub path: String,
    pub kind: Kind,
    pub is_list: bool,
}

impl Field {
    /// Whether what it holds is looked at.
    pub fn is_read(&self) -> bool {
        self.path != UNREAD
    }

    /// Puts an id, or several, into a request.
    pub fn set(&self, request: &mut Json, ids: &[String]) {
        let mut place = request;
        for name in self.path.split('.') {
            let object = place.as_object_mut().unwrap();
            place = object.entry(name).or_insert_with(|| json!({}));
        }
        *place = if self.is_list {
            json!(ids)
        } else {
            json!(ids[0])
        };
    }

    /// What a request has there.
    pub fn get<'a>(&self, request: &'a Json) -> Option<&'a Json> {
        self.path
            .split('.')
            .try_fold(request, |json, name| json.get(name))
    }
}

/// The RPC of `SessionService/GetSession`.
pub fn method(name: &str) -> MethodDescriptor {
    let found = methods().find(|method| short(method) == name);
    found.unwrap_or_else(|| panic!("no such RPC: {name}"))
}

/// Every RPC of the contract.
pub fn methods() -> impl Iterator<Item = MethodDescriptor> {
    let services = POOL.services();
    let ours = services.filter(|service| SERVICES.contains(&service.full_name()));
    ours.flat_map(|service| service.methods().collect::<Vec<_>>())
}

pub fn short(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

/// The ids that the request of an RPC can carry.
pub fn fields(method: &MethodDescriptor) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(&method.input(), "", &mut fields);
    fields
}

fn collect(message: &MessageDescriptor, before: &str, fields: &mut Vec<Field>) {
    for field in message.fields() {
        let path = format!("{before}{}", field.name());
        match field.kind() {
            Type::Message(inner) if inner.package_name() == "dwell.v1" && !field.is_map() => {
                assert!(
                    !field.is_list(),
                    "the matrix has no lists of messages: {path}"
                );
                collect(&inner, &format!("{path}."), fields);
            }
            Type::String if is_an_id(field.name()) => fields.push(Field {
                kind: kind(&path),
                path,
                is_list: field.is_list(),
            }),
            _ => {}
        }
    }
}

fn is_an_id(name: &str) -> bool {
    let last = name.rsplit('_').next();
    last.is_some_and(|last| ["id", "ids", "token", "tokens"].contains(&last))
}

fn kind(path: &str) -> Kind {
    if path == UNREAD {
        return Kind::Token;
    }
    let known = KINDS.iter().find(|(known, _)| *known == path);
    known
        .unwrap_or_else(|| panic!("an id that the matrix does not know: {path}"))
        .1
}

/// A request on the wire.
pub fn encode(message: MessageDescriptor, json: &Json) -> Vec<u8> {
    DynamicMessage::deserialize(message, json)
        .unwrap()
        .encode_to_vec()
}

#[test]
fn the_contract_has_every_id_that_the_matrix_knows() {
    let all = methods().flat_map(|method| fields(&method));
    let there: BTreeSet<_> = all.map(|field| field.path).collect();
    for (path, _) in KINDS {
        assert!(there.contains(path), "no such field: {path}");
    }
    assert!(there.contains(UNREAD));
}
