//! The binary with `--auth jwt`, as an operator runs it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use dwell::pb::v1::{
    GetUserUsageStatsRequest, ListSessionsRequest, StartSessionRequest,
    session_service_client::SessionServiceClient,
    usage_stats_service_client::UsageStatsServiceClient,
};
use tempfile::TempDir;
use tonic::{Code, Request, transport::Endpoint};

const TENANT: &str = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11";
const SECRET: &str = "quite-a-secret-of-more-than-32-bytes";
const SUBJECT: &str = "alice@example.com";

fn dwell(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dwell"));
    command.args(args);
    command
}

/// What a command that ends prints, and its exit code.
fn run(args: &[&str]) -> (String, String, Option<i32>) {
    let Output {
        status,
        stdout,
        stderr,
    } = dwell(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(stdout), text(stderr), status.code())
}

/// A folder with a secret.
fn folder() -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let secret = secret.display().to_string();
    (dir, secret)
}

/// A server that logs all that it can, and where it listens.
fn serve(dir: &Path, args: &[&str]) -> (Child, String) {
    let url = format!("sqlite://{}", dir.join("db").display());
    let common = [
        "--listen",
        "127.0.0.1:0",
        "--database-url",
        &url,
        "--log",
        "trace",
    ];
    let mut server = dwell(&[&common, args].concat())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(dir.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = server.stdout.as_mut().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line.trim().trim_start_matches("listening on ").to_owned();
    (server, format!("http://{address}"))
}

fn token(secret: &str, role: &str, user: Option<&str>) -> String {
    let mut args = vec!["token", "--jwt-secret-file", secret, "--tenant", TENANT];
    args.extend(["--role", role]);
    args.extend(user.into_iter().flat_map(|user| ["--user", user]));
    let (printed, complaint, code) = run(&args);
    assert_eq!(code, Some(0), "{complaint}");
    printed.trim().to_owned()
}

/// A request of whoever has the token.
fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

#[tokio::test]
async fn a_run_logs_nothing_of_its_callers() {
    let (dir, secret) = folder();
    let (mut server, url) = serve(dir.path(), &["--auth", "jwt", "--jwt-secret-file", &secret]);
    let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    let user = token(&secret, "user", Some(SUBJECT));
    let service = token(&secret, "service", Some("a-service-account"));
    let forged = format!("{}{}", &user[..user.len() - 6], "Forged");
    let mut sessions = SessionServiceClient::new(channel.clone());
    let mut usage = UsageStatsServiceClient::new(channel);
    let list = ListSessionsRequest::default();
    for (token, code) in [
        (&*user, Code::Ok),
        (&service, Code::Ok),
        (&forged, Code::Unauthenticated),
        ("nonsense-that-is-no-token", Code::Unauthenticated),
    ] {
        let answer = sessions.list_sessions(bearing(token, list.clone())).await;
        assert_eq!(answer.err().map_or(Code::Ok, |status| status.code()), code);
    }
    let start = StartSessionRequest {
        user_id: "0190a000-0000-7000-8000-00000000000a".to_owned(),
        ..Default::default()
    };
    let foreign = sessions.start_session(bearing(&user, start)).await;
    assert_eq!(foreign.unwrap_err().code(), Code::NotFound);
    let days = GetUserUsageStatsRequest::default();
    assert!(
        usage
            .get_user_usage_stats(bearing(&service, days))
            .await
            .is_err()
    );
    server.kill().unwrap();
    server.wait().unwrap();

    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(log.contains("answered"), "{log}");
    let tokens = [user, service, forged];
    let parts = tokens.iter().flat_map(|token| token.split('.'));
    let secrets = [
        SECRET,
        SUBJECT,
        "a-service-account",
        "nonsense-that",
        "Bearer",
    ];
    for secret in parts.chain(secrets) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[test]
fn what_does_not_go_together_is_one_line_and_exit_code_2() {
    let cases: [&[&str]; 5] = [
        &["--auth", "jwt"],
        &["--jwt-secret-file", "s"],
        &[
            "--auth",
            "jwt",
            "--jwt-secret-file",
            "s",
            "--jwt-algorithms",
            "RS256",
        ],
        &["--tls-cert", "c"],
        &["--auth", "jwt", "--jwt-jwks-url", "http://example.com"],
    ];
    for args in cases {
        let (printed, complaint, code) = run(args);
        assert_eq!((&*printed, code), ("", Some(2)), "{args:?}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn files_that_are_not_there_are_found_by_check_and_at_start() {
    let (dir, secret) = folder();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    assert_eq!(run(&["migrate", "--database-url", &url]).2, Some(0));
    let missing = dir.path().join("missing").display().to_string();
    let with = |secret: &str| {
        let common = [
            "--database-url",
            &*url,
            "--auth",
            "jwt",
            "--jwt-secret-file",
        ];
        run(&[
            &["check"],
            &common[..],
            &[secret, "--tls-cert", &missing, "--tls-key", &missing],
        ]
        .concat())
    };
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (found, _, code) = with(&secret);
    assert!(
        squeezed(&found).contains("ok keys 1 can verify tokens fail certificates "),
        "{found}"
    );
    assert_eq!(code, Some(1));
    let (found, _, code) = with(&missing);
    assert!(squeezed(&found).contains(" fail keys "), "{found}");
    assert_eq!(code, Some(1));
    let start =
        |more: &[&str]| run(&[&["--listen", "127.0.0.1:0", "--database-url", &url], more].concat());
    let jwt = ["--auth", "jwt", "--jwt-secret-file", &missing];
    let tls = ["--tls-cert", &missing, "--tls-key", &missing];
    for args in [&jwt, &tls] {
        let (printed, complaint, code) = start(args);
        assert_eq!((&*printed, code), ("", Some(1)));
        assert!(
            complaint.lines().last().unwrap().contains(&missing),
            "{complaint}"
        );
    }
}

#[test]
fn without_authentication_there_is_a_warning() {
    let (dir, _) = folder();
    let (mut server, _) = serve(dir.path(), &[]);
    server.kill().unwrap();
    server.wait().unwrap();
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    let warned = log.lines().any(|line| line.contains("WARN --auth none"));
    assert!(warned, "{log}");
}
