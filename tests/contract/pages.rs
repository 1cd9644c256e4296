//! How each vendor's answer says that there is another page, and what the agent
//! sends to get it.

use axisd::catalogue::{ActionOutcome, Answer, Catalogue};
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::LINK;
use serde_json::Value;

struct Page {
    service: &'static str,
    action: &'static str,
    link: Option<&'static str>,
    body: &'static str,
    next: Option<&'static str>,
    total: Option<u64>,
}

const PAGES: &[Page] = &[
    Page {
        service: "github",
        action: "issues.list",
        link: Some(
            r#"<https://api.github.com/repositories/1/issues?state=all&page=3>; rel="next", <https://api.github.com/repositories/1/issues?page=9>; rel="last""#,
        ),
        body: "[]",
        next: Some(r#"{"page":3}"#),
        total: None,
    },
    Page {
        service: "github",
        action: "search.issues",
        link: None,
        body: r#"{"total_count":40,"incomplete_results":false,"items":[]}"#,
        next: None,
        total: Some(40),
    },
    Page {
        service: "openai",
        action: "files.list",
        link: None,
        body: r#"{"object":"list","data":[],"first_id":"file-a","last_id":"file-z","has_more":true}"#,
        next: Some(r#"{"after":"file-z"}"#),
        total: None,
    },
    Page {
        service: "openai",
        action: "files.list",
        link: None,
        body: r#"{"object":"list","data":[],"last_id":"file-z","has_more":false}"#,
        next: None,
        total: None,
    },
    Page {
        service: "anthropic",
        action: "messages.batches.list",
        link: None,
        body: r#"{"data":[],"first_id":"msgbatch_a","last_id":"msgbatch_z","has_more":true}"#,
        next: Some(r#"{"after_id":"msgbatch_z"}"#),
        total: None,
    },
    Page {
        service: "stripe",
        action: "charges.list",
        link: None,
        body: r#"{"object":"list","data":[{"id":"ch_1"},{"id":"ch_2"}],"has_more":true}"#,
        next: Some(r#"{"starting_after":"ch_2"}"#),
        total: None,
    },
    Page {
        service: "stripe",
        action: "customers.search",
        link: None,
        body: r#"{"object":"search_result","data":[{"id":"cus_1"}],"has_more":true,"next_page":"WzEuM10="}"#,
        next: Some(r#"{"page":"WzEuM10="}"#),
        total: None,
    },
    Page {
        service: "slack",
        action: "conversations.history",
        link: None,
        body: r#"{"ok":true,"messages":[],"has_more":true,"response_metadata":{"next_cursor":"bmV4dA=="}}"#,
        next: Some(r#"{"cursor":"bmV4dA=="}"#),
        total: None,
    },
    Page {
        service: "slack",
        action: "users.list",
        link: None,
        body: r#"{"ok":true,"members":[],"response_metadata":{"next_cursor":""}}"#,
        next: None,
        total: None,
    },
    Page {
        service: "notion",
        action: "blocks.children.list",
        link: None,
        body: r#"{"object":"list","results":[],"next_cursor":"fe2cc560","has_more":true}"#,
        next: Some(r#"{"start_cursor":"fe2cc560"}"#),
        total: None,
    },
    Page {
        service: "linear",
        action: "issues.search",
        link: None,
        body: r#"{"data":{"searchIssues":{"totalCount":7,"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":"9cfb"}}}}"#,
        next: Some(r#"{"after":"9cfb"}"#),
        total: Some(7),
    },
    Page {
        service: "linear",
        action: "teams.list",
        link: None,
        body: r#"{"data":{"teams":{"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":"9cfb"}}}}"#,
        next: None,
        total: None,
    },
];

#[test]
fn an_answer_with_more_pages_says_which_params_get_the_next() {
    let catalogue = Catalogue::builtin().unwrap_or_else(|error| panic!("{error}"));
    for page in PAGES {
        let place = format!("{} {}", page.service, page.action);
        let (_, action) = catalogue.resolve(page.service, page.action).unwrap();
        let link = page.link.map(|link| (LINK, link.to_owned()));
        let answer = Answer {
            status: StatusCode::OK,
            content_type: Some("application/json"),
            headers: link.as_slice(),
            body: &Bytes::from_static(page.body.as_bytes()),
        };
        let outcome = action.outcome(&answer, &mut str::to_owned);
        let ActionOutcome::Result(result) = outcome else {
            panic!("{place} failed");
        };
        assert_eq!(result.next.as_deref(), page.next, "{place}");
        assert_eq!(result.total, page.total, "{place}");
        for param in names(page.next.unwrap_or("{}")) {
            let schema: Value = serde_json::from_str(action.params_schema()).unwrap();
            let known = schema["properties"].get(&param).is_some();
            assert!(known, "{place} has no param {param}");
        }
    }
}

fn names(object: &str) -> Vec<String> {
    let object: serde_json::Map<_, _> = serde_json::from_str(object).unwrap();
    object.into_iter().map(|(name, _)| name).collect()
}
