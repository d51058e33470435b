//! What pages need beside themselves. Each name holds the content's hash, so that a browser keeps
//! it for as long as it likes.

use std::{fmt::Write, sync::LazyLock};

use sha2::{Digest, Sha256};

/// A file of the binary's own.
pub struct Asset {
    /// Where it is.
    pub path: String,
    pub content_type: &'static str,
    pub content: &'static str,
}

pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("style", "css", "text/css", include_str!("assets/style.css")));
pub static LIVE: LazyLock<Asset> = LazyLock::new(|| {
    asset(
        "live",
        "js",
        "text/javascript",
        include_str!("assets/live.js"),
    )
});
pub static ICON: LazyLock<Asset> = LazyLock::new(|| {
    asset(
        "icon",
        "svg",
        "image/svg+xml",
        include_str!("assets/icon.svg"),
    )
});

fn asset(name: &str, kind: &str, content_type: &'static str, content: &'static str) -> Asset {
    let mut hash = String::new();
    for byte in Sha256::digest(content.as_bytes()).iter().take(6) {
        // Writing to a String does not fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Asset {
        path: format!("/ui/assets/{name}-{hash}.{kind}"),
        content_type,
        content,
    }
}

/// The one at a path.
pub fn at(path: &str) -> Option<&'static Asset> {
    let all = [&STYLE, &LIVE, &ICON];
    all.into_iter()
        .map(|asset| &**asset)
        .find(|asset| asset.path == path)
}
