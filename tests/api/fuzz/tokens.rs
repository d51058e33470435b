//! Tokens that are nearly right.

use std::time::Duration;

use dwell::pb::v1 as pb;
use tonic::Code;

use super::{Entropy, World};
use crate::values::{USER, start};

/// A token that is right for the first tenant's sessions by pages of one.
pub fn prepare(world: &World) -> String {
    let mut caller = world.server.tenant(1);
    world.runtime.block_on(async {
        for _ in 0..2 {
            caller.start(start(USER)).await;
        }
        let page = caller.sessions.list_sessions(request("")).await;
        page.unwrap().into_inner().next_page_token
    })
}

fn request(token: &str) -> pb::ListSessionsRequest {
    pb::ListSessionsRequest {
        page_size: 1,
        page_token: token.to_owned(),
        ..Default::default()
    }
}

/// Changes it here and there, or makes one of nothing: none opens but the right one.
pub fn target(world: &World, right: &String, entropy: &mut Entropy<'_>) {
    let mut token = right.clone().into_bytes();
    for _ in 0..entropy.below(4) {
        let place = entropy.below(token.len() + 1);
        match entropy.below(6) {
            0 => token.truncate(place),
            1 => token.insert(place, entropy.byte()),
            2 => token.extend(entropy.bytes(place)),
            3 => token = entropy.bytes(place),
            4 if place < token.len() => {
                token.remove(place);
            }
            _ if place < token.len() => token[place] ^= 1 << entropy.below(8),
            _ => {}
        }
    }
    world.server.pass(Duration::from_millis(10));
    let is_right = token == right.as_bytes() || token.is_empty();
    // What is no text is no message.
    let token = String::from_utf8_lossy(&token);
    let mut caller = world.server.tenant(1);
    let answer = caller.sessions.list_sessions(request(&token));
    let code = world
        .runtime
        .block_on(answer)
        .map_err(|status| status.code());
    let expected = if is_right {
        Ok(())
    } else {
        Err(Code::InvalidArgument)
    };
    assert_eq!(code.map(|_| ()), expected, "{token:?}");
}
