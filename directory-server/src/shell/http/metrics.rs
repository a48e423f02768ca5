//! `/metrics`: OpenMetrics text. No user ids, no addresses; a label has a handful of values known beforehand.

use common::limits::Budget;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::reply::Reply;
use crate::shell::backup;
use crate::shell::metrics::Label;
use crate::shell::node::Node;
use directory_core::login_stats::LookupOutcome;
use directory_core::records::Totals;
use directory_core::store::Store as _;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything there is to measure, now.
pub(super) async fn metrics(node: &Node) -> Reply {
    let totals = match node.directory.store.totals().await {
        Ok(totals) => totals,
        Err(error) => {
            tracing::warn!(%error, "no metrics");
            return Reply::unavailable("the store does not answer");
        }
    };
    let mut body = String::new();
    match text::encode(&mut body, &registry(node, totals)) {
        Ok(()) => Reply::of(OPEN_METRICS, body),
        Err(error) => {
            tracing::error!(%error, "no metrics");
            Reply::unavailable("the metrics cannot be written")
        }
    }
}

fn registry(node: &Node, totals: Totals) -> Registry {
    let Totals { users, locked, waiting, waiting_bytes, bytes } = totals;
    let (online, terminals) = node.directory.presence.count();
    let offline = users.saturating_sub(locked).saturating_sub(number(online));
    let users = [("online", number(online)), ("offline", offline), ("locked", locked)];
    let logins = node.directory.login_stats().logins();
    let logins = [("granted", logins.granted), ("refused", logins.refused), ("limited", logins.limited)];
    let lookups =
        [("found", LookupOutcome::Found), ("not_found", LookupOutcome::NotFound), ("limited", LookupOutcome::Limited)];
    let lookups = lookups.map(|(result, lookup)| (result, node.directory.lookups.total(lookup)));
    let now = node.clock.now().seconds();
    // Without a backup it is as old as can be, so that an alarm about old backups is raised for none, too.
    let backup_age = node
        .data_dir
        .as_deref()
        .and_then(backup::last)
        .map_or(f64::INFINITY, |taken| seconds(now.saturating_sub(taken)));

    let mut registry = Registry::with_prefix("dirsrv");
    let version: Label = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The program", Info::new(version));
    registry.register("users", "Registered users by state", gauges("state", users));
    registry.register("sessions", "Terminals logged in", gauge(number(terminals)));
    registry.register("connections", "Connections since the start by result", node.metrics.connections.clone());
    registry.register("login", "Logins since the start by result", counters("result", logins));
    registry.register("lookups", "Lookups since the start by result", counters("result", lookups));
    let refused = Budget::ALL.iter().map(|budget| budget.name()).zip(node.directory.refused());
    let help = "Requests beyond a budget of a user or a source since the start by budget";
    registry.register("refused", help, counters("budget", refused));
    registry.register(
        "relay_links",
        "Links that are relayed, or waited for",
        gauge(number(node.directory.relay.count())),
    );
    registry.register("relay", "Legs and relayed links since the start by result", node.metrics.relayed.clone());
    let help = "Bytes of relayed links that are over, since the start";
    registry.register("relay_bytes", help, node.metrics.relayed_bytes.clone());
    registry.register("queue_messages", "Items that wait in mailboxes", gauge(waiting));
    registry.register("queue_bytes", "Bytes that wait in mailboxes", gauge(waiting_bytes));
    if let Some(requests) = &node.metrics.requests {
        let help = "Time to answer a request by type of message, without the network";
        registry.register("request_seconds", help, requests.clone());
    }
    registry.register("store_bytes", "Size of the database", gauge(bytes));
    let help = "Time until the server's key expires; it is a raw public key, which never does";
    registry.register("cert_expiry_seconds", help, ConstGauge::new(f64::INFINITY));
    registry.register("backup_age_seconds", "Time since the last backup", ConstGauge::new(backup_age));
    registry.register("reload", "Reloads of the configuration since the start by result", node.metrics.reloads.clone());
    registry
}

fn gauge(value: u64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value.try_into().unwrap_or(i64::MAX));
    gauge
}

fn gauges<const N: usize>(label: &'static str, values: [(&'static str, u64); N]) -> Family<Label, Gauge> {
    let family = Family::<Label, Gauge>::default();
    for (name, value) in values {
        family.get_or_create(&[(label, name)]).set(value.try_into().unwrap_or(i64::MAX));
    }
    family
}

fn counters(label: &'static str, values: impl IntoIterator<Item = (&'static str, u64)>) -> Family<Label, Counter> {
    let family = Family::<Label, Counter>::default();
    for (name, count) in values {
        family.get_or_create(&[(label, name)]).inc_by(count);
    }
    family
}

fn number(count: usize) -> u64 {
    count.try_into().unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "exact for a hundred million years")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}
