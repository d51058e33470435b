//! The messages of a request: what its path, query and body say together.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http_body::{Body as HttpBody, Frame};
use prost::{
    Message,
    bytes::{Buf, BufMut, Bytes, BytesMut},
};
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use tonic::{Status, body::Body};

use super::{
    routes::{Payload, Route},
    values,
};
use crate::{
    domain::rejection::{Rejection, Violation},
    grpc::status,
};

/// Before each message of gRPC: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Wrong fields that a refusal names.
const NAMED: usize = 20;
/// Characters of what was sent that a refusal repeats.
const REPEATED: usize = 200;

/// What a request says beside its body.
pub struct Parameters {
    route: Arc<Route>,
    captures: Vec<String>,
    query: Option<String>,
}

impl Parameters {
    pub const fn new(route: Arc<Route>, captures: Vec<String>, query: Option<String>) -> Self {
        Self {
            route,
            captures,
            query,
        }
    }

    /// The message of a body, or of one line of it.
    ///
    /// # Errors
    /// Names all that is wrong.
    fn message(&self, body: &[u8]) -> Result<DynamicMessage, Status> {
        let mut wrong = Vec::new();
        let mut message = self.payload(body).unwrap_or_else(|violation| {
            wrong.push(violation);
            DynamicMessage::new(self.route.input.clone())
        });
        self.add_captures(&mut message, &mut wrong);
        self.add_query(&mut message, &mut wrong);
        if wrong.is_empty() {
            return Ok(message);
        }
        wrong.truncate(NAMED);
        Err(Rejection::Invalid(wrong).into())
    }

    /// The message with what the body says.
    fn payload(&self, body: &[u8]) -> Result<DynamicMessage, Violation> {
        let input = &self.route.input;
        match &self.route.payload {
            // No more was let in than is empty.
            Payload::None => Ok(DynamicMessage::new(input.clone())),
            Payload::Whole => from_json(input, body),
            Payload::Field(field, kind) => {
                let mut message = DynamicMessage::new(input.clone());
                message.set_field(field, Value::Message(from_json(kind, body)?));
                Ok(message)
            }
        }
    }

    fn add_captures(&self, message: &mut DynamicMessage, wrong: &mut Vec<Violation>) {
        for ((name, fields), sent) in self.route.captures.iter().zip(&self.captures) {
            let value = match (values::decoded(sent, false), fields.last()) {
                (Some(text), Some(field)) => values::parse(field, &text),
                _ => Err("must be UTF-8, with percent signs only before two digits".to_owned()),
            };
            match value {
                Ok(value) => {
                    let said = values::get(message, fields);
                    if said.is_some_and(|said| said != value) {
                        wrong.push(Violation::new(
                            name,
                            "is in the path, and another in the body",
                        ));
                    }
                    values::set(message, fields, value);
                }
                Err(rule) => wrong.push(Violation::new(name, rule)),
            }
        }
    }

    fn add_query(&self, message: &mut DynamicMessage, wrong: &mut Vec<Violation>) {
        let pairs = self.query.iter().flat_map(|query| query.split('&'));
        let mut seen = BTreeSet::new();
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = values::decoded(name, true) else {
                wrong.push(Violation::new(shown(name), "is not a parameter"));
                continue;
            };
            if let Err(rule) = self.add_parameter(message, &name, text, &mut seen) {
                wrong.push(Violation::new(shown(&name), shown(&rule)));
            }
        }
    }

    fn add_parameter(
        &self,
        message: &mut DynamicMessage,
        name: &str,
        text: &str,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let route = &self.route;
        let fields = values::field_path(&route.input, name).ok_or("is not a parameter")?;
        if route.captures.iter().any(|(_, own)| *own == fields) {
            return Err("is in the path".to_owned());
        }
        let is_in_body = match &route.payload {
            Payload::None => false,
            Payload::Whole => true,
            Payload::Field(field, _) => fields.first() == Some(field),
        };
        if is_in_body {
            return Err("is not a parameter: it is in the body".to_owned());
        }
        let field = fields.last().ok_or("is not a parameter")?;
        let numbers = fields.iter().map(|field| field.number().to_string());
        if !field.is_list() && !seen.insert(numbers.collect::<Vec<_>>().join(".")) {
            return Err("is there twice".to_owned());
        }
        let text = values::decoded(text, true);
        let text = text.ok_or("must be UTF-8, with percent signs only before two digits")?;
        values::set(message, &fields, values::parse(field, &text)?);
        Ok(())
    }
}

/// A body without anything is an empty message.
fn from_json(kind: &MessageDescriptor, body: &[u8]) -> Result<DynamicMessage, Violation> {
    if body.trim_ascii().is_empty() {
        return Ok(DynamicMessage::new(kind.clone()));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let message = DynamicMessage::deserialize(kind.clone(), &mut json);
    let message = message.and_then(|message| json.end().map(|()| message));
    message.map_err(|error| Violation::new("body", shown(&format!("is not right: {error}"))))
}

/// What was sent, if it is not too long to be repeated.
fn shown(text: &str) -> String {
    text.chars().take(REPEATED).collect()
}

/// A message as gRPC sends it.
fn framed(message: &DynamicMessage) -> Result<Bytes, Status> {
    let length = message.encoded_len();
    let told = u32::try_from(length).map_err(|_| status::too_large(u32::MAX as usize))?;
    let mut bytes = BytesMut::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    bytes.put_u32(told);
    // There is room for it.
    message.encode_raw(&mut bytes);
    Ok(bytes.freeze())
}

/// The body of the gRPC call, which is made when it is asked for: so nothing is read or understood
/// of a caller who is not let in, and what is wrong with it is answered as a handler's refusal is.
pub struct RequestBody {
    parameters: Parameters,
    /// What was wrong before the body.
    wrong: Option<Status>,
    /// `None` once all of it was read.
    body: Option<Body>,
    buffer: BytesMut,
    /// Bytes of the buffer without the end of a line.
    searched: usize,
    lines: u64,
    max: usize,
    is_done: bool,
}

impl RequestBody {
    pub fn new(parameters: Parameters, wrong: Option<Status>, body: Body, max: usize) -> Self {
        Self {
            parameters,
            wrong,
            body: Some(body),
            buffer: BytesMut::new(),
            searched: 0,
            lines: 0,
            max,
            is_done: false,
        }
    }

    /// The next line, or what is left at the end.
    fn line(&mut self) -> Option<BytesMut> {
        loop {
            let fresh = self.buffer.get(self.searched..).unwrap_or_default();
            let end = fresh.iter().position(|byte| *byte == b'\n');
            let line = match end {
                Some(end) => {
                    let line = self.buffer.split_to(self.searched + end);
                    self.buffer.advance(1);
                    line
                }
                None if self.body.is_none() && !self.buffer.is_empty() => self.buffer.split(),
                None => {
                    self.searched = self.buffer.len();
                    return None;
                }
            };
            self.searched = 0;
            self.lines += 1;
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
    }

    /// A message is held until it is whole, and no longer than it may be.
    fn check_size(&self, message: &[u8]) -> Result<(), Status> {
        if message.len() > self.max {
            return Err(status::too_large(self.max));
        }
        Ok(())
    }

    /// The message of the next line that is whole.
    fn next_of_stream(&mut self) -> Result<Option<Bytes>, Status> {
        let Some(line) = self.line() else {
            self.check_size(&self.buffer)?;
            return Ok(None);
        };
        self.check_size(&line)?;
        let message = self.parameters.message(&line);
        let message = message.map_err(|wrong| status::at_line(self.lines, &wrong))?;
        framed(&message).map(Some)
    }

    /// The only message, once the body is over.
    fn only(&self) -> Result<Option<Bytes>, Status> {
        self.check_size(&self.buffer)?;
        if self.body.is_some() {
            return Ok(None);
        }
        framed(&self.parameters.message(&self.buffer)?).map(Some)
    }

    /// The next message that can be made of what was read.
    fn next(&mut self) -> Result<Option<Bytes>, Status> {
        if self.parameters.route.takes_stream {
            self.next_of_stream()
        } else {
            self.only()
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Some(wrong) = this.wrong.take() {
            return Poll::Ready(Some(Err(wrong)));
        }
        while !this.is_done {
            let was_over = this.body.is_none();
            let message = this.next();
            this.is_done = was_over && !this.parameters.route.takes_stream || message.is_err();
            if let Some(message) = message.transpose() {
                return Poll::Ready(Some(message.map(Frame::data)));
            }
            let Some(body) = &mut this.body else {
                break;
            };
            match ready!(Pin::new(body).poll_frame(cx)?) {
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        this.buffer.put(data);
                    }
                }
                None => this.body = None,
            }
        }
        Poll::Ready(None)
    }
}
