//! Who is signed in: one-time links, the sessions they open, and each session's
//! token against forged requests. All of it ends with the process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use sha2::{Digest, Sha256};

use super::approvals::Refused;
use crate::failure::{Exit, Failure};

/// Browsers that are signed in at once; one more ends the oldest session.
const MOST: usize = 32;
/// Random bytes of a link's code, of a session and of its token.
const BYTES: usize = 32;

/// The sessions that are open, and the link that opens the next.
#[derive(Default)]
pub struct Sessions(Mutex<Open>);

#[derive(Default)]
struct Open {
    link: Option<Hash>,
    /// The oldest first.
    sessions: Vec<Kept>,
}

/// What is compared: so the time it takes tells nothing of the text.
type Hash = [u8; 32];

struct Kept {
    cookie: Hash,
    csrf: String,
    notice: Option<Notice>,
    refused: Option<Refused>,
}

/// What came of a form, for the page that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What was done.
    Done(String),
    /// What wasn't, and why.
    NotDone(String),
}

/// One signed-in browser.
#[derive(Clone, Debug)]
pub struct Session {
    /// Goes into each form, and has to come back with it.
    pub csrf: String,
}

impl Session {
    /// Whether `token` is this session's.
    pub fn is_own(&self, token: &str) -> bool {
        hash(token) == hash(&self.csrf)
    }
}

impl Sessions {
    /// A new code for a link; the one before is good no longer.
    pub fn new_link(&self) -> Result<String, Failure> {
        let code = random()?;
        self.open().link = Some(hash(&code));
        Ok(code)
    }

    /// Opens a session for whoever has the link's code, once. The session's
    /// cookie; none for another code.
    pub fn redeem(&self, code: &str) -> Result<Option<String>, Failure> {
        let (cookie, csrf) = (random()?, random()?);
        let mut open = self.open();
        if open.link != Some(hash(code)) {
            return Ok(None);
        }
        open.link = None;
        if open.sessions.len() >= MOST {
            open.sessions.remove(0);
        }
        open.sessions.push(Kept {
            cookie: hash(&cookie),
            csrf,
            notice: None,
            refused: None,
        });
        Ok(Some(cookie))
    }

    /// The session whose cookie stands in `headers`.
    pub fn of(&self, headers: &HeaderMap, port: u16) -> Option<Session> {
        // others may stand before it: a page of another port can set some, too
        let sent: Vec<Hash> = cookies(headers, port).map(hash).collect();
        let open = self.open();
        let mut sessions = open.sessions.iter();
        let kept = sessions.find(|kept| sent.contains(&kept.cookie))?;
        Some(Session {
            csrf: kept.csrf.clone(),
        })
    }

    /// Leaves a line for the next page of this session.
    pub fn leave(&self, session: &Session, notice: Notice) {
        self.with(session, |kept| kept.notice = Some(notice));
    }

    /// The line that was left, once.
    pub fn take_notice(&self, session: &Session) -> Option<Notice> {
        self.with(session, |kept| kept.notice.take())?
    }

    /// Leaves the answer that was refused for the next page of approvals.
    pub fn leave_refused(&self, session: &Session, refused: Refused) {
        self.with(session, |kept| kept.refused = Some(refused));
    }

    /// The answer that was refused, once.
    pub fn take_refused(&self, session: &Session) -> Option<Refused> {
        self.with(session, |kept| kept.refused.take())?
    }

    fn with<T>(&self, session: &Session, act: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let mut open = self.open();
        let mut sessions = open.sessions.iter_mut();
        sessions.find(|kept| session.is_own(&kept.csrf)).map(act)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the cookie is called: cookies know no ports, and two dashboards may run.
fn cookie_name(port: u16) -> String {
    format!("axis_session_{port}")
}

/// The `Set-Cookie` of a session. Gone with the browser, not for scripts, and
/// sent with nothing that another site starts.
pub fn set_cookie(cookie: &str, port: u16) -> String {
    format!(
        "{}={cookie}; Path=/; HttpOnly; SameSite=Strict",
        cookie_name(port)
    )
}

fn cookies(headers: &HeaderMap, port: u16) -> impl Iterator<Item = &str> {
    let name = cookie_name(port);
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named.filter_map(move |(key, value)| (key == name).then_some(value))
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

fn random() -> Result<String, Failure> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Failed, format!("there is no randomness: {error}")))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sent(line: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(line).unwrap());
        headers
    }

    #[test]
    fn a_link_is_good_once_and_only_the_last_one() {
        let sessions = Sessions::default();
        assert!(sessions.redeem("").unwrap().is_none());
        let first = sessions.new_link().unwrap();
        let second = sessions.new_link().unwrap();
        assert!(sessions.redeem(&first).unwrap().is_none());
        assert!(sessions.redeem("guess").unwrap().is_none());
        let cookie = sessions.redeem(&second).unwrap().unwrap();
        assert!(sessions.redeem(&second).unwrap().is_none());
        let line = format!("theme=dark; axis_session_3847=tossed; axis_session_3847={cookie}");
        let session = sessions.of(&sent(&line), 3847).unwrap();
        assert!(session.is_own(&session.csrf.clone()));
        assert!(!session.is_own(""));
        assert_ne!(session.csrf, cookie);
    }

    #[test]
    fn only_a_session_s_own_cookie_opens_it() {
        let sessions = Sessions::default();
        let link = sessions.new_link().unwrap();
        let cookie = sessions.redeem(&link).unwrap().unwrap();
        for line in [
            String::new(),
            format!("axis_session_3848={cookie}"),
            format!("xaxis_session_3847={cookie}"),
            format!("axis_session_3847={}", cookie.to_uppercase()),
            "axis_session_3847=".to_owned(),
        ] {
            assert!(sessions.of(&sent(&line), 3847).is_none(), "{line}");
        }
    }

    #[test]
    fn a_notice_is_for_its_own_session_and_told_once() {
        let sessions = Sessions::default();
        let signed_in = || {
            let link = sessions.new_link().unwrap();
            let cookie = sessions.redeem(&link).unwrap().unwrap();
            let header = sent(&format!("axis_session_1={cookie}"));
            sessions.of(&header, 1).unwrap()
        };
        let (one, other) = (signed_in(), signed_in());
        let notice = Notice::Done("Approved once".to_owned());
        sessions.leave(&one, notice.clone());
        assert_eq!(sessions.take_notice(&other), None);
        assert_eq!(sessions.take_notice(&one), Some(notice));
        assert_eq!(sessions.take_notice(&one), None);
    }

    #[test]
    fn the_oldest_session_gives_way() {
        let sessions = Sessions::default();
        let mut cookies = Vec::new();
        for _ in 0..=MOST {
            let link = sessions.new_link().unwrap();
            cookies.push(sessions.redeem(&link).unwrap().unwrap());
        }
        let is_open = |cookie: &String| {
            let header = sent(&format!("axis_session_1={cookie}"));
            sessions.of(&header, 1).is_some()
        };
        assert!(!is_open(&cookies[0]));
        assert!(cookies[1..].iter().all(is_open));
    }
}
