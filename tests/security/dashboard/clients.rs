//! Slow, broken and greedy clients: they get nothing, and keep no one waiting.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use axis_tests::{Wire, head};

use super::{scene, token_of};

/// Far below the 15 s after which a silent connection is closed.
const SOON: Duration = Duration::from_secs(10);

/// Resident memory in KiB.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

#[test]
fn clients_that_say_nothing_or_half_a_request_keep_no_one_waiting() {
    let (_home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let mut held: Vec<TcpStream> = (0..200).map(|_| connect(port)).collect();
    for (number, stream) in held.iter_mut().enumerate() {
        let begun: &[u8] = match number % 4 {
            0 => b"",
            1 => b"G",
            2 => b"GET / HTTP/1.1\r\nhost: 127.0.0.1",
            _ => b"POST /lock HTTP/1.1\r\n",
        };
        stream.write_all(begun).unwrap();
    }
    let started = Instant::now();
    let answer = Wire::get(port, "/health", &[("cookie", &cookie)]);
    assert_eq!(answer.status, 200);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn endless_and_broken_requests_end_and_memory_stays() {
    let (_home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let csrf = token_of(&dashboard, &cookie);
    let before = memory(dashboard.pid());

    // a form of a gigabyte: the answer comes long before its end
    let mut stream = connect(port);
    let start = format!(
        "POST /lock HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000000000\r\n\r\ncsrf={csrf}&x="
    );
    stream.write_all(start.as_bytes()).unwrap();
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < 1_000_000_000 && stream.write_all(&piece).is_ok() {
        sent += piece.len();
    }
    assert!(sent < 100_000_000, "{sent} bytes were taken");

    // headers without end
    let mut stream = connect(port);
    stream
        .write_all(format!("GET / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n").as_bytes())
        .unwrap();
    let line = format!("x: {}\r\n", "y".repeat(8_000));
    let mut sent = 0;
    while sent < 100_000_000 && stream.write_all(line.as_bytes()).is_ok() {
        sent += line.len();
    }
    assert!(sent < 10_000_000, "{sent} bytes of headers were taken");

    // what is no HTTP, or says two things at once
    let chunked = "transfer-encoding: chunked\r\ncontent-type: application/x-www-form-urlencoded";
    for broken in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nhost : 127.0.0.1:{port}\r\nconnection: close\r\n\r\n"),
        "GET / HTTP/1.1\nhost: evil.example\nconnection: close\n\n".to_owned(),
        format!(
            "POST /lock HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n{chunked}\r\n\r\nzz\r\n"
        ),
        format!(
            "POST /lock HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n{chunked}\r\n\r\nffffffffffffffffff\r\n"
        ),
        format!(
            "POST /lock HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\ncsrf="
        ),
    ] {
        let mut stream = connect(port);
        let _ = stream.write_all(broken.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap_or("none");
        assert!(
            status.starts_with('4') || status == "none",
            "{broken:?}: {answer}"
        );
    }
    let after = memory(dashboard.pid());
    assert!(
        after < before + 20 * 1024,
        "{before} KiB before, {after} KiB after"
    );
    assert_eq!(
        Wire::get(port, "/health", &[("cookie", &cookie)]).status,
        200
    );
}

#[test]
fn requests_sent_at_once_are_judged_one_by_one() {
    let (_home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let mut stream = connect(port);
    let first = format!(
        "GET /assets/icon.svg HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n\r\n"
    );
    let second =
        format!("GET /api/stats HTTP/1.1\r\nhost: evil.example:{port}\r\ncookie: {cookie}\r\n\r\n");
    stream
        .write_all(format!("{first}{second}").as_bytes())
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let statuses: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("HTTP/1.1 "))
        .collect();
    assert_eq!(statuses.len(), 2, "{text}");
    assert!(
        statuses[0].contains("200") && statuses[1].contains("421"),
        "{statuses:?}"
    );
    assert!(!text.contains("\"total\""));
}

/// Fault 14 of the original: ten health checks at once took 2.8 s, for each
/// derived a key. Ten here start no derivation: they take less of the
/// processor's time than ten derivations do.
#[test]
fn ten_health_checks_at_once_derive_no_key() {
    let (home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let axisd = home.pid().unwrap();
    let ask = head("GET", port, "/api/health", &[("cookie", &cookie)], "");
    let spent = |work: &dyn Fn()| {
        let before = ticks(axisd) + ticks(dashboard.pid());
        work();
        ticks(axisd) + ticks(dashboard.pid()) - before
    };
    assert_eq!(Wire::send(port, &ask).status, 200);
    let ten = spent(&|| {
        std::thread::scope(|scope| {
            let asked: Vec<_> = (0..10)
                .map(|_| scope.spawn(|| Wire::send(port, &ask).status))
                .collect();
            for answer in asked {
                assert_eq!(answer.join().unwrap(), 200);
            }
        });
    });
    // each unlock needs one
    let unlocks = spent(&|| {
        for _ in 0..10 {
            home.axis(&["lock"]).ok();
            home.axis(&["unlock"]).ok();
        }
    });
    assert!(
        ten < unlocks,
        "{ten} ticks for ten checks, {unlocks} for ten derivations"
    );
}

/// The processor time of a process, in ticks.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next().unwrap().parse::<u64>().unwrap();
    next() + next()
}
