//! Flags of who may call, and over what.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use reqwest::Url;
use uuid::Uuid;

use super::Auth;

/// How tokens of `--auth jwt` are verified: with keys of exactly one place.
#[derive(Clone, Debug, Args)]
pub struct JwtArgs {
    /// A file with the secret that is shared with the issuer of tokens.
    #[arg(long, env = "DWELL_JWT_SECRET_FILE", value_name = "FILE")]
    pub jwt_secret_file: Option<PathBuf>,
    /// A file with the issuer's public keys, a JSON Web Key Set. Read again every 10 seconds.
    #[arg(long, env = "DWELL_JWT_JWKS_FILE", value_name = "FILE")]
    pub jwt_jwks_file: Option<PathBuf>,
    /// The same at a URL of https, or of http on this machine. Read again every 5 minutes, and
    /// for a key id that is not known.
    #[arg(
        long,
        env = "DWELL_JWT_JWKS_URL",
        hide_env_values = true,
        value_name = "URL",
        value_parser = jwks_url
    )]
    pub jwt_jwks_url: Option<Url>,
    #[command(flatten)]
    pub claims: ClaimArgs,
}

/// What a token has to say, and in which claims.
#[derive(Clone, Debug, Args)]
pub struct ClaimArgs {
    /// Signatures that are accepted: HS256 unless told otherwise with a secret; of public keys
    /// RS256 and ES256, and any of RS384, RS512, PS256, PS384, PS512, ES384, `EdDSA`.
    #[arg(
        long,
        env = "DWELL_JWT_ALGORITHMS",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    pub jwt_algorithms: Vec<Algorithm>,
    /// What `iss` must be; anything unless given.
    #[arg(long, env = "DWELL_JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,
    /// What `aud` must be or hold; anything unless given.
    #[arg(long, env = "DWELL_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,
    /// The claim that holds the tenant, a UUID.
    #[arg(
        long,
        env = "DWELL_JWT_TENANT_CLAIM",
        default_value = "tenant_id",
        value_name = "CLAIM"
    )]
    pub jwt_tenant_claim: String,
    /// The claim that holds the user: a UUID, or any text, which is mapped to one.
    #[arg(
        long,
        env = "DWELL_JWT_USER_CLAIM",
        default_value = "sub",
        value_name = "CLAIM"
    )]
    pub jwt_user_claim: String,
    /// The claim that holds the role, or a list of them: service, admin, user.
    #[arg(
        long,
        env = "DWELL_JWT_ROLE_CLAIM",
        default_value = "role",
        value_name = "CLAIM"
    )]
    pub jwt_role_claim: String,
}

/// Everything that `token` is told.
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// The file with the secret that `serve` is given too.
    #[arg(long, env = "DWELL_JWT_SECRET_FILE", value_name = "FILE")]
    pub jwt_secret_file: PathBuf,
    /// The tenant to act for.
    #[arg(long, value_name = "UUID")]
    pub tenant: Uuid,
    /// Whom the token stands for; needed with the role user.
    #[arg(long, value_name = "ID", required_if_eq("role", "user"))]
    pub user: Option<String>,
    /// What the token's bearer may do.
    #[arg(long, value_name = "ROLE")]
    pub role: Role,
    /// Seconds until it expires, at most 30 days.
    #[arg(long, default_value = "3600", value_name = "SECONDS", value_parser = ttl)]
    pub ttl: Duration,
    #[command(flatten)]
    pub claims: ClaimArgs,
}

/// One role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Role {
    Service,
    Admin,
    User,
}

impl Role {
    /// As a token names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

/// Files for TLS. They are looked at again for each connection.
#[derive(Clone, Debug, Args)]
pub struct TlsArgs {
    /// The server's certificate and those that lead to its root, PEM.
    #[arg(long, env = "DWELL_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, env = "DWELL_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Roots of the certificates that clients must have, PEM.
    #[arg(long, env = "DWELL_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
}

/// Where TLS takes its certificates from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// If set, clients must have a certificate.
    pub client_ca: Option<PathBuf>,
}

/// How tokens are verified, once that is known to go together.
#[derive(Clone, Debug)]
pub struct Jwt {
    pub place: KeyPlace,
    pub algorithms: Vec<Algorithm>,
    pub claims: ClaimArgs,
}

/// Where the keys are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyPlace {
    Secret(PathBuf),
    JwksFile(PathBuf),
    JwksUrl(Url),
}

impl JwtArgs {
    /// How to verify tokens; `None` with `--auth none`.
    ///
    /// # Errors
    /// Says in one line what does not go together.
    pub fn resolve(&self, auth: Auth) -> Result<Option<Jwt>, String> {
        let places = [
            self.jwt_secret_file.clone().map(KeyPlace::Secret),
            self.jwt_jwks_file.clone().map(KeyPlace::JwksFile),
            self.jwt_jwks_url.clone().map(KeyPlace::JwksUrl),
        ];
        let mut places = places.into_iter().flatten();
        let place = match (auth, places.next(), places.next()) {
            (Auth::None, None, _) => return Ok(None),
            (Auth::None, Some(_), _) => {
                return Err("keys for tokens are given, but --auth is none".to_owned());
            }
            (Auth::Jwt, Some(place), None) => place,
            (Auth::Jwt, _, _) => {
                return Err(
                    "--auth jwt needs one of --jwt-secret-file, --jwt-jwks-file and \
                            --jwt-jwks-url"
                        .to_owned(),
                );
            }
        };
        let algorithms = match place {
            KeyPlace::Secret(_) => self.claims.algorithms_of_secret()?,
            KeyPlace::JwksFile(_) | KeyPlace::JwksUrl(_) => self.claims.algorithms_of_keys()?,
        };
        Ok(Some(Jwt {
            place,
            algorithms,
            claims: self.claims.clone(),
        }))
    }
}

impl ClaimArgs {
    /// Signatures by a shared secret.
    ///
    /// # Errors
    /// Fails if one of public keys is named.
    pub fn algorithms_of_secret(&self) -> Result<Vec<Algorithm>, String> {
        let all = self.algorithms_or(&[Algorithm::HS256]);
        let fits = all.iter().copied().all(is_of_secret);
        fits.then_some(all)
            .ok_or_else(|| "--jwt-algorithms with a secret are HS256, HS384, HS512".to_owned())
    }

    /// Signatures by private keys: a public key is never taken for a secret.
    fn algorithms_of_keys(&self) -> Result<Vec<Algorithm>, String> {
        let all = self.algorithms_or(&[Algorithm::RS256, Algorithm::ES256]);
        let fits = !all.iter().copied().any(is_of_secret);
        fits.then_some(all).ok_or_else(|| {
            "--jwt-algorithms with public keys are not HS256, HS384, HS512".to_owned()
        })
    }

    fn algorithms_or(&self, default: &[Algorithm]) -> Vec<Algorithm> {
        if self.jwt_algorithms.is_empty() {
            default.to_vec()
        } else {
            self.jwt_algorithms.clone()
        }
    }
}

fn is_of_secret(algorithm: Algorithm) -> bool {
    algorithm.family() == AlgorithmFamily::Hmac
}

impl TlsArgs {
    /// The files; `None` without TLS.
    ///
    /// # Errors
    /// Says in one line what is missing.
    pub fn resolve(&self) -> Result<Option<TlsFiles>, String> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Ok(Some(TlsFiles {
                cert: cert.clone(),
                key: key.clone(),
                client_ca: self.tls_client_ca.clone(),
            })),
            (None, None) if self.tls_client_ca.is_none() => Ok(None),
            _ => Err("TLS needs both --tls-cert and --tls-key".to_owned()),
        }
    }
}

/// Keys that anybody on the way can change verify nothing.
fn jwks_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_own_machine(&url)) {
        Ok(url)
    } else {
        Err("must begin with https://, or with http:// and be of this machine".to_owned())
    }
}

/// Whether the host of a URL is this machine.
#[must_use]
pub fn is_own_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn ttl(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 1..=2_592_000) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number from 1 to 2592000".to_owned()),
    }
}
