//! Answers, and what all of them forbid a browser to do with them.

use super::request::{Method, Refused};

const TEXT: &str = "text/plain; charset=utf-8";
/// Of an answer that is no page: nothing may be loaded, run, or framed.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    status: &'static str,
    kind: &'static str,
    /// What a browser may do with it (`Content-Security-Policy`).
    policy: &'static str,
    /// Another header line, with its end.
    more: &'static str,
    body: String,
}

impl Reply {
    /// What was asked for.
    pub(super) fn of(kind: &'static str, body: String) -> Self {
        Self { status: "200 OK", kind, policy: NOTHING, more: "", body }
    }

    /// A page, with what it may load.
    pub(super) fn page(policy: &'static str, body: String) -> Self {
        Self { policy, ..Self::of("text/html; charset=utf-8", body) }
    }

    /// One line of text.
    pub(super) fn text(line: &str) -> Self {
        Self::of(TEXT, format!("{line}\n"))
    }

    /// Not now.
    pub(super) fn unavailable(why: &str) -> Self {
        Self { status: "503 Service Unavailable", ..Self::text(why) }
    }

    /// Not at all.
    pub(super) fn refused(refused: Refused) -> Self {
        let (status, line) = match refused {
            Refused::NotHttp => ("400 Bad Request", "this is no request of HTTP/1.1"),
            Refused::NotFound => ("404 Not Found", "there is nothing here; see / and /metrics, as far as they are on"),
            Refused::Method => ("405 Method Not Allowed", "nothing can be changed here; use GET or HEAD"),
            Refused::Host => ("421 Misdirected Request", "ask under an address of this machine, or localhost"),
            Refused::TooLarge => ("431 Request Header Fields Too Large", "the head of the request is too long"),
            Refused::OtherVersion => ("505 HTTP Version Not Supported", "use HTTP/1.1"),
        };
        let more = if refused == Refused::Method { "Allow: GET, HEAD\r\n" } else { "" };
        Self { status, more, ..Self::text(line) }
    }

    /// As it goes over the wire.
    pub(super) fn into_bytes(self, method: Method) -> Vec<u8> {
        let Self { status, kind, policy, more, body } = self;
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nContent-Security-Policy: {policy}\r\nX-Content-Type-Options: nosniff\r\n\
             Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n{more}\r\n",
            body.len()
        );
        match method {
            Method::Get => (head + &body).into_bytes(),
            Method::Head => head.into_bytes(),
        }
    }
}
