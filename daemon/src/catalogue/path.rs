//! Path templates (`/repos/{owner}/{repo}`) and the rule that keeps each param
//! inside its own segments, whatever it holds.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization;

/// Everything but RFC 3986's unreserved characters is encoded.
pub(super) const STRICT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Longest single segment, in bytes before encoding.
pub(super) const MAX_SEGMENT_BYTES: usize = 1024;
/// Longest value of a param that spans segments, in bytes before encoding.
pub(super) const MAX_MULTI_BYTES: usize = 4096;

/// How often a value is decoded before it is refused as a trick.
const MAX_ROUNDS: usize = 8;

/// One piece of a path: text as it stands, or a place for a param.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Param(String),
}

/// A path with places for params.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathTemplate {
    pieces: Vec<Piece>,
    /// What always stands in the query, encoded.
    query: String,
}

impl PathTemplate {
    /// Parses `/repos/{owner}/{repo}`, after which a fixed query may follow. A
    /// segment holds at most one param, so that two of them can't make up `..`
    /// together.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        if !query.bytes().all(stands_in_a_query) {
            return Err(format!(
                "the query {query:?} may hold letters, digits and - . _ ~ = & % + : @"
            ));
        }
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!("the path {text:?} must start with /"));
        };
        let mut pieces = Vec::new();
        let mut segments = path.split('/').peekable();
        while let Some(segment) = segments.next() {
            push_text(&mut pieces, "/");
            let (before, rest) = segment.split_once('{').unwrap_or((segment, ""));
            let (name, after) = match (before.len() == segment.len(), rest.split_once('}')) {
                (true, _) => (None, ""),
                (false, Some((name, after))) => (Some(name), after),
                (false, None) => return Err(format!("{{ without }} in the segment {segment:?}")),
            };
            if !before.bytes().chain(after.bytes()).all(stands_as_it_is) {
                return Err(format!(
                    "the segment {segment:?} may hold letters, digits, - . _ ~ : @ and one {{param}}"
                ));
            }
            // a slash at the end is part of many a path's name
            let leads_elsewhere = match segment {
                "" => segments.peek().is_some(),
                segment => matches!(segment, "." | ".."),
            };
            if leads_elsewhere {
                return Err(format!("the path {text:?} has the segment {segment:?}"));
            }
            push_text(&mut pieces, before);
            if let Some(name) = name {
                pieces.push(Piece::Param(name.to_owned()));
            }
            push_text(&mut pieces, after);
        }
        Ok(Self {
            pieces,
            query: query.to_owned(),
        })
    }

    /// What always stands in the query, encoded; often nothing.
    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// Whether `name` always stands in the query.
    pub(super) fn has_in_query(&self, name: &str) -> bool {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.any(|(fixed, _)| fixed == name)
    }

    /// The params' names in order.
    pub(super) fn params(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Param(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Whether `name` is the whole first segment.
    pub(super) fn begins_with(&self, name: &str) -> bool {
        let first = self.params().next();
        let (text, rest) = match self.pieces.as_slice() {
            [Piece::Text(text), Piece::Param(_), rest @ ..] => (text, rest.first()),
            _ => return false,
        };
        let alone =
            rest.is_none_or(|next| matches!(next, Piece::Text(text) if text.starts_with('/')));
        text == "/" && first == Some(name) && alone
    }

    /// Whether `name` fills a segment alone.
    pub(super) fn is_whole_segment(&self, name: &str) -> bool {
        self.pieces.iter().enumerate().any(|(at, piece)| {
            let after = self.pieces.get(at + 1);
            let before = at.checked_sub(1).and_then(|at| self.pieces.get(at));
            matches!(piece, Piece::Param(param) if param == name)
                && matches!(before, Some(Piece::Text(text)) if text.ends_with('/'))
                && after
                    .is_none_or(|next| matches!(next, Piece::Text(text) if text.starts_with('/')))
        })
    }

    /// The path with each param's encoded value in its place.
    pub(super) fn render<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> String {
        let mut path = String::with_capacity(128);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Param(name) => path.push_str(value(name).unwrap_or_default()),
            }
        }
        path
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Param(name) => write!(f, "{{{name}}}"),
        })
    }
}

fn push_text(pieces: &mut Vec<Piece>, more: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push_str(more),
        _ if more.is_empty() => {}
        _ => pieces.push(Piece::Text(more.to_owned())),
    }
}

fn stands_as_it_is(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte)
}

fn stands_in_a_query(byte: u8) -> bool {
    stands_as_it_is(byte) || b"=&%+".contains(&byte)
}

/// Encodes `value` as one segment.
///
/// # Errors
/// What is wrong with it, to be read after the param's name.
pub(super) fn encode_segment(value: &str) -> Result<String, String> {
    check_segment(value)?;
    Ok(utf8_percent_encode(value, STRICT).to_string())
}

/// Encodes `value` as one segment or several; `/` stays.
///
/// # Errors
/// What is wrong with it, to be read after the param's name.
pub(super) fn encode_segments(value: &str) -> Result<String, String> {
    if value.split('/').skip(1).any(str::is_empty) || value.starts_with('/') {
        return Err("must be a path without / at its start or end and without //".into());
    }
    encode_key(value)
}

/// The same for an object's key, in which a segment may be empty: to a store
/// `a//b`, `a/` and `/a` are names like any other.
///
/// # Errors
/// What is wrong with it, to be read after the param's name.
pub(super) fn encode_key(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("must not be empty".into());
    }
    if value.len() > MAX_MULTI_BYTES {
        return Err(format!("must not be longer than {MAX_MULTI_BYTES} bytes"));
    }
    let mut path = String::with_capacity(value.len());
    for (at, segment) in value.split('/').enumerate() {
        if at > 0 {
            path.push('/');
        }
        if segment.is_empty() {
            continue;
        }
        check_segment(segment)?;
        path.extend(utf8_percent_encode(segment, STRICT));
    }
    Ok(path)
}

/// Encodes a path that an agent wrote as a whole: `/` may stand at its start
/// and its end.
///
/// # Errors
/// What is wrong with it, to be read after the param's name.
pub(super) fn encode_raw(value: &str) -> Result<String, String> {
    if value.contains(['?', '#']) {
        return Err("must not hold ? or #: what would follow them goes into query".into());
    }
    let bare = value.strip_prefix('/').unwrap_or(value);
    match bare.strip_suffix('/') {
        _ if bare.is_empty() => Ok(String::new()),
        Some(inner) => encode_segments(inner).map(|path| path + "/"),
        None => encode_segments(bare),
    }
}

/// Refuses what some server on the way could read as another path: it is
/// percent-decoded and normalised (NFKC) until nothing changes, and each form
/// on the way is looked at.
fn check_segment(value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err("must not be empty".into());
    }
    if value.len() > MAX_SEGMENT_BYTES {
        return Err(format!("must not be longer than {MAX_SEGMENT_BYTES} bytes"));
    }
    let mut form = Cow::Borrowed(value);
    for _ in 0..MAX_ROUNDS {
        check_form(&form)?;
        if form.bytes().all(stands_as_it_is) {
            return Ok(());
        }
        let normal: String = form.nfkc().collect();
        check_form(&normal)?;
        let decoded = percent_decode_str(&normal)
            .decode_utf8()
            .map_err(|_| "must not percent-decode to bytes that are no UTF-8".to_owned())?;
        if *decoded == *form {
            return Ok(());
        }
        form = Cow::Owned(decoded.into_owned());
    }
    Err(format!(
        "must not be percent-encoded more than {MAX_ROUNDS} times over"
    ))
}

fn check_form(form: &str) -> Result<(), String> {
    if form.chars().any(char::is_control) {
        return Err("must not hold control characters".into());
    }
    if form.contains('\\') {
        return Err("must not hold a backslash, plain or encoded".into());
    }
    if has_unicode_escape(form) {
        return Err("must not hold %u and four hex digits, which some servers decode".into());
    }
    let leads_elsewhere = form.split('/').any(|segment| {
        // some servers cut parameters (`..;x`) or spaces off before they look
        let bare = segment.split(';').next().unwrap_or_default().trim();
        bare == "." || bare == ".."
    });
    if leads_elsewhere {
        return Err("must not be or hold the path segments . or .., plain or encoded".into());
    }
    Ok(())
}

/// Whether `form` holds a character as `%u002e`, which no standard knows and
/// some servers still decode.
fn has_unicode_escape(form: &str) -> bool {
    form.as_bytes().windows(6).any(|window| match window {
        [b'%', b'u' | b'U', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
