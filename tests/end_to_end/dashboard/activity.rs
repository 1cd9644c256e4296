//! The dashboard's activity as a browser asks for it: filters, pages back to the
//! beginning, lines as they come, and the file of what is shown.

use axis_tests::{Home, Host, Upstream, Visitor, canary};
use reqwest::header::{CONTENT_DISPOSITION, COOKIE};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::calls::ALLOW_GITHUB;

/// A browser that is signed in, and reads streams.
struct Dashboard {
    visitor: Visitor,
    runtime: Runtime,
    client: Client,
}

impl Dashboard {
    fn open(home: &Home) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            visitor: Visitor::of(home),
            runtime,
            client,
        }
    }

    fn ask(&self, path: &str, last_event: Option<u64>) -> Response {
        let mut request = self.client.get(self.visitor.dashboard().url(path));
        request = request.header(COOKIE, self.visitor.cookie());
        if let Some(seq) = last_event {
            request = request.header("last-event-id", seq);
        }
        self.runtime.block_on(request.send()).unwrap()
    }

    fn get(&self, path: &str) -> String {
        let answer = self.ask(path, None);
        assert_eq!(answer.status(), 200, "{path}");
        self.runtime.block_on(answer.text()).unwrap()
    }

    /// The numbers of the lines that a page shows, in its order.
    fn numbers(&self, path: &str) -> Vec<u64> {
        numbers(&self.get(path))
    }

    fn stream(&self, path: &str, last_event: Option<u64>) -> Stream<'_> {
        let answer = self.ask(path, last_event);
        assert_eq!(answer.status(), 200, "{path}");
        Stream {
            runtime: &self.runtime,
            answer,
            text: String::new(),
        }
    }
}

/// Server-sent events.
struct Stream<'d> {
    runtime: &'d Runtime,
    answer: Response,
    text: String,
}

impl Stream<'_> {
    /// The next event, without those that only say that the stream lives.
    fn next(&mut self) -> String {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    continue;
                }
                return event;
            }
            let answer = &mut self.answer;
            let chunk = self
                .runtime
                .block_on(async { timeout(axis_tests::PATIENCE, answer.chunk()).await });
            let chunk = chunk.expect("an event comes").unwrap();
            let chunk = chunk.expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn numbers(page: &str) -> Vec<u64> {
    let rows = page.split("data-seq=\"").skip(1);
    rows.map(|row| row.split('"').next().unwrap().parse().unwrap())
        .collect()
}

/// Where the link that says `words` leads, if it is shown.
fn link(page: &str, words: &str) -> Option<String> {
    let (before, _) = page.split_once(&format!("\">{words}</a>"))?;
    let (_, link) = before.rsplit_once("href=\"")?;
    Some(link.replace("&amp;", "&"))
}

/// A home with two calls that went out, one that was denied, and another's.
fn home_with_calls(upstream: &Upstream) -> Home {
    let home = Home::with_github(upstream, &canary("activity"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    for _ in 0..2 {
        assert_eq!(call(&mut host)["ok"], true);
    }
    let denied = host.execute("stripe", "balance.get", &json!({}));
    assert_eq!(denied["denied"], true);
    let mut other = Host::connect(&home, "someone-else");
    assert_eq!(call(&mut other)["denied"], true);
    home
}

fn call(host: &mut Host) -> Value {
    host.execute("github", "repos.get", &json!({"owner": "a", "repo": "b"}))
}

#[test]
fn filters_stand_in_the_address_and_a_call_is_shown_once() {
    let upstream = Upstream::friendly();
    let home = home_with_calls(&upstream);
    let dashboard = Dashboard::open(&home);
    let count = |query: &str| dashboard.numbers(&format!("/activity{query}")).len();
    assert_eq!(count("?events=calls"), 4);
    assert_eq!(count("?service=GITHUB"), 3);
    assert_eq!(count("?service=github&events=all"), 5);
    assert_eq!(count("?decision=deny"), 2);
    assert_eq!(count("?identity=someone-else"), 1);
    assert_eq!(count("?action=balance.get&q=DENIED&range=1h"), 1);
    assert_eq!(count("?q=nothing+like+this"), 0);
    assert_eq!(count("?events=calls&to=2000-01-01T00%3A00"), 0);
    assert_eq!(count("?events=calls&from=2000-01-01T00:00:00Z"), 4);

    let page = dashboard.get("/activity?service=github&decision=deny");
    assert!(page.contains("value=\"github\""), "{page}");
    assert!(page.contains("<option value=\"deny\" selected>"), "{page}");
    let newest_first = dashboard.numbers("/activity?events=all");
    assert!(newest_first.is_sorted_by(|a, b| a > b), "{newest_first:?}");

    for (wrong, says) in [
        ("from=yesterday", "from=yesterday"),
        ("since=foo", "it takes q, identity"),
        ("decision=zzz", "allow, deny, error, ask"),
    ] {
        let answer = dashboard.ask(&format!("/activity?{wrong}"), None);
        assert_eq!(answer.status(), 400, "{wrong}");
        let page = dashboard.runtime.block_on(answer.text()).unwrap();
        assert!(page.contains(says), "{page}");
    }
    assert_eq!(count("?decision=ask"), 0);
    let intact = dashboard.get("/activity/verify");
    assert!(intact.contains("intact") && intact.contains("audit.jsonl"));
}

#[test]
fn pages_lead_back_over_the_whole_log_and_forth_again() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("pages"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    // two lines each
    for _ in 0..65 {
        assert_eq!(call(&mut host)["ok"], true);
    }
    drop(host);
    let dashboard = Dashboard::open(&home);
    let all: Vec<u64> = home
        .audit()
        .iter()
        .rev()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    let mut shown = Vec::new();
    let mut pages = vec!["/activity?events=all".to_owned()];
    let mut way_back = Vec::new();
    while let Some(path) = pages.pop() {
        let page = dashboard.get(&path);
        shown.extend(numbers(&page));
        way_back.push(path);
        let is_hidden = page.contains("hidden>Older →");
        pages.extend(link(&page, "Older →").filter(|_| !is_hidden));
    }
    // no line is missing, and none comes twice
    assert_eq!(shown, all);
    assert!(way_back.len() >= 3);
    way_back.reverse();
    for pair in way_back.windows(2) {
        let newer = link(&dashboard.get(&pair[0]), "← Newer").unwrap();
        assert_eq!(newer, pair[1]);
    }
}

#[test]
fn new_lines_come_by_themselves_and_a_lost_stream_misses_none() {
    let upstream = Upstream::friendly();
    let home = home_with_calls(&upstream);
    let dashboard = Dashboard::open(&home);
    let known = dashboard.numbers("/activity?decision=allow")[0];
    let path = format!("/activity/live?decision=allow&after={known}");
    let mut stream = dashboard.stream(&path, None);
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(call(&mut host)["ok"], true);
    let first = stream.next();
    assert!(first.contains("event: row"), "{first}");
    let number = numbers(&first)[0];
    assert!(first.contains(&format!("id: {number}\n")), "{first}");
    assert!(number > known);
    drop(stream);

    // what happened meanwhile, and then what happens
    host.execute("stripe", "balance.get", &json!({}));
    assert_eq!(call(&mut host)["ok"], true);
    assert_eq!(call(&mut host)["ok"], true);
    let mut stream = dashboard.stream(&path, Some(number));
    let caught_up = [stream.next(), stream.next()].concat();
    assert_eq!(call(&mut host)["ok"], true);
    let shown = [caught_up, stream.next()].concat();
    let expected = dashboard.numbers("/activity?decision=allow");
    let expected: Vec<u64> = expected.into_iter().take(3).rev().collect();
    assert_eq!(numbers(&shown), expected);
}

#[test]
fn a_stream_outlives_a_restart_of_axisd() {
    let upstream = Upstream::friendly();
    let home = home_with_calls(&upstream);
    let dashboard = Dashboard::open(&home);
    let mut stream = dashboard.stream("/activity/live?events=calls&after=0", None);
    let caught_up: Vec<u64> = (0..4).map(|_| numbers(&stream.next())[0]).collect();
    home.axis(&["daemon", "restart"]).ok();
    let mut host = Host::connect(&home, "local-dev");
    assert_eq!(call(&mut host)["ok"], true);
    let next = numbers(&stream.next())[0];
    assert!(caught_up.iter().all(|seq| *seq < next));
}

#[test]
fn who_missed_very_much_is_told_to_load_the_page_again() {
    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("much"), ALLOW_GITHUB);
    let dashboard = Dashboard::open(&home);
    let mut host = Host::connect(&home, "local-dev");
    // two lines each
    for _ in 0..110 {
        assert_eq!(call(&mut host)["ok"], true);
    }
    let all = "/activity/live?after=0&events=all";
    let mut stream = dashboard.stream(all, None);
    let mut events = 0;
    let last = loop {
        let event = stream.next();
        if event.contains("event: reload") {
            break event;
        }
        events += 1;
        assert!(events < 250, "the stream has an end");
    };
    // a browser passes over an event without data
    let mut lines = last.lines();
    let data = lines.find_map(|line| line.strip_prefix("data:"));
    assert!(data.is_some_and(|data| !data.trim().is_empty()), "{last}");
}

#[test]
fn the_file_is_that_of_axis_logs_export() {
    let upstream = Upstream::friendly();
    let home = home_with_calls(&upstream);
    let dashboard = Dashboard::open(&home);
    for (query, arguments) in [
        ("format=csv&events=all", vec!["--format", "csv"]),
        ("format=jsonl&events=all", vec!["--format", "jsonl"]),
        (
            "format=csv&decision=deny&service=github",
            vec!["--decision", "deny", "--service", "github"],
        ),
    ] {
        let answer = dashboard.ask(&format!("/activity/export?{query}"), None);
        assert_eq!(answer.status(), 200);
        let name = answer.headers()[CONTENT_DISPOSITION].to_str().unwrap();
        assert!(
            name.starts_with("attachment; filename=\"axis-audit-"),
            "{name}"
        );
        let file = dashboard.runtime.block_on(answer.text()).unwrap();
        let expected = home
            .axis(&[vec!["logs", "export"], arguments].concat())
            .ok();
        assert_eq!(file, expected.stdout, "{query}");
        assert!(file.contains("repos.get"));
    }
    let wrong = dashboard.ask("/activity/export?format=xls", None);
    assert_eq!(wrong.status(), 400);
}

#[test]
fn a_line_that_somebody_damaged_is_shown_and_what_agents_wrote_is_no_markup() {
    use std::os::unix::fs::FileExt;

    let upstream = Upstream::friendly();
    let home = Home::with_github(&upstream, &canary("evil"), ALLOW_GITHUB);
    let mut host = Host::connect(&home, "local-dev");
    let evil = "</li><script>alert(1)</script>\u{202e}\u{1b}[2J";
    let words = json!({ "justification": evil });
    host.execute_with(evil, evil, &json!({}), &words);
    let answer = host.execute_with(
        "github",
        "repos.get",
        &json!({"owner": "a", "repo": "b"}),
        &words,
    );
    assert_eq!(answer["ok"], true, "{answer}");
    let path = home.file("audit.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let at = text.find('\n').unwrap() + 1;
    let log = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    log.write_all_at(b"not <b>a record</b>", at as u64).unwrap();
    let dashboard = Dashboard::open(&home);
    let page = dashboard.get("/activity");
    assert!(page.contains("not &lt;b&gt;a record&lt;/b&gt;"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(
        !page.contains("<script>") && !page.contains("<b>"),
        "{page}"
    );
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
}
