//! How long calls took, by service: half of them and 99 %.

use axis_proto::v1::CallStats;
use maud::{Markup, html};

use super::link;
use crate::dashboard::words::{count, counted, said};

/// So many services are shown.
const MOST: usize = 12;

/// A bar a service, on one scale that grows tenfold from line to line.
pub fn latency(services: &[CallStats], since: &str) -> Markup {
    let mut timed: Vec<(&CallStats, u64, u64)> = services
        .iter()
        .filter_map(|service| Some((service, service.p50_ms?, service.p99_ms?)))
        .collect();
    timed.sort_by_key(|(service, ..)| std::cmp::Reverse(service.calls));
    let left_out = timed.len().saturating_sub(MOST);
    timed.truncate(MOST);
    let most = timed.iter().map(|(_, _, p99)| *p99).max();
    let most = decade_above(most.unwrap_or_default());
    html! {
        @if timed.is_empty() {
            p.faint { "No call went out in that time." }
        } @else {
            table.ov-latency {
                thead { tr {
                    th scope="col" { "Service" }
                    th.ov-scale scope="col" {
                        span.ov-ends {
                            span { "0" } span { "half within, then 99 %" } span { (ms(most)) }
                        }
                    }
                    th.number scope="col" { "p50" } th.number scope="col" { "p99" }
                } }
                tbody { @for (service, p50, p99) in &timed { tr {
                    th scope="row" {
                        a href=(link::calls(&[("service", &service.service), ("from", since)])) { (said(&service.service)) }
                    }
                    td { (bar(*p50, *p99, most)) }
                    td.number { (ms(*p50)) } td.number { (ms(*p99)) }
                } } }
            }
            @if left_out > 0 { p.faint { (counted(left_out as u64, "more service", "more services")) " with no more calls." } }
        }
    }
}

/// The numbers beside it say the same to those who don't see it.
fn bar(p50: u64, p99: u64, most: u64) -> Markup {
    let at = |ms| format!("{:.1}", share(ms, most) * 100.0);
    let rest = (share(p99, most) - share(p50, most)).max(0.0) * 100.0;
    html! {
        svg.ov-bars viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true" {
            @for decade in decades(most) {
                line.ov-line x1=(at(decade)) x2=(at(decade)) y1="0" y2="14" {}
            }
            rect.ov-half x="0" y="2" height="10" width=(at(p50)) {}
            rect.ov-rest x=(at(p50)) y="5" height="4" width=(format!("{rest:.1}")) {}
            rect.ov-end x=(format!("{:.1}", (share(p99, most) * 100.0 - 0.6).max(0.0))) y="2" height="10" width="0.6" {}
        }
    }
}

/// Where `ms` stands between nothing and `most`.
fn share(ms: u64, most: u64) -> f64 {
    let log = |ms: u64| f64::from(u32::try_from(ms).unwrap_or(u32::MAX)).ln_1p();
    log(ms) / log(most.max(1))
}

/// The least power of ten from 10 on that isn't below `most`.
fn decade_above(most: u64) -> u64 {
    let mut decade = 10_u64;
    while decade < most {
        decade = decade.saturating_mul(10);
    }
    decade
}

fn decades(most: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(1_u64), |decade| decade.checked_mul(10))
        .take_while(move |decade| *decade < most)
}

/// `340 ms`, `1.25 s`.
pub fn ms(ms: u64) -> String {
    match ms {
        ..1_000 => format!("{ms}\u{202f}ms"),
        1_000..10_000 => format!("{}.{:02}\u{202f}s", ms / 1_000, ms % 1_000 / 10),
        _ => format!("{}\u{202f}s", count(ms / 1_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_shares_stay_in_the_bar() {
        assert_eq!(ms(999), "999\u{202f}ms");
        assert_eq!(ms(1_250), "1.25\u{202f}s");
        assert_eq!(ms(62_000), "62\u{202f}s");
        assert_eq!(decade_above(0), 10);
        assert_eq!(decade_above(11), 100);
        for (ms, most) in [(0, 10), (10, 10), (3, 100), (u64::MAX, u64::MAX)] {
            let share = share(ms, most);
            assert!((0.0..=1.0).contains(&share), "{ms} of {most}: {share}");
        }
        assert!(share(9, 100) > share(8, 100));
    }
}
