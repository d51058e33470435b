//! Which page is where.

use std::sync::Arc;

use http::{Method, Request, Response};
use tonic::{Code, Status, body::Body};

use super::{
    Inner, ROOT,
    answer::{self, Page},
    assets, export,
    frame::{Frame, Part},
    live, overview, reports,
    request::{self, Fields},
    session, sessions,
    sign_in::{self, SignedIn, Site},
    study, user, users,
};

/// Answers whatever is under `/ui`.
pub async fn answer(site: Arc<Site>, inner: Inner, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let authority = request::authority(&head.uri, &head.headers);
    if site.lets_everybody_in() && !request::is_this_machine(authority) {
        let status = Status::permission_denied("without tokens pages are for this machine alone");
        return answer::failure(Frame::bare(""), &status);
    }
    if let Some(asset) = assets::at(head.uri.path()) {
        return answer::asset(asset);
    }
    let path = head.uri.path().strip_prefix(ROOT).unwrap_or_default();
    let path: Vec<_> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(request::decode)
        .collect();
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let query = Fields::parse(head.uri.query().unwrap_or_default());
    let read = matches!(head.method, Method::GET | Method::HEAD);

    let sign_in = path == ["sign-in"];
    if sign_in && read {
        let page = sign_in::show(&site, "").await;
        return page.unwrap_or_else(|status| answer::failure(Frame::bare(""), &status));
    }
    let form = if read {
        None
    } else {
        match form(&head, authority, body).await {
            Ok(form) => Some(form),
            Err(status) => return answer::failure(Frame::bare(""), &status),
        }
    };
    if let (true, Some(form)) = (sign_in, &form) {
        let page = sign_in::sign_in(&site, form, inner).await;
        return page.unwrap_or_else(|status| answer::failure(Frame::bare(""), &status));
    }

    let who = match site.reader(&head.headers, inner).await {
        Ok(who) => who,
        Err(status) => return ask_to_sign_in(&site, &status).await,
    };
    let page = match form {
        None => show(&path, &query, &who).await,
        Some(form) => match site.check_form(&head.headers, &form) {
            Ok(()) => change(&site, &path, &form, &who).await,
            Err(status) => Err(status),
        },
    };
    match page {
        Ok(page) => page,
        Err(status) if status.code() == Code::Unauthenticated => {
            ask_to_sign_in(&site, &status).await
        }
        Err(status) => answer::failure(Frame::of("", Part::None, &who), &status),
    }
}

async fn form(head: &http::request::Parts, authority: &str, body: Body) -> Result<Fields, Status> {
    if head.method != Method::POST {
        return Err(Status::unimplemented(
            "pages are read, and their forms posted",
        ));
    }
    if !request::is_own_form(authority, &head.headers) {
        return Err(Status::permission_denied("the form is of another site"));
    }
    request::form(body).await
}

async fn ask_to_sign_in(site: &Site, status: &Status) -> Response<Body> {
    let page = match status.code() {
        // Nobody has signed in yet.
        Code::Unauthenticated if status.message().is_empty() => answer::redirect("/ui/sign-in"),
        Code::Unauthenticated => {
            let message = format!("Please sign in again: {}.", status.message());
            sign_in::show(site, &message).await
        }
        _ => Err(status.clone()),
    };
    page.unwrap_or_else(|status| answer::failure(Frame::bare(""), &status))
}

async fn show(path: &[&str], query: &Fields, who: &SignedIn) -> Page {
    match path {
        [] if !who.viewer.sees_everyone() => answer::redirect("/ui/study"),
        [] => Box::pin(overview::show(query, who)).await,
        ["live"] => live::show(who).await,
        ["sessions"] => sessions::show(query, who).await,
        ["sessions", id] => session::show(id, query, who).await,
        ["users"] => users::show(query, who).await,
        ["users", id] => Box::pin(user::show(id, who)).await,
        ["me"] => Box::pin(user::show(&who.viewer.about(""), who)).await,
        ["reports"] => Box::pin(reports::show(query, who)).await,
        ["export"] => export::download(query, who).await,
        ["study"] => Box::pin(study::show(query, who)).await,
        _ => Err(Status::not_found("there is no such page")),
    }
}

async fn change(site: &Site, path: &[&str], form: &Fields, who: &SignedIn) -> Page {
    match path {
        ["sign-out"] => sign_in::sign_out(site),
        ["sessions", id, "revoke"] => session::revoke(id, who).await,
        ["users", id, "revoke"] => user::revoke(id, form, who).await,
        _ => Err(Status::not_found("there is no such form")),
    }
}
