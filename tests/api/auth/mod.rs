//! Who may call: tokens, roles, and TLS.

mod roles;
mod tls;
mod users;

use std::sync::LazyLock;

use clap::Parser;
use dwell::{
    auth::mint,
    config::{Cli, Command, Jwt},
};
use tempfile::TempDir;

use crate::{
    harness::{Caller, Server, Setup},
    support::ids::tenant,
};

/// What the secret is.
pub const SECRET_KEY: &str = "0123456789abcdef0123456789abcdef";

/// The folder of the secret that all of these tests share.
static SECRET: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("secret"), SECRET_KEY).unwrap();
    dir
});

fn secret_file() -> String {
    SECRET.path().join("secret").display().to_string()
}

/// Callers are verified with the secret.
fn jwt() -> Jwt {
    let args = [
        "dwell",
        "--auth",
        "jwt",
        "--jwt-secret-file",
        &secret_file(),
    ];
    let args = Cli::try_parse_from(args).unwrap().serve;
    args.jwt.resolve(args.auth).unwrap().unwrap()
}

pub fn setup() -> Setup {
    Setup {
        jwt: Some(jwt()),
        ..Setup::default()
    }
}

/// A token of a tenant's role, and of a user if there is one, good for an hour.
pub fn token(server: &Server, number: u128, role: &str, user: Option<&str>) -> String {
    let tenant = tenant(number).to_string();
    let file = secret_file();
    let mut args = vec!["dwell", "token", "--jwt-secret-file", &file];
    args.extend(["--tenant", &tenant, "--role", role]);
    args.extend(user.into_iter().flat_map(|user| ["--user", user]));
    match Cli::try_parse_from(args).unwrap().command {
        Some(Command::Token(args)) => mint::token(&args, &*server.clock).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The clients of whoever has such a token.
fn caller(server: &Server, number: u128, role: &str, user: Option<&str>) -> Caller {
    Caller::bearing(&server.channel, &token(server, number, role, user))
}
