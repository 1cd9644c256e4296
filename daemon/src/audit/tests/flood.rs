//! Floods of refusals.

use super::*;

#[test]
fn a_flood_becomes_sixty_lines_and_one_with_the_rest() {
    let home = Home::new();
    let audit = home.open();
    for nth in 0..1000 {
        deny(&audit, CONNECTION, &nth.to_string());
        home.clock.advance(Duration::from_millis(10));
    }
    deny(&audit, ConnectionId(2), "other");
    assert_eq!(home.lines().len(), 61);
    home.clock.advance(Duration::from_secs(49));
    audit.tick();
    assert_eq!(home.lines().len(), 61, "the minute isn't over yet");
    home.clock.advance(Duration::from_secs(1));
    audit.tick();
    let last = home.records().pop().unwrap();
    assert_eq!(home.lines().len(), 62);
    assert_eq!(last["folded"], 940);
    assert_eq!(last["request_id"], "60");
    assert_eq!(last["decision"], "deny");
    assert_eq!(last["timestamp"], "2026-01-15T10:31:00.000Z");
    deny(&audit, CONNECTION, "next");
    assert_eq!(home.outline().pop().unwrap(), "finished next");
    home.assert_intact();
}

#[test]
fn what_was_folded_is_written_when_the_minute_the_connection_or_axisd_ends() {
    let endings: [fn(&Home, &Audit); 4] = [
        |_, audit| audit.connection_closed(CONNECTION),
        |_, audit| audit.close(),
        |home, audit| {
            home.clock.advance(Duration::from_mins(1));
            audit.tick();
        },
        |home, audit| {
            home.clock.advance(Duration::from_mins(1));
            deny(audit, CONNECTION, "next");
        },
    ];
    for end in endings {
        let home = Home::new();
        let audit = home.open();
        for nth in 0..62 {
            deny(&audit, CONNECTION, &nth.to_string());
        }
        assert_eq!(home.lines().len(), 60);
        end(&home, &audit);
        assert_eq!(home.records()[60]["folded"], 2);
    }
}

#[test]
fn a_single_folded_refusal_is_an_ordinary_line() {
    let home = Home::new();
    let audit = home.open();
    for nth in 0..61 {
        deny(&audit, CONNECTION, &nth.to_string());
    }
    audit.close();
    assert_eq!(home.lines().len(), 61);
    assert_eq!(home.records()[60].get("folded"), None);
}
