//! TLS and mutual TLS, and new certificates without a restart.

use std::{fs, path::Path};

use dwell::{config::TlsFiles, pb::v1 as pb, tls::Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpStream};
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{
    harness::{Caller, Server, Setup},
    values::{USER, start},
};

/// Issues certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name, and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// The files of a server in a folder.
fn files(dir: &Path, client_ca: bool) -> TlsFiles {
    TlsFiles {
        cert: dir.join("cert.pem"),
        key: dir.join("key.pem"),
        client_ca: client_ca.then(|| dir.join("ca.pem")),
    }
}

fn write(dir: &Path, (certificate, key): (String, String)) {
    fs::write(dir.join("key.pem"), key).unwrap();
    fs::write(dir.join("cert.pem"), certificate).unwrap();
}

async fn secure(files: TlsFiles) -> Server {
    Server::with(Setup {
        tls: Some(files),
        ..Setup::default()
    })
    .await
}

/// A new connection that trusts an authority, with or without a certificate of its own.
fn channel(server: &Server, trusted: &Authority, own: Option<(String, String)>) -> Channel {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted.pem()));
    if let Some((certificate, key)) = own {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let url = format!("https://localhost:{}", server.address.port());
    let endpoint = Endpoint::from_shared(url).unwrap();
    endpoint.tls_config(tls).unwrap().connect_lazy()
}

async fn call(channel: &Channel) -> Result<(), Status> {
    let request = pb::ListSessionsRequest::default();
    let mut caller = Caller::of(channel, 1);
    caller.sessions.list_sessions(request).await.map(|_| ())
}

#[tokio::test]
async fn calls_go_over_tls_alone() {
    let dir = TempDir::new().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    write(dir.path(), authority.issue("localhost"));
    let server = secure(files(dir.path(), false)).await;
    let trusting = channel(&server, &authority, None);
    Caller::of(&trusting, 1).start(start(USER)).await;
    let refused = |answer: Result<(), Status>| answer.unwrap_err().code();
    assert_eq!(
        refused(call(&channel(&server, &stranger, None)).await),
        Code::Unavailable
    );
    // In plain text nobody is heard.
    assert!(call(&server.channel).await.is_err());
    assert!(call(&trusting).await.is_ok());
}

#[tokio::test]
async fn clients_need_a_certificate_of_the_right_authority() {
    let dir = TempDir::new().unwrap();
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    write(dir.path(), servers.issue("localhost"));
    fs::write(dir.path().join("ca.pem"), clients.pem()).unwrap();
    let server = secure(files(dir.path(), true)).await;
    let with = |own| channel(&server, &servers, own);
    assert!(call(&with(Some(clients.issue("gateway")))).await.is_ok());
    assert!(call(&with(None)).await.is_err());
    assert!(call(&with(Some(strangers.issue("gateway")))).await.is_err());
    // The server's own authority does not make clients.
    assert!(call(&with(Some(servers.issue("gateway")))).await.is_err());
    assert!(call(&with(Some(clients.issue("gateway")))).await.is_ok());
}

#[tokio::test]
async fn new_certificates_need_no_restart() {
    let dir = TempDir::new().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    write(dir.path(), old.issue("localhost"));
    fs::write(dir.path().join("ca.pem"), old.pem()).unwrap();
    let server = secure(files(dir.path(), true)).await;
    let kept = channel(&server, &old, Some(old.issue("gateway")));
    assert!(call(&kept).await.is_ok());

    // Bad ones are not used: half of a pair, and what is no certificate at all.
    let (certificate, key) = new.issue("localhost");
    fs::write(dir.path().join("cert.pem"), &certificate).unwrap();
    let again = || channel(&server, &old, Some(old.issue("gateway")));
    assert!(call(&again()).await.is_ok());
    fs::write(dir.path().join("ca.pem"), "oops").unwrap();
    assert!(call(&again()).await.is_ok());
    fs::remove_file(dir.path().join("key.pem")).unwrap();
    assert!(call(&again()).await.is_ok());

    fs::write(dir.path().join("ca.pem"), new.pem()).unwrap();
    write(dir.path(), (certificate, key));
    assert!(
        call(&channel(&server, &new, Some(new.issue("gateway"))))
            .await
            .is_ok()
    );
    assert!(call(&again()).await.is_err());
    assert!(
        call(&channel(&server, &new, Some(old.issue("gateway"))))
            .await
            .is_err()
    );
    // Who is connected stays so.
    assert!(call(&kept).await.is_ok());
}

#[tokio::test]
async fn a_handshake_that_does_not_come_holds_up_nobody() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::new();
    write(dir.path(), authority.issue("localhost"));
    let server = secure(files(dir.path(), false)).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert!(call(&channel(&server, &authority, None)).await.is_ok());
    // They are still there, and nothing was said to them.
    let mut byte = [0];
    assert!(silent[0].try_read(&mut byte).is_err());
    server.stop.cancel();
    server.served.await.unwrap().unwrap();
    // With the server they end.
    let ended = silent[0].read(&mut byte).await;
    assert!(!matches!(ended, Ok(1)));
}

#[test]
fn files_that_cannot_be_used_are_refused_at_start() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::new();
    let refused = |what: &str| {
        let error = Tls::open(files(dir.path(), true), true)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(what), "{error}");
        assert!(!error.contains("BEGIN"), "{error}");
    };
    refused("key.pem cannot be read");
    let (certificate, _) = authority.issue("localhost");
    let (_, key) = authority.issue("localhost");
    write(dir.path(), (certificate.clone(), key));
    refused("ca.pem");
    fs::write(dir.path().join("ca.pem"), "").unwrap();
    refused("ca.pem has no certificates");
    fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
    refused("certificate and key cannot be used");
    fs::write(dir.path().join("key.pem"), certificate).unwrap();
    refused("key.pem cannot be read");
}
