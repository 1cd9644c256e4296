//! What agents say on a card is shown, never obeyed.

use axis_proto::v1::Approval;

use super::ask::{Entry, Field};
use super::*;

/// Script, an attribute's end, a change of direction and a terminal's escape.
const HOSTILE: &str = "<script>alert(1)</script>\" onfocus=\"x\u{202e}\u{1b}[2J</bdi></form>";

fn hostile() -> Approval {
    Approval {
        id: "k7f2qd9a".to_owned(),
        identity: HOSTILE.to_owned(),
        service: HOSTILE.to_owned(),
        action: HOSTILE.to_owned(),
        effect: "write".to_owned(),
        justification: HOSTILE.repeat(20),
        params: serde_json::json!({HOSTILE: HOSTILE.repeat(20), "n": [HOSTILE]}).to_string(),
        credential: HOSTILE.to_owned(),
        method: HOSTILE.to_owned(),
        host: HOSTILE.to_owned(),
        target: HOSTILE.to_owned(),
        peer_exe: HOSTILE.to_owned(),
        expires_at: HOSTILE.to_owned(),
        asked_at: HOSTILE.to_owned(),
        ..Approval::default()
    }
}

fn waiting(approvals: &[Approval]) -> WatchApprovalsResponse {
    WatchApprovalsResponse {
        waiting: approvals.to_vec(),
        grants: Vec::new(),
    }
}

fn named(id: &str) -> Approval {
    Approval {
        id: id.to_owned(),
        ..Approval::default()
    }
}

fn session() -> Session {
    Session {
        csrf: "token".to_owned(),
    }
}

#[test]
fn no_text_of_an_agent_s_is_markup_or_hidden() {
    let now = waiting(&[hostile()]);
    for shown in [
        bar(&now, &session(), "/", Tab::Overview).into_string(),
        card(&hostile(), false, Room::Page).into_string(),
        summary(&now).into_string(),
    ] {
        assert!(shown.contains("&lt;script&gt;alert(1)"), "{shown}");
        for sign in [
            "<script",
            "\" onfocus",
            "\u{202e}",
            "\u{1b}",
            "</bdi></form>",
        ] {
            assert!(!shown.contains(sign), "{sign:?} in {shown}");
        }
    }
}

#[test]
fn a_param_is_shown_to_its_last_digit_and_to_its_last_character() {
    let long = "x".repeat(5_000);
    let approval = Approval {
        params: format!(r#"{{"amount":12345678901234567890.10,"text":"1","long":"{long}"}}"#),
        ..Approval::default()
    };
    let shown = card(&approval, false, Room::Page).into_string();
    assert!(shown.contains("12345678901234567890.10"), "{shown}");
    assert!(shown.contains("&quot;1&quot;"), "{shown}");
    assert!(shown.contains(&long));
    assert!(shown.contains("5\u{202f}002 characters: show all"));
}

#[test]
fn no_params_make_a_page_much_longer_than_they_are() {
    // each number on a line of its own, behind the spaces of 55 levels
    let ones = vec!["1"; 50_000].join(",");
    let deep = format!(r#"{{"zz":{}{ones}{}}}"#, "[".repeat(55), "]".repeat(55));
    let many: Vec<String> = (0..6_000).map(|nth| format!("\"p{nth}\":1")).collect();
    let many = format!("{{{}}}", many.join(","));
    for params in [deep, many] {
        let approval = Approval {
            params: params.clone(),
            ..named("one")
        };
        let whole = card(&approval, true, Room::Page).into_string();
        assert!(whole.len() < 20 * params.len(), "{}", whole.len());
        assert!(whole.contains("<details class=\"folded\">"));
        // over other pages there is the way to it, and nothing to tick
        let over = card(&approval, true, Room::Panel).into_string();
        assert!(over.len() < 4_000, "{over}");
        assert!(over.contains("href=\"/approvals\"") && over.contains(" disabled"));
        assert!(!over.contains(" checked"));
    }
}

#[test]
fn only_a_call_that_is_alone_is_ticked_and_a_live_one_never() {
    let ticks = |now: &WatchApprovalsResponse, entry: &Entry| {
        let form = ask(now, &session(), "/", entry, Room::Page).into_string();
        form.matches(" checked").count()
    };
    let (one, other) = (named("one"), named("other"));
    let fresh = Entry::default();
    assert_eq!(ticks(&waiting(std::slice::from_ref(&one)), &fresh), 1);
    assert_eq!(ticks(&waiting(&[one.clone(), other.clone()]), &fresh), 0);
    let live = card(&one, false, Room::Page).into_string();
    assert!(!live.contains(" checked"));
    // after a mistake, what was ticked and nothing else
    let ticked = Entry {
        ticked: Some(["other".to_owned()].into()),
        ..Entry::default()
    };
    assert_eq!(ticks(&waiting(&[one.clone(), other]), &ticked), 1);
    assert_eq!(ticks(&waiting(&[one]), &ticked), 0);
}

#[test]
fn what_was_wrong_is_said_beside_its_field_and_the_password_is_never_filled_in() {
    let entry = Entry {
        ticked: Some(["one".to_owned()].into()),
        lasts_s: 900,
        reason: "no\" onfocus=\"x".to_owned(),
        problem: Some((Field::Password, "the master password is wrong".to_owned())),
    };
    let form = ask(
        &waiting(&[named("one")]),
        &session(),
        "/",
        &entry,
        Room::Page,
    )
    .into_string();
    assert!(form.contains("id=\"password-problem\""), "{form}");
    assert!(form.contains("aria-describedby=\"password-problem\""));
    assert!(form.contains("<option value=\"900\" selected>"));
    assert!(!form.contains("\" onfocus"));
    let field = form
        .split("<input")
        .find(|input| input.contains("id=\"ask-password\""));
    let field = field.unwrap().split('>').next().unwrap();
    assert!(!field.contains("value="), "{form}");
}
