//! Any RPC by HTTP, from the same JSON as its gRPC call: by its rule in the descriptor set.

use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_reflect::{DynamicMessage, MethodDescriptor, ReflectMessage, Value};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Map, Value as Json};
use tonic::{Code, Status};
use tonic_types::pb;

use crate::{harness::Server, isolation::POOL};

thread_local! {
    /// Its connections are of the runtime of one test.
    static CLIENT: Client = Client::builder().no_proxy().build().unwrap();
}

/// A request as it is.
pub fn request(server: &Server, method: Method, target: &str) -> RequestBuilder {
    let url = format!("http://{}{target}", server.address);
    CLIENT.with(|client| client.request(method, url))
}

/// How a method is called.
pub struct Rule {
    pub method: Method,
    pub path: String,
    pub body: String,
}

/// The rule of a method.
pub fn rule(rpc: &MethodDescriptor) -> Option<Rule> {
    let http = POOL.get_extension_by_name("google.api.http").unwrap();
    let options = rpc.options();
    if !options.has_extension(&http) {
        return None;
    }
    let rule = options.get_extension(&http);
    let rule: &DynamicMessage = rule.as_message().unwrap();
    let text = |name: &str| {
        let field = rule.get_field_by_name(name).unwrap();
        field.as_str().unwrap().to_owned()
    };
    let verbs = ["get", "put", "post", "delete", "patch"];
    let verb = verbs.iter().find(|verb| rule.has_field_by_name(verb));
    let verb = verb.unwrap();
    Some(Rule {
        method: verb.to_uppercase().parse().unwrap(),
        path: text(verb),
        body: text("body"),
    })
}

/// Sends requests, several only if the method takes a stream of them, and takes all answers.
pub async fn call(
    server: &Server,
    rpc: &MethodDescriptor,
    headers: &[(&'static str, &str)],
    requests: &[Json],
) -> Result<Vec<Vec<u8>>, Status> {
    let rule = rule(rpc).unwrap();
    let (target, body) = if rpc.is_client_streaming() {
        let lines = requests.iter().map(|request| format!("{request}\n"));
        (rule.path.clone(), Some(lines.collect()))
    } else {
        written(&rule, requests[0].clone())
    };
    let mut request = request(server, rule.method, &target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        let media_type = if rpc.is_client_streaming() {
            "application/x-ndjson"
        } else {
            "application/json"
        };
        request = request.header("content-type", media_type).body(body);
    }
    let answer = request.send().await.unwrap();
    let is_ok = answer.status() == 200;
    let text = if is_ok && rpc.name() == "WatchSessions" {
        first_line(answer).await
    } else {
        answer.text().await.unwrap()
    };
    if !is_ok {
        return Err(status(&text));
    }
    let mut messages = Vec::new();
    let lines = text.lines().filter(|_| rpc.is_server_streaming());
    let whole = (!rpc.is_server_streaming()).then_some(&*text);
    for line in lines.chain(whole) {
        let json: Json = serde_json::from_str(line).unwrap();
        if let Some(error) = json.get("error") {
            return Err(status(&error.to_string()));
        }
        let message = DynamicMessage::deserialize(rpc.output(), json).unwrap();
        messages.push(encoded(&message));
    }
    Ok(messages)
}

/// Of a stream that would go on for ever.
async fn first_line(mut answer: Response) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\n") {
        text.extend(answer.chunk().await.unwrap().unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// A message as the server encodes it: maps in the order of their keys.
fn encoded(message: &DynamicMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (field, value) in message.fields() {
        let mut put = |inner: &DynamicMessage| {
            let inner = encoded(inner);
            encode_key(field.number(), WireType::LengthDelimited, &mut bytes);
            encode_varint(inner.len() as u64, &mut bytes);
            bytes.extend(inner);
        };
        match value {
            Value::Message(inner) => put(inner),
            Value::List(items) if items.iter().any(|item| item.as_message().is_some()) => {
                for item in items {
                    put(item.as_message().unwrap());
                }
            }
            Value::Map(entries) => {
                let kind = field.kind();
                let kind = kind.as_message().unwrap();
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(key, _)| key.as_str().map(str::to_owned));
                for (key, value) in entries {
                    let mut entry = DynamicMessage::new(kind.clone());
                    entry.set_field(&kind.map_entry_key_field(), key.clone().into());
                    entry.set_field(&kind.map_entry_value_field(), value.clone());
                    put(&entry);
                }
            }
            value => {
                let mut alone = DynamicMessage::new(message.descriptor());
                alone.set_field(&field, value.clone());
                bytes.extend(alone.encode_to_vec());
            }
        }
    }
    bytes
}

/// Target and body of a request.
fn written(rule: &Rule, mut request: Json) -> (String, Option<String>) {
    let mut target = String::new();
    for (index, part) in rule.path.split(['{', '}']).enumerate() {
        if index % 2 == 0 {
            target.push_str(part);
        } else {
            target.push_str(&escaped(taken(&mut request, part).as_str().unwrap()));
        }
    }
    let body = match &*rule.body {
        "" => None,
        "*" => Some(request.take().to_string()),
        name => request
            .as_object_mut()
            .unwrap()
            .remove(name)
            .map(|json| json.to_string()),
    };
    let mut pairs = Vec::new();
    if let Json::Object(rest) = request {
        flatten("", &rest, &mut pairs);
    }
    if !pairs.is_empty() {
        target = format!("{target}?{}", pairs.join("&"));
    }
    (target, body)
}

fn taken(request: &mut Json, path: &str) -> Json {
    let object = request.as_object_mut().unwrap();
    match path.split_once('.') {
        Some((name, rest)) => taken(object.get_mut(name).unwrap(), rest),
        None => object.remove(path).unwrap(),
    }
}

fn flatten(before: &str, fields: &Map<String, Json>, pairs: &mut Vec<String>) {
    for (name, value) in fields {
        let name = format!("{before}{name}");
        match value {
            Json::Object(inner) => flatten(&format!("{name}."), inner, pairs),
            Json::Array(items) => {
                let items = items.iter().map(|item| format!("{name}={}", text(item)));
                pairs.extend(items);
            }
            value => pairs.push(format!("{name}={}", text(value))),
        }
    }
}

fn text(value: &Json) -> String {
    let text = value.as_str().map(str::to_owned);
    escaped(&text.unwrap_or_else(|| value.to_string()))
}

pub fn escaped(text: &str) -> String {
    let bytes = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    bytes.collect()
}

/// The status that an answer tells, with its details.
pub fn status(json: &str) -> Status {
    let mut pool = POOL.clone();
    pool.decode_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
        .unwrap();
    let kind = pool.get_message_by_name("google.rpc.Status").unwrap();
    let mut json = serde_json::Deserializer::from_str(json);
    let told = DynamicMessage::deserialize(kind, &mut json).unwrap();
    let bytes = told.encode_to_vec();
    let told = pb::Status::decode(&*bytes).unwrap();
    Status::with_details(Code::from(told.code), told.message, bytes.into())
}
