//! Whatever the file looks like: adding only inserts, and removing gives every
//! byte back.

use proptest::prelude::*;

use super::*;

/// White space and comments, as they stand between any two tokens.
fn gap() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just(String::new()),
        2 => Just(" ".to_owned()),
        2 => Just("\n  ".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\r\n\t".to_owned()),
        1 => Just(" // a, {comment} \"x\n".to_owned()),
        1 => Just("/* b, } */".to_owned()),
        1 => Just("/* c\n */ ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1.50".to_owned()),
        Just("null".to_owned()),
        Just("\"\\u00e4 } , // x\"".to_owned()),
        Just("\"ä\"".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (gap(), inner.clone(), gap(), any::<bool>()).prop_map(|(a, item, b, comma)| {
                format!("[{a}{item}{b}{}]", if comma { "," } else { "" })
            }),
            object(proptest::collection::vec(("[a-d]", inner), 0..3)),
        ]
    })
}

fn object(members: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    (members, gap(), gap(), gap(), any::<bool>()).prop_map(|(members, a, b, c, comma)| {
        let mut seen = Vec::new();
        let mut parts = Vec::new();
        for (key, value) in members {
            if !seen.contains(&key) {
                parts.push(format!("{a}\"{key}\"{b}:{c}{value}{b}"));
                seen.push(key);
            }
        }
        let comma = if comma && !parts.is_empty() { "," } else { "" };
        format!("{{{}{comma}{c}}}", parts.join(","))
    })
}

fn document() -> impl Strategy<Value = String> {
    let servers = object(proptest::collection::vec(("[a-d]", value()), 0..3));
    let with_servers = (servers, value(), any::<bool>()).prop_map(|(servers, other, first)| {
        let servers = ("mcpServers".to_owned(), servers);
        let other = ("other".to_owned(), other);
        if first {
            vec![servers, other]
        } else {
            vec![other, servers]
        }
    });
    let without = proptest::collection::vec(("[a-d]", value()), 0..3);
    let whole = prop_oneof![object(with_servers), object(without)];
    (gap(), whole, gap()).prop_map(|(before, whole, after)| format!("{before}{whole}{after}"))
}

/// Whether `text` is `whole` with something taken out.
fn is_within(text: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    text.chars().all(|c| rest.any(|other| other == c))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn adding_only_inserts_and_removing_undoes_it(before in document()) {
        let case = Case::of("cursor", &before);
        case.add().unwrap();
        let after = case.text();
        let visible = |text: &str| text.replace([' ', '\t', '\r', '\n'], "");
        prop_assert!(is_within(&visible(&before), &visible(&after)), "{}", after);
        case.remove().unwrap();
        prop_assert_eq!(case.text(), before);
    }

    #[test]
    fn without_a_backup_all_that_others_wrote_stays(before in document()) {
        let case = Case::of("cursor", &before);
        case.add().unwrap();
        let applied = case.remove_without_backup().unwrap();
        if !applied.deleted {
            let after = case.text();
            let visible = |text: &str| text.replace([' ', '\t', '\r', '\n'], "");
            // but for an empty table, which may have been ours
            let (before, after) = (visible(&before), visible(&after));
            prop_assert!(is_within(&after, &before), "{}", after);
            if !before.contains("\"mcpServers\"") {
                prop_assert_eq!(after, before);
            }
        }
    }
}
