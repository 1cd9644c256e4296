//! Which values a constraint takes, for rules that allow and for rules that
//! deny.

use serde_json::json;

use super::*;

fn takes(wanted: &Value, value: &Value) -> (bool, bool) {
    let constraint = Constraint::parse("p", wanted).unwrap();
    let params = Map::from_iter([("p".to_owned(), value.clone())]);
    (
        constraint.is_met(&params, Purpose::Allow),
        constraint.is_met(&params, Purpose::Deny),
    )
}

#[test]
fn what_allows_is_sure_and_what_denies_is_not_talked_round() {
    for (wanted, value, allows, denies) in [
        (json!("acme"), json!("acme"), true, true),
        (json!("acme"), json!("ACME"), false, true),
        (json!("acme"), json!("acme "), false, false),
        (json!("acme"), json!("acme2"), false, false),
        (json!("acme"), json!(null), false, false),
        (json!("axis-*"), json!("axis-cli"), true, true),
        (json!("axis-*"), json!("axis-"), true, true),
        (json!("axis-*"), json!("axis"), false, false),
        (json!("a?c"), json!("abc"), true, true),
        (json!("a?c"), json!("ac"), false, false),
        (json!("[ab]"), json!("a"), false, false),
        (json!(["axis", "axis-*"]), json!("axis"), true, true),
        (json!(["axis", 7, true, null]), json!(7), true, true),
        (json!(["axis", 7, true, null]), json!(7.0), true, true),
        (json!(["axis", 7, true, null]), json!("7"), false, true),
        (json!(["axis", 7, true, null]), json!(true), true, true),
        (json!(["axis", 7, true, null]), json!("TRUE"), false, true),
        (json!(["axis", 7, true, null]), json!(null), true, true),
        (json!("7"), json!(7), true, true),
        (json!("7"), json!(7.0), false, true),
        (json!("100"), json!(1e2), false, true),
        (json!("0"), json!(-0.0), false, true),
        (json!("7"), json!(7.5), false, false),
        (json!({"max": 100}), json!(100), true, true),
        (json!({"max": 100}), json!(100.5), false, false),
        (json!({"max": 100}), json!(-1e300), true, true),
        (json!({"max": 100}), json!("99"), false, true),
        (json!({"max": 100}), json!("many"), false, false),
        (json!({"min": 1, "max": 2}), json!(0), false, false),
        (json!({"min": 1, "max": 2}), json!(2), true, true),
        (
            json!({"max": 9_007_199_254_740_992_i64}),
            json!(9_007_199_254_740_993_i64),
            false,
            false,
        ),
        (json!("bug*"), json!(["bug", "bugs"]), true, true),
        (json!("bug*"), json!(["bug", "feature"]), false, true),
        (json!("bug*"), json!([]), false, false),
        (json!("bug*"), json!([["bug"]]), false, true),
        (json!("bug*"), json!({"a": {"b": "bug"}}), false, true),
        (json!("/admin/*"), json!("/admin/x"), true, true),
        (json!("/admin/*"), json!("admin/x"), false, true),
        (json!("/admin/*"), json!("/%61dmin/x"), false, true),
        (json!("admin/*"), json!("/admin/x"), false, true),
    ] {
        assert_eq!(takes(&wanted, &value), (allows, denies), "{wanted} {value}");
    }
}

#[test]
fn a_param_that_is_left_out_is_not_as_it_must_be() {
    for wanted in [json!("*"), json!(null), json!({"min": 0})] {
        let constraint = Constraint::parse("p", &wanted).unwrap();
        for purpose in [Purpose::Allow, Purpose::Deny] {
            assert!(!constraint.is_met(&Map::new(), purpose), "{wanted}");
        }
    }
}

#[test]
fn what_can_not_be_meant_is_refused_with_words() {
    for (wanted, says) in [
        (json!({}), "needs min, max or both"),
        (json!({"maximum": 1}), "has the field \"maximum\""),
        (json!({"max": "1"}), "has a max that is no number"),
        (
            json!({"min": 2, "max": 1}),
            "has a max of 1, below its min of 2",
        ),
        (json!([]), "lists no value"),
        (json!([["a"]]), "lists something else"),
    ] {
        let fault = Constraint::parse("p", &wanted).unwrap_err().to_string();
        assert!(fault.contains(says), "{wanted}: {fault}");
        assert!(fault.contains("\"p\""), "{fault}");
    }
}
