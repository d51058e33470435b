//! Calls byte by byte, for what generated clients cannot say.

use dwell::pb::FILE_DESCRIPTOR_SET;
use futures::Stream;
use prost::{
    Message,
    bytes::{Buf, BufMut},
};
use prost_types::FileDescriptorSet;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

use crate::{harness::Server, support::ids::tenant, values::SESSION};

/// Messages as they are on the wire.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

/// Sends `messages` to a method of any kind and takes all its answers.
pub async fn call(
    channel: &Channel,
    method: &str,
    tenants: &[&str],
    messages: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, Status> {
    let mut request = Request::new(tokio_stream::iter(messages));
    name(&mut request, tenants);
    send(channel, method, request).await
}

/// The same with any metadata.
pub async fn call_with(
    channel: &Channel,
    method: &str,
    all: &[(&'static str, &str)],
    messages: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, Status> {
    let mut request = Request::new(tokio_stream::iter(messages));
    add(&mut request, all);
    send(channel, method, request).await
}

/// Names the tenants of a request.
pub fn name<T>(request: &mut Request<T>, tenants: &[&str]) {
    let named: Vec<_> = tenants.iter().map(|one| ("x-tenant-id", *one)).collect();
    add(request, &named);
}

fn add<T>(request: &mut Request<T>, all: &[(&'static str, &str)]) {
    for (key, value) in all {
        let metadata = request.metadata_mut();
        metadata.append(*key, value.parse().unwrap());
    }
}

/// Sends a request as it is and takes all its answers; of a watch the first.
pub async fn send(
    channel: &Channel,
    method: &str,
    request: Request<impl Stream<Item = Vec<u8>> + Send + 'static>,
) -> Result<Vec<Vec<u8>>, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::try_from(method).unwrap();
    let answers = grpc.streaming(request, path, Raw).await?;
    let mut answers = answers.into_inner();
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await? {
        all.push(answer);
        // It would go on for ever.
        if method == WATCH {
            break;
        }
    }
    Ok(all)
}

/// The path of every RPC of these services, and whether its requests are a stream.
pub fn methods(services: &[&str]) -> Vec<(String, bool)> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            if services.contains(&&*name) {
                methods.extend(service.method.iter().map(|method| {
                    let path = format!("/{name}/{}", method.name());
                    (path, method.client_streaming())
                }));
            }
        }
    }
    methods
}

const WATCH: &str = "/dwell.v1.SessionService/WatchSessions";

/// The services of the contract that are there.
pub const SERVICES: [&str; 6] = [
    "dwell.v1.GoalService",
    "dwell.v1.InsightsService",
    "dwell.v1.ReportService",
    "dwell.v1.SessionService",
    "dwell.v1.TenantService",
    "dwell.v1.UsageStatsService",
];

#[tokio::test]
async fn what_is_no_message_is_an_invalid_argument() {
    let server = Server::sqlite().await;
    let tenant = tenant(1).to_string();
    // A field of a length that is not there, and one of no wire type that exists.
    for bytes in [vec![0x0a, 0x7f], vec![0x0f], vec![0xff; 20]] {
        for (method, _) in methods(&SERVICES) {
            let answer = call(&server.channel, &method, &[&tenant], vec![bytes.clone()]).await;
            let code = answer.map_err(|status| status.code());
            assert_eq!(code, Err(Code::InvalidArgument), "{method} {bytes:?}");
        }
    }
}

#[tokio::test]
async fn a_message_that_is_not_there_is_an_invalid_argument() {
    let server = Server::sqlite().await;
    let tenant = tenant(1).to_string();
    for (method, is_stream) in methods(&SERVICES) {
        let answer = call(&server.channel, &method, &[&tenant], Vec::new()).await;
        let code = answer.map(|answers| answers.len()).map_err(|s| s.code());
        // A stream of no messages is one.
        let expected = if is_stream {
            Ok(0)
        } else {
            Err(Code::InvalidArgument)
        };
        assert_eq!(code, expected, "{method}");
    }
}

#[tokio::test]
async fn metadata_nested_beyond_what_is_read_is_an_invalid_argument() {
    /// A field of a length and its content.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        prost::encode_length_delimiter(content.len(), &mut bytes).unwrap();
        bytes.extend_from_slice(content);
        bytes
    }
    let server = Server::sqlite().await;
    let tenant = tenant(1).to_string();
    // struct.fields[""] = value.struct_value, again and again.
    let nested = |depth: usize| {
        (0..depth).fold(Vec::new(), |inner, _| {
            field(1, &field(2, &field(5, &inner)))
        })
    };
    let mut start = field(1, SESSION.as_bytes());
    start.extend(field(10, &nested(1_000)));
    let mut log = field(1, SESSION.as_bytes());
    log.extend(field(10, &nested(40)));
    let requests = [
        ("/dwell.v1.SessionService/StartSession", start),
        ("/dwell.v1.SessionService/LogActivity", log),
    ];
    for (method, bytes) in requests {
        let answer = call(&server.channel, method, &[&tenant], vec![bytes]).await;
        let code = answer.map_err(|status| status.code());
        assert_eq!(code, Err(Code::InvalidArgument), "{method}");
    }
}

#[tokio::test]
async fn an_rpc_that_is_not_there_says_so() {
    let server = Server::sqlite().await;
    let tenant = tenant(1).to_string();
    let elsewhere = [
        "/dwell.v1.GoalService/Nothing",
        "/dwell.v1.ReportService/CreateReport",
        "/dwell.v1.SessionService/Nothing",
    ];
    for method in elsewhere {
        let answer = call(&server.channel, method, &[&tenant], vec![Vec::new()]).await;
        let code = answer.map_err(|status| status.code());
        assert_eq!(code, Err(Code::Unimplemented), "{method}");
    }
}
