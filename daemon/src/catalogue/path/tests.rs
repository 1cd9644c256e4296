//! That whatever the params, a path keeps its template's shape.

use proptest::prelude::*;

use super::*;

#[test]
fn a_template_knows_its_params() {
    let template = PathTemplate::parse("/repos/{owner}/{repo}/contents/{path}").unwrap();
    assert_eq!(
        template.params().collect::<Vec<_>>(),
        ["owner", "repo", "path"]
    );
    let path = template.render(|name| {
        Some(match name {
            "owner" => "o",
            "repo" => "r",
            _ => "a/b",
        })
    });
    assert_eq!(path, "/repos/o/r/contents/a/b");
    assert!(template.is_whole_segment("path"));
    let sid = PathTemplate::parse("/Accounts/{sid}.json").unwrap();
    assert_eq!(sid.render(|_| Some("AC1")), "/Accounts/AC1.json");
    assert!(!sid.is_whole_segment("sid"));
    for path in ["/", "/a/", "/a/{id}/"] {
        let template = PathTemplate::parse(path).unwrap();
        assert_eq!(template.render(|_| Some("x")), path.replace("{id}", "x"));
    }
}

#[test]
fn a_template_that_could_lead_elsewhere_is_refused() {
    for bad in [
        "",
        "repos",
        "//evil.example",
        "/a//b",
        "/a//",
        "/a/../b",
        "/./a",
        "/a?x={id}",
        "/a?x=1#y",
        "/a?x=/../y",
        "/a#b",
        "/{a}{b}",
        "/{a",
        "/a}",
        "/a b",
        "/a%2e",
        "/a\\b",
        "/@evil/..",
        "/{a}/{",
    ] {
        assert!(PathTemplate::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn one_segment_stays_one_segment_or_is_refused() {
    for (value, encoded) in [
        ("octocat", Some("octocat")),
        ("a?x=1", Some("a%3Fx%3D1")),
        ("a;b", Some("a%3Bb")),
        ("a#b", Some("a%23b")),
        ("%", Some("%25")),
        ("100%", Some("100%25")),
        ("a%zz", Some("a%25zz")),
        ("a/b", Some("a%2Fb")),
        ("a b+c", Some("a%20b%2Bc")),
        ("...", Some("...")),
        ("a..b", Some("a..b")),
        (".github", Some(".github")),
        ("naïve", Some("na%C3%AFve")),
        ("名前", Some("%E5%90%8D%E5%89%8D")),
        ("user@evil.example:443", Some("user%40evil.example%3A443")),
        ("", None),
        (".", None),
        ("..", None),
        ("%2e", None),
        ("%2e%2e", None),
        ("%2E.", None),
        ("%252e%252e", None),
        ("%25252e%25252e", None),
        ("..%2f..", None),
        ("../..", None),
        ("..\\..", None),
        ("a%2f..%2f..", None),
        ("a%5c..", None),
        ("a\\b", None),
        ("\u{ff0e}\u{ff0e}", None),
        ("\u{2025}", None),
        ("\u{ff05}2e%2e", None),
        ("a\u{ff0f}\u{ff0e}\u{ff0e}", None),
        ("a\u{ff3c}b", None),
        ("..;x", None),
        (".. ", None),
        ("%00", None),
        ("%2500", None),
        ("a\r\nHost: evil.example", None),
        ("a%0d%0ab", None),
        ("a\tb", None),
        ("a\u{85}b", None),
        ("%c0%ae%c0%ae", None),
        ("%u002e%u002e", None),
        ("%25U2215", None),
        ("%under", Some("%25under")),
    ] {
        assert_eq!(encode_segment(value).ok().as_deref(), encoded, "{value:?}");
    }
    assert!(encode_segment(&"x".repeat(MAX_SEGMENT_BYTES)).is_ok());
    assert!(encode_segment(&"x".repeat(MAX_SEGMENT_BYTES + 1)).is_err());
}

#[test]
fn several_segments_keep_their_slashes() {
    for (value, encoded) in [
        ("README.md", Some("README.md")),
        ("docs/a b.md", Some("docs/a%20b.md")),
        ("a/b#x", Some("a/b%23x")),
        (".github/workflows/ci.yml", Some(".github/workflows/ci.yml")),
        ("", None),
        ("/a", None),
        ("a/", None),
        ("a//b", None),
        ("../actions/secrets", None),
        ("a/..", None),
        ("a/./b", None),
        ("a/%2e%2e/b", None),
        ("a/%2e%2e%2fb", None),
        ("docs/..\\..\\user", None),
        ("a/\u{ff0e}\u{ff0e}/b", None),
    ] {
        assert_eq!(encode_segments(value).ok().as_deref(), encoded, "{value:?}");
    }
    assert!(encode_segments(&"a/".repeat(MAX_MULTI_BYTES)).is_err());
}

#[test]
fn a_key_may_have_empty_segments_but_no_dot_segments() {
    for (key, encoded) in [
        ("a/b c", Some("a/b%20c")),
        ("a//b", Some("a//b")),
        ("folder/", Some("folder/")),
        ("/a", Some("/a")),
        ("/", Some("/")),
        ("//evil.example/a", Some("//evil.example/a")),
        ("///", Some("///")),
        ("a//?x#y", Some("a//%3Fx%23y")),
        ("", None),
        (".", None),
        ("..", None),
        ("/..", None),
        ("//..", None),
        ("a//../b", None),
        ("../", None),
        ("a/./", None),
        ("a//%2e%2e//b", None),
        ("a//%2E%2e/", None),
        ("a//%252e%252e/", None),
        ("a//b%2f..%2f", None),
        ("a//..\\..", None),
        ("a\\..\\", None),
        ("/\\evil.example", None),
        ("a//%5c..", None),
        ("//\u{ff0e}\u{ff0e}/", None),
        ("a//\r\n", None),
    ] {
        assert_eq!(encode_key(key).ok().as_deref(), encoded, "{key:?}");
    }
    assert!(encode_key(&"/".repeat(MAX_MULTI_BYTES)).is_ok());
    assert!(encode_key(&"/".repeat(MAX_MULTI_BYTES + 1)).is_err());
}

/// Text that is made of what path tricks are made of.
fn tricky() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ".", "..", "/", "\\", "%", "2e", "2f", "5c", "25", "%2e", "%2F", "%5C", "\u{ff0e}",
        "\u{ff0f}", "\u{2025}", "a", ";", "?", "#", "@", ":", " ", "\0", "\r\n", "é",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn whatever_the_params_the_url_keeps_its_shape(
        owner in tricky(), repo in tricky(), path in tricky()
    ) {
        let (Ok(owner), Ok(repo), Ok(encoded)) =
            (encode_segment(&owner), encode_segment(&repo), encode_segments(&path))
        else {
            return Ok(());
        };
        let template = PathTemplate::parse("/repos/{owner}/{repo}/contents/{path}").unwrap();
        let rendered = template.render(|name| Some(match name {
            "owner" => owner.as_str(),
            "repo" => repo.as_str(),
            _ => encoded.as_str(),
        }));
        let base = crate::host::BaseUrl::parse("https://api.github.com").unwrap();
        let url = base.join(&rendered);
        prop_assert_eq!(url.scheme(), "https");
        prop_assert_eq!(url.host_str(), Some("api.github.com"));
        prop_assert_eq!(url.port(), None);
        prop_assert_eq!(url.query(), None);
        prop_assert_eq!(url.fragment(), None);
        // the URL parser changed nothing: no dot segment was resolved
        prop_assert_eq!(url.path(), rendered.as_str());
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        prop_assert_eq!(segments.len(), 4 + path.split('/').count());
        prop_assert_eq!(segments[0], "repos");
        prop_assert_eq!(segments[3], "contents");
    }

    #[test]
    fn whatever_the_key_it_stays_behind_its_bucket(key in tricky()) {
        let Ok(encoded) = encode_key(&key) else {
            return Ok(());
        };
        prop_assert_eq!(percent_decode_str(&encoded).decode_utf8().unwrap(), key.as_str());
        for base in ["https://b.s3.example", "https://s3.example/b"] {
            let joined = crate::host::BaseUrl::parse(base).unwrap().join(&format!("/{encoded}"));
            let url = format!("{base}/{encoded}");
            prop_assert_eq!(joined.as_str(), url.as_str());
            // whoever parses it anew finds no other path in it
            prop_assert_eq!(url::Url::parse(&url).unwrap(), joined);
        }
    }
}
