//! Calls, denials, errors and waiting calls over time: stacked bars, drawn by the
//! server.
//!
//! The drawing is stretched to the page's width and never in height, so one unit
//! of it is one pixel high.

use axis_proto::v1::TimeStats;
use jiff::Timestamp;
use maud::{Markup, html};

use super::link;
use super::range::Range;
use crate::dashboard::words::{count, counted};

/// The height of the drawing, and of a bar that reaches the top line, in tenths
/// of a pixel.
const HEIGHT: u64 = 1_600;
const TOP: u64 = 1_540;
/// What is there at all is seen.
const LEAST: u64 = 20;
/// A step's width and its bar's, in units that are stretched.
const STEP: usize = 10;
const BAR: usize = 8;

/// One step of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bar {
    start_ms: i64,
    calls: u64,
    denied: u64,
    errors: u64,
    asked: u64,
}

impl Bar {
    /// Calls that ended well.
    fn went_out(&self) -> u64 {
        let others = [self.denied, self.errors, self.asked];
        others.into_iter().fold(self.calls, u64::saturating_sub)
    }

    // a line may have been edited, and then say anything
    fn add(&mut self, time: &TimeStats) {
        self.calls = self.calls.saturating_add(time.calls);
        self.denied = self.denied.saturating_add(time.denied);
        self.errors = self.errors.saturating_add(time.errors);
        self.asked = self.asked.saturating_add(time.asked);
    }
}

/// The bars of `range`, and the same as a table.
pub fn chart(range: Range, since_ms: i64, times: &[TimeStats]) -> Markup {
    let bars = bars(range, since_ms, times);
    let most = bars.iter().map(|bar| bar.calls).max().unwrap_or_default();
    let top = line_above(most);
    let sum = |of: fn(&Bar) -> u64| bars.iter().map(of).fold(0, u64::saturating_add);
    let (calls, denied, errors, asked) = (
        sum(|bar| bar.calls),
        sum(|bar| bar.denied),
        sum(|bar| bar.errors),
        sum(|bar| bar.asked),
    );
    html! {
        div.ov-chart {
            div.ov-y aria-hidden="true" {
                span { (count(top)) } span { (count(top / 2)) } span { "0" }
            }
            svg role="img" aria-labelledby="ov-chart-title ov-chart-desc" preserveAspectRatio="none"
                viewBox={ "0 0 " (range.steps * STEP) " " (HEIGHT / 10) } {
                title #ov-chart-title { "Calls over the last " (range.name) }
                desc #ov-chart-desc {
                    (counted(calls, "call", "calls")) ", " (count(denied)) " denied, "
                    (counted(errors, "error", "errors")) ", " (count(asked))
                    " waited for you; at most " (count(most))
                    " in " (step_words(range)) ". The table below has every number."
                }
                defs {
                    pattern #ov-stripes width="10" height="4" patternUnits="userSpaceOnUse" {
                        rect.ov-stripe width="10" height="2" {}
                    }
                    // two stripes in each bar
                    pattern #ov-upright x="1" width="5" height="4" patternUnits="userSpaceOnUse" {
                        rect.ov-upright width="2.5" height="4" {}
                    }
                }
                line.ov-line x1="0" x2=(range.steps * STEP) y1=(tenths(HEIGHT - TOP)) y2=(tenths(HEIGHT - TOP)) {}
                line.ov-line x1="0" x2=(range.steps * STEP) y1=(tenths(HEIGHT - TOP / 2)) y2=(tenths(HEIGHT - TOP / 2)) {}
                @for (at, bar) in bars.iter().enumerate() { (drawn(at, bar, range, top)) }
            }
            div.{ "ov-x ov-x" (range.steps / range.label_every) } {
                @for bar in bars.iter().step_by(range.label_every) {
                    span { (labelled(bar.start_ms, range)) }
                }
            }
        }
        p.ov-legend {
            span { span.ov-key.ov-allowed aria-hidden="true" {} "went out" }
            span { span.ov-key.ov-asked aria-hidden="true" {} "waited for you (upright stripes)" }
            span { span.ov-key.ov-errors aria-hidden="true" {} "error (striped)" }
            span { span.ov-key.ov-denied aria-hidden="true" {} "denied (solid, at the foot)" }
            span.faint { "one bar is " (step_words(range)) }
        }
        details #ov-times {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="region" aria-label="Calls over time" {
                table {
                    thead { tr {
                        th scope="col" { "From" }
                        th.number scope="col" { "Calls" } th.number scope="col" { "Denied" }
                        th.number scope="col" { "Errors" } th.number scope="col" { "Waited for you" }
                        th scope="col" { "Lines" }
                    } }
                    tbody {
                        @for bar in bars.iter().rev().filter(|bar| bar.calls > 0) {
                            tr {
                                th scope="row" { (moment_of(bar.start_ms)) }
                                td.number { (count(bar.calls)) } td.number { (count(bar.denied)) }
                                td.number { (count(bar.errors)) } td.number { (count(bar.asked)) }
                                td { a href=(link::calls(&[
                                    ("from", &rfc3339(bar.start_ms)),
                                    ("to", &rfc3339(bar.start_ms.saturating_add(range.step_ms))),
                                ])) { "show" span.ov-hidden { " those of " (rfc3339(bar.start_ms)) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn bars(range: Range, since_ms: i64, times: &[TimeStats]) -> Vec<Bar> {
    let mut bars: Vec<Bar> =
        std::iter::successors(Some(since_ms), |start| start.checked_add(range.step_ms))
            .take(range.steps)
            .map(|start_ms| Bar {
                start_ms,
                ..Bar::default()
            })
            .collect();
    for time in times {
        let at = time
            .start_ms
            .saturating_sub(since_ms)
            .div_euclid(range.step_ms);
        // a call may have ended in a step that has begun since the question
        let bar = usize::try_from(at.max(0)).map(|at| at.min(range.steps - 1));
        if let Some(bar) = bar.ok().and_then(|at| bars.get_mut(at)) {
            bar.add(time);
        }
    }
    bars
}

fn drawn(at: usize, bar: &Bar, range: Range, top: u64) -> Markup {
    let mut foot = HEIGHT;
    let mut part = |number: u64, class: &str| {
        let height = match number {
            0 => return html! {},
            number => (number.saturating_mul(TOP) / top).max(LEAST),
        };
        foot = foot.saturating_sub(height);
        html! {
            rect.{ "ov-" (class) } x=(at * STEP + (STEP - BAR) / 2) width=(BAR)
                y=(tenths(foot)) height=(tenths(height)) {}
        }
    };
    html! {
        @if bar.calls > 0 {
            g.ov-bar data-start=(rfc3339(bar.start_ms)) {
                // the page puts its own time where these words begin
                title {
                    (rfc3339(bar.start_ms)) ", " (step_words(range)) ": "
                    (counted(bar.calls, "call", "calls")) ", " (count(bar.denied)) " denied, "
                    (counted(bar.errors, "error", "errors")) ", " (count(bar.asked)) " waited for you"
                }
                // what is pointed at is as high as the drawing
                rect.ov-touch x=(at * STEP) width=(STEP) y="0" height=(HEIGHT / 10) {}
                (part(bar.denied, "denied")) (part(bar.errors, "errors"))
                (part(bar.asked, "asked")) (part(bar.went_out(), "allowed"))
            }
        }
    }
}

/// The least round and even number that isn't below `most`.
fn line_above(most: u64) -> u64 {
    let mut scale = 1_u64;
    loop {
        for round in [2, 4, 6, 8, 10] {
            let line = scale.saturating_mul(round);
            if line >= most {
                return line;
            }
        }
        scale = scale.saturating_mul(10);
    }
}

/// Tenths as a decimal number.
fn tenths(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn step_words(range: Range) -> &'static str {
    match range.word {
        "1h" => "1 min",
        "24h" => "30 min",
        "7d" => "2 h",
        _ => "12 h",
    }
}

fn rfc3339(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn moment_of(ms: i64) -> Markup {
    crate::dashboard::words::moment(&rfc3339(ms))
}

/// A label that the page turns into the browser's own time.
fn labelled(ms: i64, range: Range) -> Markup {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    html! {
        time datetime=(rfc3339(ms)) data-shape=(range.label) { (time.strftime(range.label)) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::range::RANGES;
    use super::*;

    #[test]
    fn the_top_line_is_round_even_and_above_all() {
        for (most, line) in [
            (0, 2),
            (2, 2),
            (3, 4),
            (5, 6),
            (9, 10),
            (11, 20),
            (40, 40),
            (41, 60),
            (1_234_567, 2_000_000),
        ] {
            assert_eq!(line_above(most), line, "{most}");
        }
        assert_eq!(line_above(u64::MAX), u64::MAX);
    }

    #[test]
    fn each_call_stands_in_its_bar_and_none_is_lost() {
        let range = RANGES[0];
        let time = |start_ms, calls, denied| TimeStats {
            start_ms,
            calls,
            denied,
            ..TimeStats::default()
        };
        let times = [
            time(600_000, 3, 1),
            time(660_000, 2, 0),
            // later than the last bar: it counts there
            time(600_000 + 60 * 60_000, 1, 0),
        ];
        let bars = bars(range, 600_000, &times);
        assert_eq!(bars.len(), 60);
        assert_eq!((bars[0].calls, bars[0].denied), (3, 1));
        assert_eq!(bars[1].calls, 2);
        assert_eq!(bars[59].calls, 1);
        let drawn = chart(range, 600_000, &times).into_string();
        assert!(drawn.contains("3 calls, 1 denied, 0 errors"), "{drawn}");
        assert!(drawn.contains("6 calls, 1 denied"), "{drawn}");
        assert_eq!(drawn.matches("class=\"ov-denied\"").count(), 1);
        // the page puts the browser's time in the place of these words
        let start = "1970-01-01T00:10:00Z";
        let begins = format!("data-start=\"{start}\"><title>{start}, ");
        assert!(drawn.contains(&begins), "{drawn}");
    }

    #[test]
    fn what_waits_for_the_owner_did_not_go_out() {
        let time = TimeStats {
            start_ms: 600_000,
            calls: 5,
            denied: 1,
            errors: 1,
            asked: 3,
        };
        let shown = chart(RANGES[0], 600_000, &[time]).into_string();
        assert!(shown.contains("5 calls, 1 denied, 1 error, 3 waited for you"));
        let drawn = |class: &str| shown.matches(&format!("class=\"{class}\"")).count();
        assert_eq!((drawn("ov-asked"), drawn("ov-allowed")), (1, 0), "{shown}");
        // counts that someone edited
        let edited = || TimeStats {
            start_ms: 600_000,
            calls: u64::MAX,
            denied: u64::MAX,
            errors: u64::MAX,
            asked: u64::MAX,
        };
        let shown = chart(RANGES[0], 600_000, &[edited(), edited()]).into_string();
        assert!(shown.contains("ov-denied"));
    }
}
