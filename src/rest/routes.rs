//! Which method a request is for: the `google.api.http` rules of the contract.

use std::{
    error::Error,
    sync::{Arc, LazyLock},
};

use http::{Method, Uri};
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MessageDescriptor,
    MethodDescriptor,
};

use super::{refusal::Statuses, values::field_path};
use crate::pb::{
    FILE_DESCRIPTOR_SET,
    api::{HttpRule, http_rule::Pattern},
};

/// A rule of the contract cannot be followed.
#[derive(Debug, thiserror::Error)]
#[error("the contract's HTTP rules cannot be used: {0}")]
pub struct BadContract(Box<dyn Error + Send + Sync>);

impl BadContract {
    fn of(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// What a request is for.
pub enum Found {
    /// A method, and the parts of the path that are fields of its request, as they were sent.
    Route(Arc<Route>, Vec<String>),
    /// There is something at the path, for these methods.
    Methods(Vec<Method>),
    /// The description of all of it.
    Description,
}

/// What of a request is in the body.
#[derive(Debug)]
pub enum Payload {
    None,
    /// All that is not in the path.
    Whole,
    /// One field, which is a message.
    Field(FieldDescriptor, MessageDescriptor),
}

impl Payload {
    fn of(input: &MessageDescriptor, body: &str) -> Option<Self> {
        Some(match body {
            "" => Self::None,
            "*" => Self::Whole,
            name => {
                let field = input.get_field_by_name(name)?;
                let message = field.kind().as_message()?.clone();
                Self::Field(field, message)
            }
        })
    }
}

/// A field that is in the path: its name, and the fields that lead to it.
pub type Capture = (String, Vec<FieldDescriptor>);

/// A method of the contract, and how HTTP calls it.
#[derive(Debug)]
pub struct Route {
    method: Method,
    path: Vec<Segment>,
    /// After the path, with a colon before it.
    verb: Option<String>,
    /// Where gRPC calls it.
    pub uri: Uri,
    pub input: MessageDescriptor,
    pub output: MessageDescriptor,
    /// The fields that are in the path, in its order.
    pub captures: Vec<Capture>,
    pub payload: Payload,
    /// Whether it takes many messages, each a line of the body.
    pub takes_stream: bool,
    /// Whether it gives many messages, each a line of the answer.
    pub gives_stream: bool,
    pub statuses: Statuses,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    Field,
}

/// All of them.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Arc<Route>>,
    pub statuses: Statuses,
}

impl Routes {
    /// Those of the contract that is built in. They take some 3 MiB, so they are made when they
    /// are first asked for.
    ///
    /// # Errors
    /// If a rule names fields that are not there, or is of a kind that is not known here.
    pub fn of_contract() -> Result<&'static Self, &'static BadContract> {
        static ROUTES: LazyLock<Result<Routes, BadContract>> = LazyLock::new(Routes::read);
        ROUTES.as_ref()
    }

    fn read() -> Result<Self, BadContract> {
        let mut pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(BadContract::of)?;
        // So that the details of a status can be told.
        pool.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .map_err(BadContract::of)?;
        let missing = |name: &str| BadContract::of(format!("there is no {name}"));
        let status = pool.get_message_by_name("google.rpc.Status");
        let statuses = Statuses::new(status.ok_or_else(|| missing("google.rpc.Status"))?);
        let http = pool.get_extension_by_name("google.api.http");
        let http = http.ok_or_else(|| missing("google.api.http"))?;
        let mut routes = Vec::new();
        for method in pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
        {
            if let Some(rule) = rule(&method, &http)? {
                routes.push(Arc::new(Route::new(&method, rule, &statuses)?));
            }
        }
        Ok(Self { routes, statuses })
    }

    /// What is at a path, if anything.
    pub fn find(&self, method: &Method, path: &str) -> Option<Found> {
        let (before, last) = path.strip_prefix('/')?.rsplit_once('/').unwrap_or_default();
        let (last, verb) = match last.rsplit_once(':') {
            Some((last, verb)) => (last, Some(verb)),
            None => (last, None),
        };
        let segments: Vec<_> = before.split('/').chain([last]).collect();
        let mut methods = Vec::new();
        for route in &self.routes {
            if route.verb.as_deref() != verb || !route.is_at(&segments) {
                continue;
            }
            if route.answers(method) {
                let captures = route.captured(&segments);
                return Some(Found::Route(route.clone(), captures));
            }
            let head = [Method::HEAD]
                .into_iter()
                .filter(|head| route.answers(head));
            methods.extend([route.method.clone()].into_iter().chain(head));
        }
        (!methods.is_empty()).then_some(Found::Methods(methods))
    }
}

fn rule(
    method: &MethodDescriptor,
    http: &ExtensionDescriptor,
) -> Result<Option<HttpRule>, BadContract> {
    let options = method.options();
    if !options.has_extension(http) {
        return Ok(None);
    }
    let rule = options.get_extension(http);
    let rule = rule.as_message().map(DynamicMessage::transcode_to);
    rule.transpose().map_err(BadContract::of)
}

/// The segments of a template, and its fields.
fn parse(input: &MessageDescriptor, template: &str) -> Option<(Vec<Segment>, Vec<Capture>)> {
    let (mut path, mut captures) = (Vec::new(), Vec::new());
    for segment in template.strip_prefix('/')?.split('/') {
        let name = segment.strip_prefix('{');
        path.push(match name.and_then(|name| name.strip_suffix('}')) {
            None => Segment::Literal(segment.to_owned()),
            Some(name) => {
                captures.push((name.to_owned(), field_path(input, name)?));
                Segment::Field
            }
        });
    }
    Some((path, captures))
}

impl Route {
    fn new(
        method: &MethodDescriptor,
        rule: HttpRule,
        statuses: &Statuses,
    ) -> Result<Self, BadContract> {
        let bad = |what: &str| BadContract::of(format!("{}: {what}", method.full_name()));
        let (verb, template) = match rule.pattern.ok_or_else(|| bad("no pattern"))? {
            Pattern::Get(path) => (Method::GET, path),
            Pattern::Put(path) => (Method::PUT, path),
            Pattern::Post(path) => (Method::POST, path),
            Pattern::Delete(path) => (Method::DELETE, path),
            Pattern::Patch(path) => (Method::PATCH, path),
        };
        let input = method.input();
        let (template, custom) = match template.rsplit_once(':') {
            Some((template, custom)) => (template, Some(custom.to_owned())),
            None => (&*template, None),
        };
        let parsed = parse(&input, template);
        let (path, captures) = parsed.ok_or_else(|| bad("the path cannot be read"))?;
        let payload = Payload::of(&input, &rule.body);
        let payload = payload.ok_or_else(|| bad("the body is no message"))?;
        let takes_stream = method.is_client_streaming();
        if takes_stream && !(captures.is_empty() && matches!(payload, Payload::Whole)) {
            return Err(bad("a stream of messages is the body alone"));
        }
        let service = method.parent_service().full_name().to_owned();
        let uri = format!("/{service}/{}", method.name());
        Ok(Self {
            method: verb,
            path,
            verb: custom,
            uri: uri.parse().map_err(BadContract::of)?,
            output: method.output(),
            input,
            captures,
            payload,
            takes_stream,
            gives_stream: method.is_server_streaming(),
            statuses: statuses.clone(),
        })
    }

    fn is_at(&self, segments: &[&str]) -> bool {
        let is_at = |(own, sent): (&Segment, &&str)| match own {
            Segment::Literal(literal) => literal == sent,
            // A colon of its own is written as %3A.
            Segment::Field => !sent.is_empty() && !sent.contains(':'),
        };
        self.path.len() == segments.len() && self.path.iter().zip(segments).all(is_at)
    }

    /// HEAD is GET without a body; of a stream it would be all the work and nothing of the answer.
    fn answers(&self, method: &Method) -> bool {
        self.method == *method
            || (method == Method::HEAD && self.method == Method::GET && !self.gives_stream)
    }

    fn captured(&self, segments: &[&str]) -> Vec<String> {
        let both = self.path.iter().zip(segments);
        both.filter(|(own, _)| matches!(own, Segment::Field))
            .map(|(_, sent)| (*sent).to_owned())
            .collect()
    }
}
