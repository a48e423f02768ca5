//! `/`: what `directory-server status` prints and what happened in the last hour, for a browser that is left open. No
//! script, nothing to click but the metrics, no user.

use directory_core::relay::RelayMode;

use super::plot::{Plot, plot};
use super::reply::Reply;
use crate::shell::admin::Status;
use crate::shell::node::Node;

/// The browser takes this style sheet and nothing else; the digest is that of [`STYLE`], which a test compares. Plots are
/// drawn by attributes, which no policy forbids.
const POLICY: &str = "default-src 'none'; style-src 'sha256-oWdttV5hFn9OX4SlKyr2YOdvDdK13PbaMSXBwBLIi58='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
body{max-width:72rem;margin:1.5rem auto;padding:0 1rem}\
h1,h2{font-size:1.25rem;margin:1rem 0 .5rem}\
ul{list-style:none;margin:0;padding:0;display:grid;gap:.25rem 1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr))}\
li{overflow-wrap:anywhere}\
section{display:grid;align-items:end;gap:1.25rem 2rem;margin:1.5rem 0;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))}\
figure{margin:0}\
strong{font-size:1.5rem;font-variant-numeric:tabular-nums}\
small{display:block;font-size:.875rem;font-weight:normal;opacity:.8}\
svg{display:block}";
/// Seconds until a browser asks again. Chosen arbitrarily: soon enough for who watches, and no load.
const AGAIN: u64 = 30;

/// The page.
pub(super) async fn page(node: &Node, status_text: fn(&Status) -> String, metrics: bool) -> Reply {
    match Status::of(node).await {
        Ok(status) => Reply::page(POLICY, written(&status_text(&status), &plots(node), metrics)),
        Err(error) => {
            tracing::warn!(%error, "no status page");
            Reply::unavailable("the store does not answer")
        }
    }
}

/// What happened in the last hour; of a relay only where there is one.
fn plots(node: &Node) -> Vec<Plot> {
    let now = node.clock.now();
    let logins = node.directory.login_stats().by_minute(now);
    let passed = node.last_hour.by_minute(now);
    let mut plots = vec![
        Plot { name: "logins", minutes: logins.map(|(granted, _)| granted) },
        Plot { name: "refused logins", minutes: logins.map(|(_, refused)| refused) },
        Plot { name: "messages stored", minutes: passed.map(|passed| passed.stored) },
        Plot { name: "items of mail delivered", minutes: passed.map(|passed| passed.delivered) },
    ];
    if node.directory.policy().relay != RelayMode::Off {
        plots.push(Plot { name: "links relayed", minutes: passed.map(|passed| passed.relayed) });
    }
    plots
}

fn written(status_text: &str, plots: &[Plot], metrics: bool) -> String {
    let figures = status_text.lines().flat_map(|line| line.split(" · "));
    let figures: String = figures.map(|figure| format!("<li>{}</li>\n", escaped(figure))).collect();
    let plots: String = plots.iter().map(plot).collect();
    let more = if metrics { "<p><a href=\"/metrics\">Metrics</a></p>\n" } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{AGAIN}\">\n\
         <title>Directory server</title>\n<style>{STYLE}</style>\n<h1>Directory server</h1>\n\
         <ul>\n{figures}</ul>\n<h2>The last hour<small>a bar for each minute, now on the right</small></h2>\n<section>\n{plots}</section>\n\
         <p>This page is renewed every {AGAIN} seconds.</p>\n{more}"
    )
}

/// Text that a browser shows as it is.
fn escaped(text: &str) -> String {
    let entity = |c: char| match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '"' => "&quot;".into(),
        '\'' => "&#39;".into(),
        c => c.to_string(),
    };
    text.chars().map(entity).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_this_style_sheet() {
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("style-src 'sha256-{digest}';")), "{digest}");
    }

    #[test]
    fn what_an_administrator_named_cannot_become_markup() {
        let page = written("listening 0.0.0.0:7420 as \"<script>alert('1')</script>\" & more · up\n", &[], true);
        assert!(
            page.contains(
                "as &quot;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; &amp; more</li>\n<li>up</li>"
            ),
            "{page}"
        );
        assert!(!page.contains("<script") && page.contains("href=\"/metrics\""));
        assert!(!written("up", &[], false).contains("href"));
    }
}
