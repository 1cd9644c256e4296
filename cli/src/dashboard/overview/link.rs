//! Ways from here to the lines behind a number.

use url::form_urlencoded::Serializer;

/// The page of the audit log with these filters.
pub fn activity(filters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(filters.iter().filter(|(_, value)| !value.is_empty()));
    match query.finish() {
        query if query.is_empty() => "/activity".to_owned(),
        query => format!("/activity?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_call_themselves_stays_one_value() {
        let link = activity(&[
            ("identity", "a&service=b#\"<"),
            ("q", ""),
            ("service", "x y"),
        ]);
        assert_eq!(
            link,
            "/activity?identity=a%26service%3Db%23%22%3C&service=x+y"
        );
        assert_eq!(activity(&[]), "/activity");
    }
}
