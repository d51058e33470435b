//! Nobody learns of another's by a page, nor changes it.
//!
//! The same pages are asked of two servers that differ in one thing: on one of them there is
//! somebody else, so that there an id is another's that on the other nobody has. What is answered
//! must be the same to the byte, but for what forms are signed with.

use reqwest::{Method, StatusCode};

use super::{Browser, setup};
use crate::{harness::Server, isolation::Party};

/// Every page; `@name` is an id of the reader's or of the other's.
const PAGES: &[&str] = &[
    "/ui/",
    "/ui/?days=365",
    "/ui/live",
    "/ui/me",
    "/ui/sessions",
    "/ui/sessions?state=open&client_type=web",
    "/ui/sessions?user_id=@user",
    "/ui/sessions?user_id=@user&subject_type=course&subject_id=@subject",
    "/ui/sessions/@active",
    "/ui/sessions/@ended",
    "/ui/sessions/@recorded",
    "/ui/users",
    "/ui/users?silent=0",
    "/ui/users?id=@user",
    "/ui/users/@user",
    "/ui/users/@quiet",
    "/ui/users/@deleted",
    "/ui/reports",
    "/ui/reports?period=day&user_id=@user",
    "/ui/reports?period=week&user_id=@user",
    "/ui/reports?period=month&user_id=@user",
    "/ui/export",
    "/ui/export?format=csv&user_id=@user",
    "/ui/export?format=ndjson&subject_type=course&subject_id=@subject",
    "/ui/study",
    "/ui/study?user_id=@user",
];

/// Every form, and what is posted with it; last those that leave nothing to be asked for.
const FORMS: &[(&str, &str)] = &[
    ("/ui/users/@user/revoke", "&except=@active"),
    ("/ui/sessions/@active/revoke", ""),
    ("/ui/users/@user/revoke", ""),
];

/// The checks of one reader, at least.
const CHECKS: usize = 50;

mod sqlite {
    use super::{Server, apart, setup};

    #[tokio::test]
    async fn nobody_sees_another_by_a_page() {
        apart(async || Server::with(setup()).await).await;
    }
}
mod postgres {
    use super::{Server, apart, setup};

    #[tokio::test]
    async fn nobody_sees_another_by_a_page() {
        apart(async || Server::postgres_with(setup()).await).await;
    }
}

/// Each kind of reader beside another tenant, and a user beside another of the same.
async fn apart(server: impl AsyncFn() -> Server) {
    let (with, without) = (server().await, server().await);
    let owner = Party::service(1, 1);
    owner.settle(&with).await;
    for (tenant, role) in [(2, "admin"), (3, "service"), (4, "user"), (1, "user")] {
        let own = Party::service(tenant, 10 + tenant);
        let user = own.id("@user");
        let user = (role == "user").then_some(&*user);
        for server in [&with, &without] {
            own.settle(server).await;
        }
        let reader = Reader {
            role,
            with: Browser::of(&with, tenant, role, user).await,
            without: Browser::of(&without, tenant, role, user).await,
        };
        let before = seen(&with, &owner).await;
        let checks = reader.compare_all(&own, &owner).await;
        assert!(checks >= CHECKS, "{role}: {checks} checks");
        assert_eq!(
            before,
            seen(&with, &owner).await,
            "{role} changed something"
        );
    }
}

/// All that pages show of the owner.
async fn seen(server: &Server, owner: &Party) -> Vec<String> {
    let user = owner.id("@user");
    let browser = Browser::of(server, 1, "user", Some(&user)).await;
    let mut seen = Vec::new();
    for page in ["/ui/sessions", "/ui/me", "/ui/study", "/ui/export"] {
        let (status, _, text) = answer(&browser, &Method::GET, page, "").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        seen.push(text);
    }
    seen
}

/// Somebody who has a browser at both servers.
struct Reader {
    role: &'static str,
    with: Browser,
    without: Browser,
}

impl Reader {
    /// Every page and form, each id of it once the reader's own and once the other's.
    async fn compare_all(&self, own: &Party, other: &Party) -> usize {
        let mut checks = 0;
        for page in PAGES {
            for target in filled(page, own, other) {
                let status = self.compare(Method::GET, &target, "").await;
                let is_there = matches!(status, StatusCode::OK | StatusCode::SEE_OTHER);
                let is_own = target == filled(page, own, other)[0];
                assert!(
                    is_there || !is_own || !self.may_see(page),
                    "{}: {target}: {status}",
                    self.role
                );
                checks += 1;
            }
        }
        for (path, form) in FORMS {
            // The reader's own things are changed last.
            for filled in filled(&format!("{path} {form}"), own, other).iter().rev() {
                let (path, form) = filled.split_once(' ').unwrap();
                self.compare(Method::POST, path, form).await;
                checks += 1;
            }
            for page in ["/ui/sessions", "/ui/live"] {
                self.compare(Method::GET, page, "").await;
                checks += 1;
            }
        }
        checks
    }

    /// Whether a page of the reader's own ids is there. To a user what is the whole tenant's is
    /// forbidden, nobody sees whose data was deleted, and who is no user has no page of its own.
    fn may_see(&self, page: &str) -> bool {
        self.role != "user" && !page.contains("@deleted") && page != "/ui/me"
    }

    /// Fails unless both servers answer the same.
    async fn compare(&self, method: Method, path: &str, form: &str) -> StatusCode {
        let with = answer(&self.with, &method, path, form).await;
        let without = answer(&self.without, &method, path, form).await;
        assert_eq!(with, without, "{} {method} {path} {form}", self.role);
        with.0
    }
}

/// A status, the headers that say something of what is asked, and the text without its signature.
async fn answer(
    browser: &Browser,
    method: &Method,
    path: &str,
    form: &str,
) -> (StatusCode, Vec<String>, String) {
    let csrf = browser.csrf().await;
    let answer = match *method {
        Method::POST => browser.post(path, &format!("csrf={csrf}{form}")).await,
        _ => browser.get(path).await,
    };
    let told = ["location", "content-type", "content-length", "set-cookie"];
    let headers = told.map(|name| format!("{name}: {:?}", answer.headers().get(name)));
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, headers.to_vec(), text.replace(&csrf, "CSRF"))
}

/// The text with each placeholder once the reader's own id and once the other's, in all ways
/// together; the first has but own ones.
fn filled(text: &str, own: &Party, other: &Party) -> Vec<String> {
    let Some((before, rest)) = text.split_once('@') else {
        return vec![text.to_owned()];
    };
    let end = rest.find(|letter: char| !letter.is_ascii_lowercase());
    let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
    let name = format!("@{name}");
    let after = filled(after, own, other);
    let ids = [own.id(&name), other.id(&name)];
    let ways = ids.iter().flat_map(|id| {
        after
            .iter()
            .map(move |after| format!("{before}{id}{after}"))
    });
    ways.collect()
}
