//! The description of the API by HTTP and JSON, as `OpenAPI` 3.1: made of the contract, with its
//! comments.

use std::{collections::BTreeMap, error::Error};

use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MessageDescriptor,
    MethodDescriptor,
};
use serde_json::{Map, Value, json};

use crate::schemas::{self, Schemas};

/// What may come instead of an answer, to whatever is asked.
const REFUSALS: [(&str, &str); 9] = [
    (
        "400",
        "The request is wrong, or what it asks for does not fit the state of things.",
    ),
    ("401", "It is not known who calls."),
    ("403", "The caller may not."),
    ("404", "It is not there, or another tenant's."),
    (
        "429",
        "Too much at once: Retry-After says when to try again.",
    ),
    ("431", "The headers are too large."),
    ("500", "An error that the log has more of."),
    (
        "503",
        "For now it cannot be answered: Retry-After says when to try again.",
    ),
    ("504", "The time for the call was up."),
];
/// And to what has a body.
const BODY_REFUSALS: [(&str, &str); 3] = [
    ("409", "The id was used for something else."),
    ("413", "A message has more bytes than it may."),
    ("415", "The body is of another kind."),
];
const INTRODUCTION: &str = "The session and usage ledger of a multi-tenant product. Each call acts \
    inside one tenant, which the bearer token names, or `x-tenant-id` where the server verifies \
    nobody. Names in JSON are as proto JSON has them; numbers of 64 bits are strings. What is unset \
    is left out. A field or parameter that is not known is refused. The header `Request-Timeout` \
    gives a call so many seconds.";

/// The document.
pub fn document(pool: &DescriptorPool, version: &str) -> Result<Value, Box<dyn Error>> {
    let http = pool.get_extension_by_name("google.api.http");
    let http = http.ok_or("there is no google.api.http")?;
    let mut schemas = Schemas::default();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut tags = Vec::new();
    for service in pool.services() {
        let mut is_called = false;
        for method in service.methods() {
            let Some((verb, path, body)) = rule(&method, &http) else {
                continue;
            };
            is_called = true;
            let operation = operation(&method, &path, &body, &mut schemas)?;
            // One path for all that is done to what is there, whatever a method calls its id.
            paths
                .entry(plain(&path))
                .or_default()
                .insert(verb, operation);
        }
        if is_called {
            let about = schemas::comment(&service.parent_file(), &[]);
            tags.push(json!({"name": service.name(), "description": about}));
        }
    }
    schemas.add_status();
    Ok(json!({
        "openapi": "3.1.0",
        "info": {"title": "dwell", "version": version, "description": INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"tenant": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "tenant": {
                    "type": "apiKey", "in": "header", "name": "x-tenant-id",
                    "description": "The tenant's UUID, where the server verifies nobody.",
                },
            },
            "responses": responses(),
            "schemas": schemas.all,
        },
    }))
}

/// A path or the name of a parameter in it: tools read no dots there.
fn plain(path: &str) -> String {
    path.replace('.', "_")
}

/// HTTP method, path and body of a method that has a rule.
fn rule(method: &MethodDescriptor, http: &ExtensionDescriptor) -> Option<(String, String, String)> {
    let options = method.options();
    if !options.has_extension(http) {
        return None;
    }
    let rule = options.get_extension(http);
    let rule: &DynamicMessage = rule.as_message()?;
    let verbs = ["get", "put", "post", "delete", "patch"];
    let verb = verbs
        .into_iter()
        .find(|verb| rule.has_field_by_name(verb))?;
    let text = |name| Some(rule.get_field_by_name(name)?.as_str()?.to_owned());
    Some((verb.to_owned(), text(verb)?, text("body")?))
}

fn operation(
    method: &MethodDescriptor,
    path: &str,
    body: &str,
    schemas: &mut Schemas,
) -> Result<Value, Box<dyn Error>> {
    let input = method.input();
    let captured: Vec<&str> = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect();
    let mut parameters = Vec::new();
    for name in &captured {
        let field = field_at(&input, name).ok_or("no such field")?;
        parameters.push(parameter("path", &plain(name), &field, schemas)?);
    }
    if body != "*" {
        for field in input.fields().filter(|field| field.name() != body) {
            add_parameters(&field, "", &captured, &mut parameters, schemas)?;
        }
    }
    let comment = schemas::comment(&method.parent_file(), method.path());
    let mut operation = Map::from_iter([
        ("operationId".to_owned(), json!(method.name())),
        ("tags".to_owned(), json!([method.parent_service().name()])),
        ("parameters".to_owned(), json!(parameters)),
        (
            "responses".to_owned(),
            answers(method, !body.is_empty(), schemas)?,
        ),
    ]);
    if !comment.is_empty() {
        operation.insert("description".to_owned(), json!(comment));
    }
    if !body.is_empty() {
        let schema = match field_at(&input, body) {
            Some(field) => schemas.field(&field)?,
            // A field that is in the path need not be in the body.
            None => schemas.of(&input)?,
        };
        let media_type = media_type(method.is_client_streaming());
        let content = json!({media_type: {"schema": schema}});
        operation.insert("requestBody".to_owned(), json!({"content": content}));
    }
    Ok(operation.into())
}

fn field_at(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    match path.split_once('.') {
        None => message.get_field_by_name(path),
        Some((name, rest)) => {
            let inner = message.get_field_by_name(name)?.kind();
            field_at(inner.as_message()?, rest)
        }
    }
}

/// A field as a parameter of the query, or the fields of its message as several.
fn add_parameters(
    field: &FieldDescriptor,
    before: &str,
    captured: &[&str],
    parameters: &mut Vec<Value>,
    schemas: &mut Schemas,
) -> Result<(), Box<dyn Error>> {
    let name = format!("{before}{}", field.name());
    if captured.contains(&&*name) || field.is_map() {
        return Ok(());
    }
    match field.kind().as_message() {
        Some(inner) if !schemas::is_value(inner) => {
            if field.is_list() {
                return Ok(());
            }
            for field in inner.fields() {
                add_parameters(&field, &format!("{name}."), captured, parameters, schemas)?;
            }
        }
        _ => parameters.push(parameter("query", &name, field, schemas)?),
    }
    Ok(())
}

fn parameter(
    place: &str,
    name: &str,
    field: &FieldDescriptor,
    schemas: &mut Schemas,
) -> Result<Value, Box<dyn Error>> {
    let mut parameter = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("in".to_owned(), json!(place)),
        ("schema".to_owned(), schemas.undescribed(field)?),
    ]);
    if place == "path" {
        parameter.insert("required".to_owned(), json!(true));
    }
    let comment = schemas::comment(&field.parent_message().parent_file(), field.path());
    if !comment.is_empty() {
        parameter.insert("description".to_owned(), json!(comment));
    }
    Ok(parameter.into())
}

fn answers(
    method: &MethodDescriptor,
    has_body: bool,
    schemas: &mut Schemas,
) -> Result<Value, Box<dyn Error>> {
    let is_stream = method.is_server_streaming();
    let about = if is_stream {
        "A line of JSON for each message. A stream that fails ends with a line {\"error\": Status}."
    } else {
        "The answer."
    };
    let message = schemas.of(&method.output())?;
    let schema = if is_stream {
        json!({"type": "string", "description": "Lines of JSON.", "x-line": message})
    } else {
        message
    };
    let content = json!({media_type(is_stream): {"schema": schema}});
    let mut all = Map::from_iter([(
        "200".to_owned(),
        json!({"description": about, "content": content}),
    )]);
    let of_body = BODY_REFUSALS.iter().filter(|_| has_body);
    for (code, _) in REFUSALS.iter().chain(of_body) {
        let reference = format!("#/components/responses/{code}");
        all.insert((*code).to_owned(), json!({"$ref": reference}));
    }
    Ok(all.into())
}

fn responses() -> Value {
    let content = json!({
        "application/json": {"schema": {"$ref": "#/components/schemas/google.rpc.Status"}}
    });
    let all = REFUSALS.iter().chain(&BODY_REFUSALS).map(|(code, about)| {
        let headers = match *code {
            "401" => json!({"WWW-Authenticate": {"schema": {"type": "string"}}}),
            "429" | "503" => json!({"Retry-After": {"schema": {"type": "integer"}}}),
            _ => json!({}),
        };
        let response = json!({"description": about, "headers": headers, "content": content});
        ((*code).to_owned(), response)
    });
    Value::Object(all.collect())
}

const fn media_type(is_stream: bool) -> &'static str {
    if is_stream {
        "application/x-ndjson"
    } else {
        "application/json"
    }
}
