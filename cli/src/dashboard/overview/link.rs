//! Ways from here to the lines behind a number.

use url::form_urlencoded::Serializer;

/// The page of the audit log with the calls that these filters take. What was
/// asked of the owner, and what the owner did, is in no number of calls.
pub fn calls(filters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(filters.iter().filter(|(_, value)| !value.is_empty()));
    query.append_pair("events", "calls");
    format!("/activity?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_call_themselves_stays_one_value() {
        let link = calls(&[
            ("identity", "a&service=b#\"<"),
            ("q", ""),
            ("service", "x y"),
        ]);
        assert_eq!(
            link,
            "/activity?identity=a%26service%3Db%23%22%3C&service=x+y&events=calls"
        );
        assert_eq!(calls(&[]), "/activity?events=calls");
    }
}
