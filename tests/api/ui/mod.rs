//! Pages, as a browser gets them: over HTTP/1.1, with a cookie.

mod isolation;
mod reading;
mod signing;

use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect::Policy};

use crate::{
    auth,
    harness::{Server, Setup},
};

fn setup() -> Setup {
    Setup {
        flags: vec!["--ui", "on"],
        ..auth::setup()
    }
}

/// Somebody with a browser that runs nothing and follows nothing.
struct Browser {
    client: Client,
    root: String,
    cookie: String,
}

impl Browser {
    fn at(server: &Server) -> Self {
        let client = Client::builder().redirect(Policy::none()).no_proxy();
        Self {
            client: client.build().unwrap(),
            root: format!("http://{}", server.address),
            cookie: String::new(),
        }
    }

    /// Whoever has such a token is signed in.
    async fn of(server: &Server, number: u128, role: &str, user: Option<&str>) -> Self {
        let mut browser = Self::at(server);
        let token = auth::token(server, number, role, user);
        let answer = browser.sign_in(&token).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        browser
    }

    async fn sign_in(&mut self, token: &str) -> Response {
        let answer = self.post("/ui/sign-in", &format!("token={token}")).await;
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            cookie
                .split(';')
                .next()
                .unwrap()
                .clone_into(&mut self.cookie);
        }
        answer
    }

    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        match &*self.cookie {
            "" => request,
            cookie => request.header("cookie", cookie),
        }
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.root));
        self.request(request).send().await.unwrap()
    }

    async fn post(&self, path: &str, form: &str) -> Response {
        self.form(path, form).send().await.unwrap()
    }

    fn form(&self, path: &str, form: &str) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.root));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.request(request).body(form.to_owned())
    }

    /// The page's text, and its status.
    async fn read(&self, path: &str) -> (StatusCode, String) {
        let answer = self.get(path).await;
        (answer.status(), answer.text().await.unwrap())
    }

    /// What a form of the page must carry.
    async fn csrf(&self) -> String {
        let (_, page) = self.read("/ui/sessions").await;
        let found = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
        found.split('"').next().unwrap().to_owned()
    }
}
