//! daemon.yaml: any text is settings within their limits, or an error that
//! says where.

use std::path::Path;

use axisd::config::Config;

/// Bytes: the file.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Config::parse(text, Path::new("daemon.yaml")) {
        Ok(config) => {
            let timeout = config.limits.call_timeout().as_secs();
            assert!((1..=3600).contains(&timeout), "{timeout} s for a call");
            let again = Config::parse(text, Path::new("daemon.yaml"));
            assert!(again.is_ok_and(|again| format!("{again:?}") == format!("{config:?}")));
        }
        Err(error) => assert!(error.to_string().contains("daemon.yaml"), "{error}"),
    }
}
