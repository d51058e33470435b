//! Headers of all kinds: who is calling, and for how long.

use std::time::Duration;

use h2::client::SendRequest;
use prost::bytes::Bytes;
use tokio::net::TcpStream;

use super::{Entropy, World};
use crate::support::ids::tenant;

const NAMES: [&str; 6] = [
    "x-tenant-id",
    "grpc-timeout",
    "grpc-encoding",
    "authorization",
    "x-more-bin",
    "grpc-accept-encoding",
];
const VALUES: [&str; 14] = [
    "",
    "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11",
    "7F0C1F3E-5A51-4E0A-9A63-3D2F4B8F6C11",
    "{7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11}",
    "00000000-0000-0000-0000-000000000000",
    " 7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11",
    "99999999H",
    "1S",
    "0n",
    "-1S",
    "123456789S",
    "gzip",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "====",
];

type Client = SendRequest<Bytes>;

pub fn prepare(world: &World) -> Client {
    world.runtime.block_on(async {
        let authority = world.server.endpoint.uri().authority().unwrap();
        let io = TcpStream::connect(authority.as_str()).await.unwrap();
        let (client, connection) = h2::client::handshake(io).await.unwrap();
        tokio::spawn(connection);
        client
    })
}

/// Asks for settings, which are there for whoever is known.
pub fn target(world: &World, client: &Client, entropy: &mut Entropy<'_>) {
    let mut request =
        http::Request::post("http://localhost/dwell.v1.TenantService/GetTenantSettings")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
    let mut tenants = Vec::new();
    let mut others = false;
    for _ in 0..=entropy.below(4) {
        let name = *entropy.pick(&NAMES);
        let value = match entropy.below(8) {
            0 => {
                let length = entropy.below(60);
                entropy.bytes(length)
            }
            1 => tenant(1).to_string().into_bytes(),
            _ => entropy.pick(&VALUES).as_bytes().to_vec(),
        };
        let Ok(value) = http::HeaderValue::from_bytes(&value) else {
            continue;
        };
        if name == "x-tenant-id" {
            tenants.push(value.clone());
        } else {
            others = true;
        }
        request = request.header(name, value);
    }
    let request = request.body(()).unwrap();
    world.server.pass(Duration::from_millis(10));
    let status = world.runtime.block_on(ask(client.clone(), request));
    let known = matches!(&*tenants, [one] if is_tenant(one.as_bytes()));
    match &*status {
        "0" => assert!(known, "{tenants:?}"),
        "16" => assert!(!known, "{tenants:?}"),
        // A time that is up or cannot be read, and what is compressed in no way that is known.
        "3" | "4" | "12" => assert!(others, "{tenants:?}"),
        _ => panic!("status {status} for {tenants:?}"),
    }
}

async fn ask(client: Client, request: http::Request<()>) -> String {
    let mut client = client.ready().await.unwrap();
    let (answer, mut message) = client.send_request(request, false).unwrap();
    // An empty message. The server may have answered before it.
    let _ = message.send_data(Bytes::from_static(&[0; 5]), true);
    let (mut head, mut body) = answer.await.unwrap().into_parts();
    while let Some(data) = body.data().await {
        let length = data.unwrap().len();
        body.flow_control().release_capacity(length).unwrap();
    }
    if let Some(trailers) = body.trailers().await.unwrap() {
        head.headers.extend(trailers);
    }
    let status = head.headers.get("grpc-status");
    status.map_or_else(
        || "none".to_owned(),
        |status| status.to_str().unwrap().to_owned(),
    )
}

/// In so many words: 32 hexadecimal digits with hyphens, not all of them zero.
fn is_tenant(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
        && text.iter().any(|byte| !b"0-".contains(byte))
}
