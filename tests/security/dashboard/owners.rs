//! Whose dashboard it is: links, sessions, other users, and the process itself.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use axis_tests::{
    Dashboard, Home, Host, PASSWORD, Terminal, Upstream, Wire, as_user, canary, port_of, redeem,
    run, wait_for,
};
use serde_json::json;

use super::{scene, token_of};
use crate::memory::copies;
use crate::process::{as_ordinary_user, ordinary_home, own_command, shell};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn of_fifty_who_follow_the_link_at_once_one_is_let_in() {
    let home = Home::ready();
    let dashboard = Dashboard::open(&home);
    let (port, link) = (dashboard.port(), dashboard.link().to_owned());
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let link = link.clone();
            std::thread::spawn(move || redeem(port, &link))
        })
        .collect();
    let cookies: Vec<String> = racers
        .into_iter()
        .filter_map(|racer| racer.join().unwrap())
        .collect();
    assert_eq!(cookies.len(), 1);
    let page = Wire::get(port, "/", &[("cookie", &cookies[0])]);
    assert_eq!(page.status, 200);
    assert_eq!(redeem(port, &link), None, "nor later");
}

#[test]
fn a_look_ahead_at_the_link_does_not_use_it_up() {
    let home = Home::ready();
    let dashboard = Dashboard::open(&home);
    let (_, path) = dashboard
        .link()
        .split_once(&dashboard.port().to_string())
        .unwrap();
    for header in [
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
    ] {
        let ahead = Wire::get(dashboard.port(), path, &[header]);
        assert_eq!((ahead.status, ahead.header("set-cookie")), (204, None));
    }
    assert!(redeem(dashboard.port(), dashboard.link()).is_some());
}

#[test]
fn the_cookie_is_for_no_script_and_no_other_site_and_neither_it_nor_the_link_is_written_down() {
    let home = Home::ready();
    let dashboard = Dashboard::open(&home);
    let port = dashboard.port();
    let (_, path) = dashboard.link().split_once(&port.to_string()).unwrap();
    let code = path.split_once('=').unwrap().1;
    let answer = Wire::get(port, path, &[]);
    let set = answer.header("set-cookie").unwrap();
    let mut parts = set.split("; ");
    let cookie = parts.next().unwrap().to_owned();
    let flags: Vec<&str> = parts.collect();
    assert!(
        flags.contains(&"HttpOnly") && flags.contains(&"SameSite=Strict"),
        "{set}"
    );
    assert!(
        flags.iter().all(|flag| !flag.starts_with("Domain")),
        "{set}"
    );
    assert_eq!(
        answer.header("location"),
        Some("/"),
        "the code leaves the address"
    );
    let (_, secret) = cookie.split_once('=').unwrap();
    assert!(secret.len() >= 64 && code.len() >= 64, "256 bits each");
    for page in [
        "/",
        "/activity",
        "/services",
        "/policy",
        "/approvals",
        "/health",
        "/api/logs",
    ] {
        let page = Wire::get(port, page, &[("cookie", &cookie)]);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(!page.body.contains(secret) && !page.body.contains(code));
    }
    let mut looked = 0;
    for name in ["audit.jsonl", "axisd.log", "daemon.log"] {
        let Ok(text) = fs::read_to_string(home.file(name)) else {
            continue;
        };
        assert!(!text.contains(secret) && !text.contains(code), "{name}");
        looked += 1;
    }
    assert!(looked > 0);
    let line = fs::read(format!("/proc/{}/cmdline", dashboard.pid())).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains(code));
}

#[test]
fn enter_gives_a_new_link_and_its_session_has_a_token_of_its_own() {
    let home = Home::ready();
    let mut terminal = Terminal::axis(&home, "dashboard --no-open --port 0");
    let links = |screen: &str| -> Vec<String> {
        let shown = screen.lines().map(str::trim);
        shown
            .filter(|line| line.starts_with("http://127.0.0.1:") && line.len() > 90)
            .map(str::to_owned)
            .collect()
    };
    terminal.after("Enter gives a new link", "");
    let first = links(&terminal.screen()).remove(0);
    let port = port_of(&first);
    let cookie = redeem(port, &first).unwrap();
    terminal.after("Enter gives a new link", "\r");
    let second = wait_for("the second link", || {
        links(&terminal.screen()).into_iter().nth(1)
    });
    terminal.after("Enter gives a new link", "\r");
    let third = wait_for("the third link", || {
        links(&terminal.screen()).into_iter().nth(2)
    });
    assert_eq!(
        redeem(port, &second),
        None,
        "the one before is good no longer"
    );
    let other = redeem(port, &third).unwrap();
    let form_token = |signed_in: &str| {
        let page = Wire::get(port, "/health", &[("cookie", signed_in)]).body;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (own, others) = (form_token(&cookie), form_token(&other));
    assert_ne!(own, others);
    let crossed = Wire::post(
        port,
        "/lock",
        &[("cookie", &cookie)],
        &format!("csrf={others}"),
    );
    assert_eq!(crossed.status, 403);
}

/// Fault 14 of the original: it served any user.
#[test]
fn another_user_of_the_machine_is_refused_even_with_the_cookie() {
    if !is_root() {
        return; // it takes another user to try
    }
    let (_home, dashboard, cookie) = scene();
    let port = dashboard.port();
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /PATH HTTP/1.1\\r\\nhost: 127.0.0.1:{port}\\r\\n\
         cookie: {cookie}\\r\\nconnection: close\\r\\n\\r\\n' >&3; cat <&3"
    );
    for path in ["", "activity", "api/stats", "assets/dashboard.js", "login"] {
        let mut other = as_user(65533, "bash");
        other.arg("-c").arg(script.replace("PATH", path));
        let ran = run(other, "").ok();
        assert!(ran.stdout.starts_with("HTTP/1.1 403"), "{path}: {ran:?}");
        assert!(ran.stdout.contains("belongs to another user"), "{ran:?}");
        let mut own = Command::new("bash");
        own.arg("-c").arg(script.replace("PATH", path));
        let ran = run(own, "").ok();
        assert!(!ran.stdout.starts_with("HTTP/1.1 403"), "{path}: {ran:?}");
    }
}

#[test]
fn another_user_takes_no_place_of_the_owners() {
    if !is_root() {
        return; // it takes another user to try
    }
    let (_home, dashboard, _cookie) = scene();
    let mut other = as_user(65533, "python3");
    let script = "import socket, sys\n\
        all = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for _ in range(600)]\n\
        print('ready', flush=True)\n\
        sys.stdin.read()";
    other
        .args(["-c", script, &dashboard.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut other = other.spawn().unwrap();
    let mut said = String::new();
    let stdout = other.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut said).unwrap();
    assert_eq!(said, "ready\n");
    let open = fs::read_dir(format!("/proc/{}/fd", dashboard.pid()));
    assert!(open.unwrap().count() < 100);
    assert_eq!(
        Wire::get(dashboard.port(), "/assets/icon.svg", &[]).status,
        200
    );
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn it_listens_on_loopback_alone() {
    let (_home, dashboard, _cookie) = scene();
    let port = format!(":{:04X}", dashboard.port());
    let mut listening = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = fs::read_to_string(table).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == "0A" && fields[1].ends_with(&port) {
                listening.push(fields[1].to_owned());
            }
        }
    }
    let loopback = format!("{:08X}{port}", u32::from_ne_bytes([127, 0, 0, 1]));
    assert_eq!(listening, [loopback]);
}

/// Fault 31 of the original: a second one claimed to run, and exited 0.
#[test]
fn a_second_dashboard_on_the_same_port_fails_and_says_who_to_ask() {
    let (home, dashboard, _cookie) = scene();
    let port = dashboard.port().to_string();
    let second = home.axis_without_password(&["dashboard", "--no-open", "--port", &port]);
    assert_eq!(second.code(), 1, "{second:?}");
    assert!(!second.stdout.contains("http://"), "{second:?}");
    for words in [port.as_str(), "another program listens there", "--port"] {
        assert!(second.stderr.contains(words), "{second:?}");
    }
    let version = home.axis_without_password(&["--version"]).ok();
    assert!(
        version.stdout.contains(env!("CARGO_PKG_VERSION")),
        "{version:?}"
    );
}

#[test]
fn a_process_of_the_same_user_can_read_nothing_of_the_dashboard() {
    let home = ordinary_home();
    let mut init = own_command(&home, "axis");
    init.arg("init").env("AXIS_MASTER_PASSWORD", PASSWORD);
    run(as_ordinary_user(&init), "").ok();
    let mut command = own_command(&home, "axis");
    command.args(["dashboard", "--no-open", "--port", "0"]);
    let mut child = as_ordinary_user(&command)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut link = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut link).unwrap();
    assert!(link.starts_with("http://127.0.0.1:"), "{link}");
    let pid = child.id().to_string();
    let mut opened = Vec::new();
    for look in ["environ", "mem", "maps"] {
        let script = format!("head -c1 /proc/{pid}/{look}");
        let ran = run(as_ordinary_user(&shell(&script)), "");
        if ran.status.success() {
            opened.push(look);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    assert!(opened.is_empty(), "{opened:?}");
}

#[test]
fn the_password_of_an_approval_is_forgotten_with_its_request() {
    if !is_root() {
        return; // only root may read another process's memory
    }
    let upstream = Upstream::friendly();
    let policy = "policies:\n  - identity: local-dev\n    allow:\n      - { service: github, actions: ['*'], ask: true }\n";
    let home = Home::with_github(&upstream, &canary("approve"), policy);
    let dashboard = Dashboard::open(&home);
    let cookie = dashboard.sign_in();
    let csrf = token_of(&dashboard, &cookie);
    let mut host = Host::connect(&home, "local-dev");
    let call = host.start_execute_with(
        "github",
        "repos.get",
        &json!({"owner": "a", "repo": "b"}),
        &json!({"_meta": {"progressToken": "one"}}),
    );
    let id = wait_for("the call that waits", || {
        let listed = home
            .axis_without_password(&["approvals", "--json"])
            .ok()
            .json();
        listed[0]["id"].as_str().map(str::to_owned)
    });
    let password = PASSWORD.replace(' ', "+");
    let own = [("cookie", cookie.as_str()), ("connection", "keep-alive")];
    let wrong = Wire::post(
        dashboard.port(),
        "/approvals",
        &own,
        &format!("csrf={csrf}&do=approve&id={id}&lasts=0&back=/&password=not+{password}+at+all"),
    );
    // the page that says so is one that is loaded again without the password
    assert_eq!(wrong.header("location"), Some("/approvals"), "{wrong:?}");
    let told = Wire::get(dashboard.port(), "/approvals", &own);
    assert_eq!(told.status, 403, "{told:?}");
    assert!(!told.body.contains(PASSWORD));
    assert_eq!(Wire::get(dashboard.port(), "/approvals", &own).status, 200);
    assert!(upstream.requests().is_empty());
    let form = format!("csrf={csrf}&do=approve&id={id}&lasts=0&back=/&password={password}");
    let approved = Wire::post(dashboard.port(), "/approvals", &own, &form);
    assert_eq!(approved.status, 303, "{approved:?}");
    assert_eq!(host.executed(call)["ok"], true);
    wait_for("the password to be gone", || {
        let left = copies(dashboard.pid(), PASSWORD) + copies(dashboard.pid(), &password);
        (left == 0).then_some(())
    });
    assert!(
        copies(dashboard.pid(), &csrf) > 0,
        "the count finds what is there"
    );
}
