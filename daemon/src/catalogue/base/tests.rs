use proptest::prelude::*;
use serde_json::json;

use super::super::tests::catalogue;
use super::*;

/// Where `s3.getObject` of these would go.
fn resolved(region: &str, bucket: &str, key: &str) -> Option<(BaseUrl, UpstreamRequest)> {
    let (service, action) = catalogue().resolve("aws", "s3.getObject").unwrap();
    let params = json!({"region": region, "bucket": bucket, "key": key});
    let mut request = action.build(params.to_string().as_bytes(), None).ok()?;
    let base = service.resolve(&mut request).unwrap().into_owned();
    Some((base, request))
}

#[test]
fn a_bucket_stands_before_the_host_unless_its_name_has_dots() {
    for (bucket, url) in [
        (
            "my-bucket",
            "https://my-bucket.s3.eu-west-1.amazonaws.com/a/b%20c",
        ),
        (
            "my.bucket",
            "https://s3.eu-west-1.amazonaws.com/my.bucket/a/b%20c",
        ),
    ] {
        let (base, request) = resolved("eu-west-1", bucket, "a/b c").unwrap();
        assert_eq!(base.join(&request.path_and_query).as_str(), url);
    }
    let (service, action) = catalogue().resolve("aws", "s3.listObjects").unwrap();
    let params = json!({"region": "us-east-1", "bucket": "b-1", "prefix": "a/"});
    let mut request = action.build(params.to_string().as_bytes(), None).unwrap();
    let base = service.resolve(&mut request).unwrap().into_owned();
    assert_eq!(
        base.join(&request.path_and_query).as_str(),
        "https://b-1.s3.us-east-1.amazonaws.com/?list-type=2&prefix=a%2F"
    );
}

#[test]
fn what_is_no_label_is_refused_before_a_host_is_made_of_it() {
    for (region, bucket) in [
        ("eu-west-1.evil.example", "my-bucket"),
        ("evil.example/", "my-bucket"),
        ("evil.example#", "my-bucket"),
        ("eu-west-1@evil", "my-bucket"),
        ("eu-west-1:8080", "my-bucket"),
        ("", "my-bucket"),
        ("EU-WEST-1", "my-bucket"),
        ("eu-west-1", "evil.example/"),
        ("eu-west-1", "x@evil.example"),
        ("eu-west-1", "x/y"),
        ("eu-west-1", "x\\y"),
        ("eu-west-1", "a..b"),
        ("eu-west-1", "-ab"),
        ("eu-west-1", "ab"),
        ("eu-west-1", "xn--\u{fc}"),
    ] {
        let made = resolved(region, bucket, "k");
        assert!(made.is_none(), "{region:?} {bucket:?}");
    }
}

#[test]
fn only_labels_before_the_domain_have_places() {
    let parse = |text: &str| BaseTemplate::try_from(text.to_owned());
    for good in [
        "https://api.example.com/v1/",
        "http://127.0.0.1:8080",
        "https://{tenant}.example.com",
        "https://a.{b}.{c}.example.com/v1",
    ] {
        assert_eq!(parse(good).unwrap().as_str(), good.trim_end_matches('/'));
    }
    for bad in [
        "http://{x}.example.com",
        "https://{x}.com",
        "https://example.{x}",
        "https://{x}",
        "https://a{x}.example.com",
        "https://{x}.example.com.",
        "https://{x}@example.com",
        "https://example.com/{x}",
        "https://*.example.com",
        "ftp://example.com",
    ] {
        let parsed = parse(bad).map(|template| template.places().count());
        // what is no place in the host is a character like any other
        assert!(
            parsed.is_err() || bad.ends_with("/{x}"),
            "{bad}: {parsed:?}"
        );
    }
}

proptest! {
    /// Whatever the params, a request of S3 goes to S3.
    #[test]
    fn no_params_lead_a_request_elsewhere(
        region in prop_oneof!["[a-z]{2}-[a-z]{4,9}-[0-9]", "[a-z0-9.@:/#?\\\\%*-]{1,24}", ".{0,12}"],
        bucket in prop_oneof!["[a-z0-9.-]{3,63}", "[a-zA-Z0-9.@:/#?\\\\%*_-]{1,40}", ".{0,12}"],
        key in prop_oneof!["[a-z./]{1,20}", ".{0,20}"],
    ) {
        let Some((base, request)) = resolved(&region, &bucket, &key) else {
            return Ok(());
        };
        let url = base.join(&request.path_and_query);
        let at_s3 = format!("s3.{region}.amazonaws.com");
        let (host, in_path) = if is_label(&bucket) {
            (format!("{bucket}.{at_s3}"), 0)
        } else {
            (at_s3, 1)
        };
        prop_assert_eq!(url.scheme(), "https");
        prop_assert_eq!(url.host_str(), Some(host.as_str()));
        prop_assert_eq!(url.port(), None);
        prop_assert_eq!(url.username(), "");
        let service = catalogue().service("aws").unwrap();
        let is_covered = service.hosts().iter().any(|sealed| sealed.covers(base.host()));
        prop_assert!(is_covered, "{} is not sealed", base.host());
        let segments = url.path_segments().unwrap().count();
        prop_assert_eq!(segments, key.split('/').count() + in_path);
        prop_assert_eq!(url.query(), None);
    }
}
