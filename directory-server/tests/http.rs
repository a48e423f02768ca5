//! The status page and the metrics of a running server, over plain sockets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;

use common::msg::{ByeReason, LookupStatus};
use common::testkit::Example;
use rustix::process::Signal;
use serde_json::Value;
use support::process::{Server, bye, command, log_in, register, run, stdout};
use support::user;

/// A server with a status page, and where that is.
fn start(data_dir: &Path, more: &[(&str, &str)]) -> (Server, SocketAddr) {
    let mut serve = command(data_dir, &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("DIRSRV_HTTP__LISTEN", "127.0.0.1:0").envs(more.iter().copied()).stderr(Stdio::null());
    let server = Server::start_logging(&mut serve);
    let line = server.greeting.iter().find_map(|line| line.strip_prefix("Status page and metrics at http://"));
    let address = line.unwrap().strip_suffix("/ (this machine only).").unwrap().parse().unwrap();
    (server, address)
}

/// What the server answers to these bytes before it closes.
fn try_send(address: SocketAddr, request: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).map(|_| reply)
}

fn send(address: SocketAddr, request: &[u8]) -> String {
    try_send(address, request).unwrap()
}

fn get(address: SocketAddr, path: &str) -> String {
    send(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
}

fn body(reply: &str) -> &str {
    reply.split_once("\r\n\r\n").unwrap().1
}

/// The value of one metric, named with its labels.
fn value(metrics: &str, name: &str) -> f64 {
    let of = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    metrics.lines().find_map(of).unwrap_or_else(|| panic!("{name} is not in {metrics}"))
}

#[test]
fn a_server_says_whether_it_is_alive_and_ready_and_shows_its_status() {
    let dir = tempfile::tempdir().unwrap();
    let (server, http) = start(dir.path(), &[]);
    register(&server, Example::Ali);
    let _ali = log_in(&server, Example::Ali);
    assert!(get(http, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(get(http, "/readyz").starts_with("HTTP/1.1 200 OK\r\n"));
    let page = get(http, "/?fresh");
    for header in [
        "Content-Type: text/html; charset=utf-8\r\n",
        "Content-Security-Policy: default-src 'none'; style-src 'sha256-",
        "X-Content-Type-Options: nosniff\r\n",
        "Cache-Control: no-store\r\n",
        "Connection: close\r\n",
    ] {
        assert!(page.contains(header), "{header} is not in {page}");
    }
    let status = stdout(dir.path(), &["status"]);
    for figure in status.lines().nth(1).unwrap().split(" · ").chain(["1 user, 1 online", "1 logins/h, 0 refused"]) {
        assert!(body(&page).contains(&format!("<li>{figure}</li>")), "{figure} is not in {page}");
    }
    assert!(body(&page).contains("<meta http-equiv=\"refresh\" content=\"30\">"), "{page}");
    for count in
        ["1</strong> logins<small>at most 1 in one minute", "0</strong> refused logins", "0</strong> messages stored"]
    {
        assert!(body(&page).contains(&format!("<strong>{count}")), "{count} is not in {page}");
    }
    assert!(body(&page).contains("M236 40v-40h3v40z"), "the last minute has a bar: {page}");
    let shown = body(&page).split_once("</style>").unwrap().1;
    assert!(!shown.contains("ali") && !page.contains("<script") && !page.contains("style="), "{page}");
    let length = format!("Content-Length: {}\r\n", body(&page).len());
    assert!(page.contains(&length));
    let head = send(http, b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 6\r\n"));
    assert_eq!(body(&head), "");
    let checked = stdout(dir.path(), &["check"]);
    assert!(checked.contains("ok    configuration"), "{checked}");
}

#[test]
fn what_happens_is_counted_and_no_user_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (server, http) = start(dir.path(), &[]);
    register(&server, Example::Ali);
    let metrics = || {
        let reply = get(http, "/metrics");
        let kind = "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
        assert!(reply.contains(kind) && reply.ends_with("\n# EOF\n"), "{reply}");
        body(&reply).to_owned()
    };
    let before = metrics();
    assert_eq!(value(&before, "dirsrv_build_info{version=\"0.1.0\"}"), 1.0);
    assert_eq!(value(&before, "dirsrv_users{state=\"offline\"}"), 1.0);
    assert_eq!(value(&before, "dirsrv_login_total{result=\"granted\"}"), 0.0);
    assert_eq!(value(&before, "dirsrv_sessions"), 0.0);
    assert_eq!(value(&before, "dirsrv_backup_age_seconds"), f64::INFINITY);

    let mut ali = log_in(&server, Example::Ali);
    assert_eq!(ali.lookup(&user("ali"), &user("ali")).unwrap().status, LookupStatus::Success);
    assert_eq!(ali.lookup(&user("ali"), &user("bianca")).unwrap().status, LookupStatus::NotFound);
    stdout(dir.path(), &["backup", dir.path().join("copy").to_str().unwrap()]);
    server.signal(Signal::HUP);
    while value(&metrics(), "dirsrv_reload_total{result=\"done\"}") < 1.0 {
        std::thread::yield_now();
    }
    let after = metrics();
    for (name, expected) in [
        ("dirsrv_users{state=\"online\"}", 1.0),
        ("dirsrv_users{state=\"offline\"}", 0.0),
        ("dirsrv_sessions", 1.0),
        ("dirsrv_login_total{result=\"granted\"}", 1.0),
        ("dirsrv_login_total{result=\"refused\"}", 0.0),
        ("dirsrv_lookups_total{result=\"found\"}", 1.0),
        ("dirsrv_lookups_total{result=\"not_found\"}", 1.0),
        ("dirsrv_request_seconds_count{op=\"LOOKUPREQ\"}", 2.0),
        ("dirsrv_request_seconds_count{op=\"ANNOUNCE\"}", 1.0),
        ("dirsrv_queue_messages", 0.0),
        ("dirsrv_queue_bytes", 0.0),
        ("dirsrv_reload_total{result=\"failed\"}", 0.0),
    ] {
        assert_eq!(value(&after, name), expected, "{name}");
    }
    assert!(value(&after, "dirsrv_connections_total{result=\"accepted\"}") >= 2.0);
    assert!(value(&after, "dirsrv_store_bytes") > 0.0);
    assert!(value(&after, "dirsrv_backup_age_seconds") < 600.0);
    assert!(!after.contains("ali") && !after.contains("127.0.0."), "{after}");
    stdout(dir.path(), &["user", "lock", "ali"]);
    assert_eq!(value(&metrics(), "dirsrv_users{state=\"locked\"}"), 1.0);
}

/// Every value of this key, at any depth.
fn all<'a>(key: &str, value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| {
            if name == key {
                found.push(inner);
            }
            all(key, inner, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| all(key, item, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_and_its_alerts_ask_for_what_there_is() {
    let dashboard: Value = serde_json::from_str(include_str!("../packaging/grafana.json")).unwrap();
    assert_eq!(dashboard["panels"].as_array().map(Vec::len), Some(8));
    assert_eq!(dashboard["groups"][0]["rules"].as_array().map(Vec::len), Some(5));
    let mut queries = Vec::new();
    all("expr", &dashboard, &mut queries);
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = queries.iter().flat_map(|query| query.as_str().unwrap().split(|c| !name(c)));
    let wanted: BTreeSet<_> = words.filter(|word| word.starts_with("dirsrv_")).collect();
    assert!(queries.len() >= 8 + 5 && wanted.len() >= 12, "{wanted:?}");

    let dir = tempfile::tempdir().unwrap();
    let (server, http) = start(dir.path(), &[]);
    register(&server, Example::Ali);
    let metrics = get(http, "/metrics");
    let there: BTreeSet<_> = body(&metrics).lines().filter_map(|line| line.split(|c| !name(c)).next()).collect();
    assert_eq!(wanted.difference(&there).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn junk_long_heads_and_attempts_to_change_something_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, http) = start(dir.path(), &[]);
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n", "x".repeat(5000));
    for (request, status) in [
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", "400"),
        ("quit\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\0: x\r\n\r\n", "400"),
        ("GET /etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /../healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody", "405"),
        ("DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
        ("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "421"),
        (&long, "431"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
    ] {
        let reply = send(http, request.as_bytes());
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {reply}");
        assert_eq!(reply.contains("Allow: GET, HEAD\r\n"), status == "405");
    }
    let mut quiet = TcpStream::connect(http).unwrap();
    quiet.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    quiet.shutdown(Shutdown::Write).unwrap();
    assert_eq!(quiet.read(&mut [0]).unwrap(), 0, "half a request has no answer");
    assert!(get(http, "/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_few_connections_are_held_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, http) = start(dir.path(), &[]);
    let held: Vec<_> = (0..16).map(|_| TcpStream::connect(http).unwrap()).collect();
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // Closed at once, without an answer; a reset says the same.
    match try_send(http, request) {
        Ok(reply) => assert_eq!(reply, ""),
        Err(error) => assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}"),
    }
    drop(held);
    // As soon as the server has noticed that they are gone.
    while !try_send(http, request).is_ok_and(|reply| reply.starts_with("HTTP/1.1 200")) {}
}

#[test]
fn each_part_can_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (server, http) = start(dir.path(), &[("DIRSRV_HTTP__METRICS", "false")]);
    assert!(get(http, "/metrics").starts_with("HTTP/1.1 404 "));
    assert!(!get(http, "/").contains("/metrics"));
    drop(server);
    let (_server, http) = start(dir.path(), &[("DIRSRV_HTTP__PAGE", "false")]);
    assert!(get(http, "/metrics").starts_with("HTTP/1.1 200 "));
    assert!(get(http, "/").starts_with("HTTP/1.1 404 "));
}

#[test]
fn other_machines_are_never_let_in() {
    let dir = tempfile::tempdir().unwrap();
    drop(Server::start(dir.path()));
    for address in ["0.0.0.0:7421", "[::]:7421", "192.0.2.7:7421"] {
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["config", "check"], &["check"]] {
            let refused = command(dir.path(), arguments).env("DIRSRV_HTTP__LISTEN", address).output().unwrap();
            assert_eq!(refused.status.code(), Some(11), "{arguments:?}");
            let text = String::from_utf8_lossy(&refused.stderr) + String::from_utf8_lossy(&refused.stdout);
            assert!(text.contains("such as 127.0.0.1:7421"), "{text}");
        }
    }
    let nonsense = command(dir.path(), &["config", "check"]).env("DIRSRV_HTTP__LISTEN", "here").output().unwrap();
    assert_eq!(nonsense.status.code(), Some(11));
}

#[test]
fn a_server_that_is_stopping_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, http) = start(dir.path(), &[]);
    register(&server, Example::Ali);
    let mut ali = log_in(&server, Example::Ali);
    // The end of a session is written down; until it is, the server does not leave.
    let database = rusqlite::Connection::open(dir.path().join("directory.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    server.signal(Signal::TERM);
    assert_eq!(bye(&mut ali), ByeReason::Stopping);
    let readiness = get(http, "/readyz");
    assert!(readiness.starts_with("HTTP/1.1 503 ") && readiness.ends_with("\r\n\r\nstopping\n"), "{readiness}");
    assert!(get(http, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(http, "/metrics").starts_with("HTTP/1.1 200"));
    drop(database);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_check_asks_the_status_page_of_a_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let (server, http) = start(dir.path(), &[]);
    let check = |address: &str| {
        let checked = command(dir.path(), &["check"]).env("DIRSRV_HTTP__LISTEN", address).output().unwrap();
        (checked.status.code(), String::from_utf8(checked.stdout).unwrap())
    };
    let (code, text) = check(&http.to_string());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("ok    status page and metrics at http://{http}/\n")), "{text}");
    let (code, text) = check("127.0.0.1:1");
    assert_eq!(code, Some(11));
    assert!(text.contains("FAIL  status page: the server does not answer at http://127.0.0.1:1/."), "{text}");
    drop(server);
    let (code, text) = check("127.0.0.1:1");
    assert_eq!(code, Some(0));
    assert!(text.contains("ok    status page and metrics, when it runs at http://127.0.0.1:1/"), "{text}");
    assert_eq!(run(dir.path(), &["check"]).status.code(), Some(0));
}
