//! Whom points are told to.

use std::{fs, path::PathBuf};

use clap::Args;
use reqwest::Url;

use crate::{domain::points::signature::Signer, jobs::points::Receiver};

/// Where the service that keeps points has its API, as a rule.
const PATH: &str = "/api/gamification/points/award";

/// Whom points are told to.
#[derive(Clone, Debug, Default, Args)]
pub struct PointsArgs {
    /// Where to deliver the points that sessions and activities earn: an http or https URL; without
    /// a path that of `/api/gamification/points/award`. Without this flag none are put down to be
    /// delivered, nor delivered later.
    #[arg(
        long,
        env = "DWELL_POINTS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    // A text, and looked at afterwards: clap would quote it if it is wrong.
    pub points_url: Option<String>,
    /// File with the key that signs what is delivered, by the Standard Webhooks scheme: `whsec_`
    /// and base64, or any other text of 24 bytes or more, which is the key as it stands.
    #[arg(long, env = "DWELL_POINTS_SECRET_FILE", value_name = "FILE")]
    pub points_secret_file: Option<PathBuf>,
}

impl PointsArgs {
    /// Whom they say, if they do.
    ///
    /// # Errors
    /// Says in one line what is wrong, without the URL and without the secret.
    pub fn receiver(&self) -> Result<Option<Receiver>, String> {
        let (url, file) = match (&self.points_url, &self.points_secret_file) {
            (None, None) => return Ok(None),
            (Some(url), Some(file)) => (url, file),
            (Some(_), None) => return Err("--points-url needs --points-secret-file".to_owned()),
            (None, Some(_)) => return Err("--points-secret-file needs --points-url".to_owned()),
        };
        let url = parse(url).map_err(|wrong| format!("--points-url {wrong}"))?;
        let file_wrong = |wrong| format!("--points-secret-file {} {wrong}", file.display());
        let secret = fs::read_to_string(file)
            .map_err(|error| file_wrong(format!("cannot be read: {error}")))?;
        let signer = Signer::new(&secret).map_err(file_wrong)?;
        Ok(Some(Receiver { url, signer }))
    }
}

fn parse(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password: what is sent is signed".to_owned());
    }
    url.set_fragment(None);
    if url.path() == "/" {
        url.set_path(PATH);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn receiver(url: Option<&str>, secret: Option<&str>) -> Result<Option<Receiver>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(secret.unwrap_or_default().as_bytes())
            .unwrap();
        let args = PointsArgs {
            points_url: url.map(str::to_owned),
            points_secret_file: secret.map(|_| file.path().to_owned()),
        };
        args.receiver()
    }

    const SECRET: Option<&str> = Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");

    #[test]
    fn a_url_without_a_path_gets_the_usual_one() {
        let address = |url| receiver(Some(url), SECRET).unwrap().unwrap().address();
        assert_eq!(
            address("https://points.example"),
            "https://points.example/api/gamification/points/award"
        );
        assert_eq!(
            address("http://127.0.0.1:8080/hook?key=hidden"),
            "http://127.0.0.1:8080/hook"
        );
    }

    #[test]
    fn without_a_url_nothing_is_delivered() {
        assert!(receiver(None, None).unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        for (url, secret) in [
            (Some("http://points"), None),
            (None, SECRET),
            (Some("points"), SECRET),
            (Some("ftp://points"), SECRET),
            (Some("http://me:hidden@points"), SECRET),
            (Some("http://hidden@points"), SECRET),
            (Some("http://points"), Some("hidden")),
            (Some("http://points"), Some("whsec_hidden?")),
        ] {
            let wrong = receiver(url, secret).err().unwrap();
            assert!(wrong.starts_with("--points-"), "{wrong}");
            assert!(
                !wrong.contains("hidden") && !wrong.contains('\n'),
                "{wrong}"
            );
        }
        let args = PointsArgs {
            points_url: Some("http://points".to_owned()),
            points_secret_file: Some("/nowhere/at/all".into()),
        };
        let wrong = args.receiver().err().unwrap();
        assert!(wrong.contains("cannot be read"), "{wrong}");
    }
}
