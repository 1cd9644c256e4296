//! One spelling for params that mean the same: fields in the order of their
//! names, strings with the fewest escapes, no white space. Numbers keep their
//! digits, since that is how they go out.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::params::params_object;

/// `params` in their one spelling; none where they make no request.
pub fn canonical_params(params: &[u8]) -> Option<Vec<u8>> {
    // says no to names that stand twice, to depth and to half characters
    params_object(params)?;
    let mut written = Vec::with_capacity(params.len());
    write(serde_json::from_slice(params).ok()?, &mut written)?;
    Some(written)
}

fn write(value: &RawValue, to: &mut Vec<u8>) -> Option<()> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'{' => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            to.push(b'{');
            for (number, (name, value)) in fields.into_iter().enumerate() {
                if number > 0 {
                    to.push(b',');
                }
                serde_json::to_writer(&mut *to, &name).ok()?;
                to.push(b':');
                write(value, to)?;
            }
            to.push(b'}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            to.push(b'[');
            for (number, item) in items.into_iter().enumerate() {
                if number > 0 {
                    to.push(b',');
                }
                write(item, to)?;
            }
            to.push(b']');
        }
        b'"' => {
            let text: String = serde_json::from_str(text).ok()?;
            serde_json::to_writer(&mut *to, &text).ok()?;
        }
        _ => to.extend_from_slice(text.as_bytes()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(params: &str) -> Option<String> {
        canonical_params(params.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn what_means_the_same_is_spelled_the_same() {
        let one = canonical(r#"{"b":[1, {"y":true,"x":null}],"a":"\u00e9\/"}"#);
        let other = canonical("{ \"a\" : \"é/\",\n\"b\":[1,{\"x\":null,\"y\":true}] }");
        assert_eq!(one, other);
        assert_eq!(one.unwrap(), r#"{"a":"é/","b":[1,{"x":null,"y":true}]}"#);
    }

    #[test]
    fn what_differs_on_the_wire_differs_here() {
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":1.0}"#),
            (r#"{"a":0.1}"#, r#"{"a":0.10000000000000000001}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":"1"}"#, r#"{"a":1}"#),
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":"x"}"#, r#"{"A":"x"}"#),
        ] {
            assert_ne!(canonical(one).unwrap(), canonical(other).unwrap());
        }
    }

    #[test]
    fn what_makes_no_request_has_no_spelling() {
        for params in ["", "[]", "{", r#"{"a":1,"a":2}"#, r#"{"a":"\ud800"}"#] {
            assert_eq!(canonical(params), None, "{params}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(70), "]".repeat(70));
        assert_eq!(canonical(&deep), None);
    }
}
