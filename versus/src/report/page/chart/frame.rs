//! What every plot has around it.

use maud::{Markup, html};

use super::{Chart, WIDTH, palette, px, text_width};

/// From the side to the text.
const MARGIN: f64 = 10.0;
const LEGEND_LINE: f64 = 18.0;

/// Where the plot proper begins.
pub fn top(chart: &Chart) -> f64 {
    if chart.subtitle.is_empty() {
        32.0
    } else {
        48.0
    }
}

/// Title and subtitle.
pub fn heading(chart: &Chart) -> Markup {
    html! {
        text class="title" x=(MARGIN) y="20" { (chart.title) }
        @if !chart.subtitle.is_empty() {
            text x=(MARGIN) y="36" { (chart.subtitle) }
        }
    }
}

/// The peers with their line and marker, in as many lines as they need; and where it ends.
pub fn legend(peers: &[&str], top: f64) -> (Markup, f64) {
    let (mut x, mut y) = (MARGIN, top + LEGEND_LINE / 2.0);
    let mut places = Vec::with_capacity(peers.len());
    for &peer in peers {
        let width = 32.0 + text_width(peer) + 10.0;
        if x + width > WIDTH && x > MARGIN {
            (x, y) = (MARGIN, y + LEGEND_LINE);
        }
        places.push((peer, x, y));
        x += width;
    }
    let markup = html! {
        @for (peer, x, y) in places {
            @let look = palette::of(peer);
            g class=(look.class) {
                path class="line" stroke-dasharray=[dash(look.dash)]
                    d={ "M" (px(x)) " " (px(y)) "h26" } {}
                (look.mark(x + 13.0, y, None))
            }
            text x=(px(x + 31.0)) y=(px(y + 4.0)) { (peer) }
        }
    };
    (markup, y + LEGEND_LINE)
}

/// An attribute for what is not solid.
pub fn dash(pattern: &str) -> Option<&str> {
    (!pattern.is_empty()).then_some(pattern)
}
