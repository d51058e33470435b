//! Requests of HTTP and JSON: any method, path, query and body, most of them nearly right.

use reqwest::Method;

use super::{Entropy, World};
use crate::{
    isolation::methods,
    rest::call::{request, rule},
    support::ids::tenant,
    values::{SESSION, USER},
};

const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PATCH,
    Method::DELETE,
    Method::PUT,
    Method::HEAD,
    Method::OPTIONS,
];
const PARTS: [&str; 8] = [USER, SESSION, "", "%2F", "%ff", "a:end", "é", "a b"];
const NAMES: [&str; 10] = [
    "user_id",
    "start_date",
    "endDate",
    "page_size",
    "states",
    "subject.id",
    "range.start_date",
    "filter.user_id",
    "%00",
    "update_mask",
];
const VALUES: [&str; 12] = [
    USER,
    "2026-03-01",
    "2026-03-02",
    "-1",
    "99999999999999999999",
    "true",
    "%zz",
    "",
    "NaN",
    "SESSION_STATE_ENDED",
    "2026-03-02T09:00:00Z",
    "x+y",
];
const BODIES: [&str; 10] = [
    "",
    "{}",
    "null",
    "[]",
    r#"{"userId":"#,
    r#"{"metadata":{"a":[1e999]}}"#,
    "\u{0}",
    r#"{"user_id":"0190a000-0000-7000-8000-00000000000a","increment":{"login_count":"1"}}"#,
    r#"{"record":{}}"#,
    r#"{"duration":"-1s","startTime":"9999-99-99T00:00:00Z"}"#,
];

/// Methods of HTTP, and paths with them.
pub struct Paths(Vec<(Method, String)>);

/// The paths of the contract.
pub fn prepare(_: &World) -> Paths {
    let rules = methods().filter(|rpc| rpc.name() != "WatchSessions");
    let rules = rules.filter_map(|rpc| rule(&rpc));
    Paths(rules.map(|rule| (rule.method, rule.path)).collect())
}

/// Whatever is asked is answered, and never with a fault of ours.
pub fn target(world: &World, Paths(paths): &Paths, entropy: &mut Entropy<'_>) {
    let (known, path) = entropy.pick(paths).clone();
    let method = match entropy.below(4) {
        0 => entropy.pick(&METHODS).clone(),
        _ => known,
    };
    let mut target = String::new();
    for (index, part) in path.split(['{', '}']).enumerate() {
        let is_field = index % 2 == 1;
        target += if is_field {
            *entropy.pick(&PARTS)
        } else {
            part
        };
    }
    target.push('?');
    for _ in 0..entropy.below(4) {
        let (name, value) = (*entropy.pick(&NAMES), *entropy.pick(&VALUES));
        target = format!("{target}{name}={value}&");
    }
    let body = match entropy.below(8) {
        0 => {
            let length = entropy.below(60);
            entropy.bytes(length)
        }
        _ => entropy.pick(&BODIES).as_bytes().to_vec(),
    };
    let kind = ["application/json", "application/x-ndjson"][entropy.below(2)];
    let mut asked =
        request(&world.server, method, &target).header("x-tenant-id", tenant(1).to_string());
    if !body.is_empty() {
        asked = asked.header("content-type", kind).body(body);
    }
    let code = world.runtime.block_on(async {
        let answer = asked.send().await.unwrap();
        let code = answer.status().as_u16();
        answer.bytes().await.unwrap();
        code
    });
    assert!(code < 500, "{target}: {code}");
}
