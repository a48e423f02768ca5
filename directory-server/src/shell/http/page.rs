//! `/`: what `directory-server status` prints, for a browser. No script, nothing to click but the metrics, no user.

use super::reply::Reply;
use crate::shell::admin::Status;
use crate::shell::node::Node;

/// The browser takes this style sheet and nothing else; the digest is that of [`STYLE`], which a test compares.
const POLICY: &str = "default-src 'none'; style-src 'sha256-yR2RqrshBNmncpyKVIT3Ohouy3jDqXG69zIl1lLicz0='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
body{max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.25rem}";

/// The page.
pub(super) async fn page(node: &Node, status_text: fn(&Status) -> String, metrics: bool) -> Reply {
    match Status::of(node).await {
        Ok(status) => Reply::page(POLICY, written(&status_text(&status), metrics)),
        Err(error) => {
            tracing::warn!(%error, "no status page");
            Reply::unavailable("the store does not answer")
        }
    }
}

fn written(status_text: &str, metrics: bool) -> String {
    let lines: String = status_text.lines().map(|line| format!("<p>{}</p>\n", escaped(line))).collect();
    let more = if metrics { "<p><a href=\"/metrics\">Metrics</a></p>\n" } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Directory server</title>\n<style>{STYLE}</style>\n<h1>Directory server</h1>\n{lines}{more}"
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
        let page = written("listening 0.0.0.0:7420 as \"<script>alert('1')</script>\" & more\n", true);
        assert!(
            page.contains("as &quot;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; &amp; more</p>"),
            "{page}"
        );
        assert!(!page.contains("<script") && page.contains("href=\"/metrics\""));
        assert!(!written("up", false).contains("href"));
    }
}
