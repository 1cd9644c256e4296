//! What is asked again when the upstream is too busy, and what never is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;

use super::loopback::{Answer, Loopback};
use super::{request, upstream};
use crate::upstream::{Errand, LeakGuard};

/// Answers `head` so many times, then 200.
async fn busy_at_first(head: &'static str, times: usize) -> Loopback {
    let asked = AtomicUsize::new(0);
    Loopback::answering(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) < times {
            Answer::whole(head, "busy")
        } else {
            Answer::whole("200 OK", "{}")
        }
    })
    .await
}

/// The status that a call ends with, and how often the upstream was asked.
async fn asked(server: &Loopback, errand: &Errand<'_>) -> (u16, usize) {
    let request = request(Method::POST, &server.base(), "/");
    let guard = LeakGuard::new(&[]);
    let answer = upstream().send(request, &guard, errand).await.unwrap();
    (answer.status.as_u16(), server.requests().len())
}

const REPEATABLE: Errand<'static> = Errand {
    keep: &[],
    timeout: None,
    repeatable: true,
};

#[tokio::test]
async fn a_busy_upstream_is_asked_at_most_twice_more() {
    for (head, times, ends) in [
        ("429 Too Many Requests\r\nRetry-After: 0", 1, (200, 2)),
        ("503 Service Unavailable\r\nRetry-After: 0", 2, (200, 3)),
        ("429 Too Many Requests\r\nRetry-After: 0", 9, (429, 3)),
        ("503 Service Unavailable", 1, (200, 2)),
        ("429 Too Many Requests\r\nRetry-After: 6", 1, (429, 1)),
        ("500 Internal Server Error\r\nRetry-After: 0", 1, (500, 1)),
        ("502 Bad Gateway", 1, (502, 1)),
    ] {
        let server = busy_at_first(head, times).await;
        assert_eq!(asked(&server, &REPEATABLE).await, ends, "{head}");
    }
}

#[tokio::test]
async fn what_could_be_done_twice_is_asked_once() {
    let server = busy_at_first("429 Too Many Requests\r\nRetry-After: 0", 1).await;
    assert_eq!(asked(&server, &Errand::default()).await, (429, 1));
}

#[tokio::test]
async fn a_wait_beyond_the_calls_own_time_is_left_to_the_agent() {
    let server = busy_at_first("429 Too Many Requests\r\nRetry-After: 4", 1).await;
    let errand = Errand {
        timeout: Some(Duration::from_secs(3)),
        ..REPEATABLE
    };
    assert_eq!(asked(&server, &errand).await, (429, 1));
}
