//! Signed questions to services of AWS that only `doctor` and `dead-letters` ask, a few each. An SDK crate for every one
//! of them would take longer to compile than all the rest (that of EC2 alone has a million lines).

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::Clock as _;
use fleetfoot_shell::clock::SystemClock;
use reqwest::{Client, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use super::failure::refused;
use super::xml;
use crate::failure::{Failure, OrFail};
use crate::remedy::REPORT;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A service that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    CloudWatch,
    Ec2,
    Iam,
    Lambda,
    Logs,
    Quotas,
    Sts,
}

impl Service {
    /// What its address begins with and signatures name (AWS General Reference, "Service endpoints and quotas").
    fn name(self) -> &'static str {
        match self {
            Self::CloudWatch => "monitoring",
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::Lambda => "lambda",
            Self::Logs => "logs",
            Self::Quotas => "servicequotas",
            Self::Sts => "sts",
        }
    }

    /// What actions in policies begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch",
            other => other.name(),
        }
    }

    /// Of its query API.
    fn version(self) -> &'static str {
        match self {
            Self::CloudWatch => "2010-08-01",
            Self::Ec2 => "2016-11-15",
            Self::Iam => "2010-05-08",
            _ => "2011-06-15",
        }
    }

    /// Of its JSON API.
    fn target(self) -> &'static str {
        match self {
            Self::Logs => "Logs_20140328",
            _ => "ServiceQuotasV20190624",
        }
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) value: T,
    /// The other side's clock, in whole seconds.
    pub(crate) date: Option<Timestamp>,
}

/// Asks with the credentials of whoever calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: Client,
    sdk: SdkConfig,
    region: String,
}

struct Question<'a> {
    service: Service,
    /// What a policy has to allow, without the service.
    action: &'a str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Caller {
    pub(crate) fn new(sdk: &SdkConfig) -> Result<Self, Failure> {
        let http = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        let http = http.build().or_fail("there is no HTTP client")?;
        let region = sdk.region().map(ToString::to_string).unwrap_or_default();
        Ok(Self { http, sdk: sdk.clone(), region })
    }

    /// The query protocol: a form, answered in XML.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        service: Service,
        action: &str,
        parameters: &[(String, String)],
    ) -> Result<Reply<T>, Failure> {
        let question = Question {
            service,
            action,
            method: Method::POST,
            path: "/".to_owned(),
            headers: vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())],
            body: form(service, action, parameters),
        };
        let (text, date) = self.ask(question).await?;
        read(service, action, xml::value(&text), date)
    }

    /// The JSON protocol.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        service: Service,
        action: &str,
        body: &Value,
    ) -> Result<Reply<T>, Failure> {
        let question = Question {
            service,
            action,
            method: Method::POST,
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", format!("{}.{action}", service.target())),
            ],
            body: body.to_string(),
        };
        let (text, date) = self.ask(question).await?;
        read(service, action, serde_json::from_str(&text).ok(), date)
    }

    /// Lambda's own paths.
    pub(crate) async fn lambda<T: DeserializeOwned>(
        &self,
        action: &str,
        path: &str,
    ) -> Result<Reply<T>, Failure> {
        let question = Question {
            service: Service::Lambda,
            action,
            method: Method::GET,
            path: path.to_owned(),
            headers: Vec::new(),
            body: String::new(),
        };
        let (text, date) = self.ask(question).await?;
        read(Service::Lambda, action, serde_json::from_str(&text).ok(), date)
    }

    /// Hands a function an event, as EventBridge does: it is accepted here, and handled later.
    pub(crate) async fn invoke_later(&self, function: &str, event: String) -> Result<(), Failure> {
        let question = Question {
            service: Service::Lambda,
            action: "InvokeFunction",
            method: Method::POST,
            path: format!("/2015-03-31/functions/{function}/invocations"),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("x-amz-invocation-type", "Event".to_owned()),
            ],
            body: event,
        };
        self.ask(question).await.map(drop)
    }

    async fn ask(&self, question: Question<'_>) -> Result<(String, Option<Timestamp>), Failure> {
        let Question { service, action, method, path, headers, body } = question;
        let action = format!("{}:{action}", service.prefix());
        let what = || format!("{action} was not answered");
        let (address, region) = self.address(service);
        let url = format!("{}{path}", address.trim_end_matches('/'));
        let signature = self.sign(service, &region, &method, &url, &headers, &body).await?;
        let mut request = self.http.request(method, &url).body(body);
        for (name, value) in headers.into_iter().chain(signature) {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(reqwest::Error::without_url).or_fail(what())?;
        let status = answer.status();
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let date = header("date").and_then(|it| Some(jiff::fmt::rfc2822::parse(&it).ok()?.timestamp()));
        let kind = header("x-amzn-errortype");
        let text = answer.text().await.map_err(reqwest::Error::without_url).or_fail(what())?;
        if status.is_success() {
            return Ok((text, date));
        }
        let (code, message) = fault(kind, &text);
        Err(refused(what(), &action, &code.unwrap_or_else(|| status.to_string()), message.as_deref()))
    }

    /// The headers that sign a request.
    async fn sign(
        &self,
        service: Service,
        region: &str,
        method: &Method,
        url: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        let what = "the question cannot be signed";
        let provider = self.sdk.credentials_provider().ok_or_else(|| Failure::new(what))?;
        let credentials = provider.provide_credentials().await.or_fail(what)?;
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service.name())
            .time(SystemClock.now().into())
            .settings(SigningSettings::default())
            .build()
            .or_fail(what)?
            .into();
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(method.as_str(), url, headers, SignableBody::Bytes(body.as_bytes()));
        let (instructions, _) = sign(signable.or_fail(what)?, &parameters).or_fail(what)?.into_parts();
        let (headers, _) = instructions.into_parts();
        Ok(headers.into_iter().map(|it| (it.name(), it.value().to_owned())).collect())
    }

    /// Where a service is, and in which region its signatures are.
    fn address(&self, service: Service) -> (String, String) {
        let region = self.region.as_str();
        if let Some(address) = self.sdk.endpoint_url() {
            return (address.to_owned(), region.to_owned());
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let name = service.name();
        // IAM is in one place for each partition (AWS General Reference, "IAM endpoints").
        let (host, region) = match (service, region) {
            (Service::Iam, it) if it.starts_with("cn-") => (format!("iam.cn-north-1.{domain}"), "cn-north-1"),
            (Service::Iam, it) if it.starts_with("us-gov-") => {
                (format!("iam.us-gov.{domain}"), "us-gov-west-1")
            }
            (Service::Iam, _) => (format!("iam.{domain}"), "us-east-1"),
            (_, it) => (format!("{name}.{it}.{domain}"), it),
        };
        (format!("https://{host}"), region.to_owned())
    }
}

fn form(service: Service, action: &str, parameters: &[(String, String)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", service.version());
    form.extend_pairs(parameters).finish()
}

fn read<T: DeserializeOwned>(
    service: Service,
    action: &str,
    value: Option<Value>,
    date: Option<Timestamp>,
) -> Result<Reply<T>, Failure> {
    let what = format!("the answer to {}:{action} is not understood", service.prefix());
    let value = value.ok_or_else(|| Failure::new(&what).hint(REPORT))?;
    let value = serde_json::from_value(value).or_fail(what).map_err(|failure| failure.hint(REPORT))?;
    Ok(Reply { value, date })
}

/// Code and message of a refusal, in each of the forms that services have.
fn fault(kind: Option<String>, text: &str) -> (Option<String>, Option<String>) {
    let value = serde_json::from_str(text).ok().or_else(|| xml::value(text)).unwrap_or_default();
    let errors = [&value, &value["Error"], &value["Errors"]["Error"], &value["Errors"][0]];
    let field = |names: &[&str]| {
        let found =
            errors.iter().flat_map(|error| names.iter().filter_map(move |name| error[*name].as_str()));
        found.map(str::to_owned).next()
    };
    let code = kind.or_else(|| field(&["__type", "Code", "code"]));
    // `com.amazonaws.logs#AccessDeniedException`, `AccessDeniedException:http://...`
    let code = code
        .map(|it| it.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned());
    (code, field(&["message", "Message"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_in_every_form() {
        let message = Some("not you".to_owned());
        for (kind, text, code) in [
            (
                None,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>not you</Message></Error></Errors></Response>",
                "UnauthorizedOperation",
            ),
            (
                None,
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>",
                "AccessDenied",
            ),
            (
                None,
                r#"{"__type":"com.amazonaws.logs#AccessDeniedException","message":"not you"}"#,
                "AccessDeniedException",
            ),
            (
                Some("AccessDeniedException:http://internal/"),
                r#"{"Message":"not you"}"#,
                "AccessDeniedException",
            ),
        ] {
            let told = fault(kind.map(str::to_owned), text);
            assert_eq!(told, (Some(code.to_owned()), message.clone()), "{text}");
        }
        assert_eq!(fault(None, "<html>bad gateway"), (None, None));
    }

    #[test]
    fn each_service_has_its_address_and_region() {
        let caller = |region: &str| {
            let region = aws_config::Region::new(region.to_owned());
            Caller::new(&SdkConfig::builder().region(region).build()).unwrap()
        };
        for (region, service, address, signed) in [
            ("eu-west-1", Service::Ec2, "https://ec2.eu-west-1.amazonaws.com", "eu-west-1"),
            ("eu-west-1", Service::Iam, "https://iam.amazonaws.com", "us-east-1"),
            ("cn-northwest-1", Service::Iam, "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            (
                "cn-northwest-1",
                Service::Logs,
                "https://logs.cn-northwest-1.amazonaws.com.cn",
                "cn-northwest-1",
            ),
            ("us-gov-east-1", Service::Iam, "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ] {
            assert_eq!(caller(region).address(service), (address.to_owned(), signed.to_owned()));
        }
    }
}
