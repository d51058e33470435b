//! Short forms of what requests are made of.

use dwell::{domain::time::Timestamp, pb::v1 as pb};
use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::Value as Json;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

pub const USER: &str = "0190a000-0000-7000-8000-00000000000a";
pub const OTHER_USER: &str = "0190a000-0000-7000-8000-00000000000b";
pub const SESSION: &str = "0190a000-0000-7000-8000-0000000000c1";

pub const GOAL: &str = "0190a000-0000-7000-8000-0000000000d1";

/// One of many ids.
pub fn id(number: u128) -> String {
    Uuid::from_u128(0x0190_b000_0000_7000_8000_0000_0000_0000 | number).to_string()
}

/// For a request or an answer.
#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
pub fn time(text: &str) -> Option<prost_types::Timestamp> {
    Some(text.parse().unwrap())
}

/// For a request or an answer.
#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
pub fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// A start of which nothing more is said.
pub fn start(user_id: &str) -> pb::StartSessionRequest {
    pb::StartSessionRequest {
        user_id: user_id.to_owned(),
        ..Default::default()
    }
}

/// For the clock.
pub fn instant(text: &str) -> Timestamp {
    let time: prost_types::Timestamp = text.parse().unwrap();
    Timestamp::from_micros(time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000)
}

/// A JSON object as a message.
pub fn structure(json: Json) -> Struct {
    let Json::Object(fields) = json else {
        panic!("{json} is no object");
    };
    let fields = fields.into_iter().map(|(key, json)| (key, value(json)));
    Struct {
        fields: fields.collect(),
    }
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap()),
        Json::String(value) => Kind::StringValue(value),
        Json::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(value).collect(),
        }),
        json @ Json::Object(_) => Kind::StructValue(structure(json)),
    };
    Value { kind: Some(kind) }
}

/// An object in an object, so many in all.
pub fn nested(depth: usize) -> Struct {
    let inner = (1..depth).fold(
        serde_json::json!({}),
        |inner, _| serde_json::json!({ "a": inner }),
    );
    structure(inner)
}

/// The reason that a status carries for programs.
pub fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.expect("every error says why").reason
}

/// What a call fails with: its code and the reason for programs.
pub fn refusal<T>(answer: Result<T, Status>) -> (Code, String) {
    let Err(status) = answer else {
        panic!("the call succeeded");
    };
    (status.code(), reason(&status))
}
