//! A running `axis dashboard`, and requests to it as raw as they must be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::{Home, PATIENCE};

/// A dashboard; it ends with this value.
pub struct Dashboard {
    child: Child,
    link: String,
    port: u16,
}

impl Dashboard {
    /// The dashboard of `home` on a free port.
    pub fn open(home: &Home) -> Self {
        Self::on_port(home, 0)
    }

    /// The same on `port`.
    pub fn on_port(home: &Home, port: u16) -> Self {
        let mut command = home.command("axis");
        command
            .args(["dashboard", "--no-open", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the dashboard starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut link = String::new();
        stdout.read_line(&mut link).expect("it prints its link");
        let link = link.trim().to_owned();
        let port = port_of(&link);
        Self { child, link, port }
    }

    /// The one-time link that it printed.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of one of its pages.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Redeems the link; the cookie of the session, as `name=value`.
    pub fn sign_in(&self) -> String {
        redeem(self.port, &self.link).expect("the link is good")
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser that is signed in to a dashboard of its own, as far as it only asks
/// and sends forms.
pub struct Visitor {
    dashboard: Dashboard,
    cookie: String,
}

impl Visitor {
    /// Opens the dashboard of `home` and follows its link.
    pub fn of(home: &Home) -> Self {
        let dashboard = Dashboard::open(home);
        let cookie = dashboard.sign_in();
        Self { dashboard, cookie }
    }

    /// The dashboard.
    pub fn dashboard(&self) -> &Dashboard {
        &self.dashboard
    }

    /// Its session's cookie, as `name=value`.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// What a request without a body gets, with these headers and no cookie.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Wire {
        let port = self.dashboard.port();
        Wire::send(port, &head(method, port, path, headers, ""))
    }

    /// The page or document at `path`.
    pub fn get(&self, path: &str) -> Wire {
        self.ask("GET", path, &[("cookie", &self.cookie)])
    }

    /// The token in the forms of this session.
    pub fn csrf(&self) -> String {
        let page = self.get("/approvals").body;
        let token = page.split("name=\"csrf\" value=\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        token.expect("the page has a form").to_owned()
    }

    /// Sends a form, which is already encoded.
    pub fn post(&self, path: &str, form: &str) -> Wire {
        let cookie = ("cookie", self.cookie.as_str());
        Wire::post(self.dashboard.port(), path, &[cookie], form)
    }
}

/// The port in a link.
pub fn port_of(link: &str) -> u16 {
    let rest = link.strip_prefix("http://127.0.0.1:");
    let port = rest.and_then(|rest| rest.split('/').next());
    port.and_then(|port| port.parse().ok())
        .unwrap_or_else(|| panic!("no link: {link:?}"))
}

/// Follows a one-time link; the cookie of the session that it opened, if it did.
pub fn redeem(port: u16, link: &str) -> Option<String> {
    let (_, path) = link.split_once(&port.to_string())?;
    let answer = Wire::get(port, path, &[]);
    let cookie = answer.header("set-cookie")?;
    Some(cookie.split(';').next()?.to_owned())
}

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub struct Wire {
    /// The status.
    pub status: u16,
    /// The headers, names in lowercase.
    pub headers: Vec<(String, String)>,
    /// The body; of a stream, what came with the head.
    pub body: String,
}

impl Wire {
    /// Sends `request` as it is, and reads the answer: to its end where the
    /// server closes, else as far as it came with the head.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn send(port: u16, request: &[u8]) -> Self {
        Self::try_send(port, request)
            .unwrap_or_else(|| panic!("no answer to {:?}", String::from_utf8_lossy(request)))
    }

    /// The same; none where the connection ends without an answer.
    pub fn try_send(port: u16, request: &[u8]) -> Option<Self> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // a server that has answered already may close
        let _ = stream.write_all(request);
        Self::read(&mut stream)
    }

    /// Reads an answer.
    pub fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 8192];
        let mut is_stream = false;
        while !is_stream {
            match stream.read(&mut chunk) {
                Ok(count @ 1..) => bytes.extend_from_slice(&chunk[..count]),
                Ok(0) | Err(_) => break,
            }
            let text = String::from_utf8_lossy(&bytes);
            is_stream = text.contains("text/event-stream") && text.contains("\r\n\r\n");
        }
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        Some(Self {
            status,
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: body.to_owned(),
        })
    }

    /// A GET with the right Host and these headers.
    pub fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::send(port, &head("GET", port, path, headers, ""))
    }

    /// A form that is sent with the right Host and these headers.
    pub fn post(port: u16, path: &str, headers: &[(&str, &str)], form: &str) -> Self {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers = [&[kind], headers].concat();
        Self::send(port, &head("POST", port, path, &headers, form))
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// A request with the right Host, which asks the server to close.
pub fn head(method: &str, port: u16, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n");
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let length = body.len();
    let _ = write!(
        text,
        "connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    text.into_bytes()
}
