//! Somebody who runs `setup` and has a browser.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use fleetfoot_model::secret::Secret;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::failure::Failure;
use crate::setup::people::People;

/// What a person does with their browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Browser {
    /// Clicks on everything.
    Willing,
    /// Makes the App and does not install it.
    Forgetful,
    /// Calls the App otherwise, as GitHub asks if its name is taken.
    Renames,
    /// Comes back once with another's state, once with a code that GitHub does not know, then rightly.
    Meddled,
    /// Makes the App of another organization.
    Astray,
    /// Makes the App, and comes back twice with the same.
    Twice,
    /// Never comes.
    Closed,
}

/// Somebody.
pub(super) struct Person {
    browser: Browser,
    agrees: bool,
    is_interactive: bool,
    answers: Mutex<VecDeque<&'static str>>,
    heard: Mutex<String>,
    /// What the browser showed.
    seen: Arc<Mutex<Vec<(u16, String)>>>,
}

impl Person {
    pub(super) fn with(browser: Browser) -> Self {
        Self {
            browser,
            agrees: true,
            is_interactive: false,
            answers: Mutex::default(),
            heard: Mutex::default(),
            seen: Arc::default(),
        }
    }

    /// Somebody who clicks on everything and gives these answers, one after the other.
    pub(super) fn answering<const N: usize>(answers: [&'static str; N]) -> Self {
        Self { is_interactive: true, answers: Mutex::new(answers.into()), ..Self::willing() }
    }

    /// How many of their answers nobody has asked for.
    pub(super) fn unasked(&self) -> usize {
        self.answers.lock().unwrap().len()
    }

    pub(super) fn willing() -> Self {
        Self::with(Browser::Willing)
    }

    /// Nobody's browser is to be needed.
    pub(super) fn away() -> Self {
        Self::with(Browser::Closed)
    }

    /// Somebody who says no.
    pub(super) fn unwilling() -> Self {
        Self { agrees: false, ..Self::with(Browser::Closed) }
    }

    pub(super) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn seen(&self) -> Vec<(u16, String)> {
        self.seen.lock().unwrap().clone()
    }
}

impl People for Person {
    fn say(&self, line: &str) {
        let mut heard = self.heard.lock().unwrap();
        heard.push_str(line);
        heard.push('\n');
    }

    fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    fn ask(&self, question: &str, _: Option<&str>) -> Result<String, Failure> {
        let answer = self.answers.lock().unwrap().pop_front().map(str::to_owned);
        answer.ok_or_else(|| Failure::new(format!("nobody answers {question}")))
    }

    fn ask_secret(&self, question: &str) -> Result<Secret, Failure> {
        Err(Failure::new(format!("nobody answers {question}")))
    }

    fn agrees(&self, _: &str) -> Result<bool, Failure> {
        Ok(self.agrees)
    }

    fn open(&self, address: &str) {
        let (browser, address, seen) = (self.browser, address.to_owned(), Arc::clone(&self.seen));
        tokio::spawn(async move { Visit { client: client(), browser, seen }.open(&address).await });
    }
}

/// A client that follows nothing by itself and knows only this machine.
pub(super) fn client() -> Client {
    Client::builder().no_proxy().tls_certs_only([]).redirect(Policy::none()).build().unwrap()
}

struct Visit {
    client: Client,
    browser: Browser,
    seen: Arc<Mutex<Vec<(u16, String)>>>,
}

impl Visit {
    async fn open(&self, address: &str) {
        if address.ends_with("/installations/new") {
            if self.browser != Browser::Forgetful && self.browser != Browser::Closed {
                self.client.post(address).send().await.unwrap();
            }
            return;
        }
        match self.browser {
            Browser::Closed => {}
            Browser::Meddled => {
                let back = self.make(address, |manifest| manifest).await;
                let (page, _) = back.split_once("state=").unwrap();
                self.look(&format!("{page}state={}", "0".repeat(64))).await;
                let state = back.rsplit_once("state=").unwrap().1;
                let page = back.split_once('?').unwrap().0;
                self.look(&format!("{page}?code=of-nobody&state={state}")).await;
                let again = self.make(address, |manifest| manifest.replace("fleetfoot-", "again-")).await;
                self.look(&again).await;
            }
            Browser::Renames => {
                let back =
                    self.make(address, |manifest| manifest.replace("fleetfoot-acme", "Acme's own")).await;
                self.look(&back).await;
            }
            Browser::Twice => {
                let back = self.make(address, |manifest| manifest).await;
                // The second waits for the first, whose answer comes when all is done.
                let (first, second) = tokio::join!(self.get(&back), self.get(&back));
                for response in [first, second].into_iter().flatten() {
                    self.note(response).await;
                }
            }
            Browser::Willing | Browser::Forgetful | Browser::Astray => {
                let back = self.make(address, |manifest| manifest).await;
                self.look(&back).await;
            }
        }
    }

    /// Sends the form of the page to GitHub; answers where GitHub sends the browser.
    async fn make(&self, address: &str, change: impl Fn(String) -> String) -> String {
        let page = self.get(address).await.unwrap().text().await.unwrap();
        let mut action = attribute(&page, "action");
        if self.browser == Browser::Astray {
            action = action.replace("/organizations/acme/", "/organizations/other/");
        }
        let manifest = change(attribute(&page, "value"));
        let form =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("manifest", &manifest).finish();
        let answer = self.client.post(action).body(form).send().await.unwrap();
        assert_eq!(answer.status(), 302, "GitHub takes the manifest {manifest}");
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    async fn get(&self, address: &str) -> Option<Response> {
        self.client.get(address).send().await.ok()
    }

    async fn look(&self, address: &str) {
        if let Some(response) = self.get(address).await {
            self.note(response).await;
        }
    }

    async fn note(&self, response: Response) {
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).map(|it| it.to_str().unwrap().to_owned());
        let text = match location {
            Some(location) => location,
            None => response.text().await.unwrap_or_default(),
        };
        self.seen.lock().unwrap().push((status, text));
    }
}

/// An attribute of a page's form.
pub(super) fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once("<form").unwrap_or_else(|| panic!("no form: {page}"));
    let mut rest = rest;
    if name == "value" {
        rest = rest.split_once("name=\"manifest\"").unwrap().1;
    }
    let value = rest.split_once(&format!("{name}=\"")).unwrap().1.split_once('"').unwrap().0;
    value
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}
