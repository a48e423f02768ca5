//! The head of a request. It is bounded before it is read; a body is not looked at.

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use futures::io::{AsyncRead, AsyncReadExt as _};
use httparse::{EMPTY_HEADER, Status};

/// Bytes of a head: a browser sends some hundred.
const HEAD: usize = 4096;
/// Lines of a head.
const LINES: usize = 32;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Without the query.
    pub(super) path: String,
}

/// How it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    /// The answer without its body.
    Head,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    NotHttp,
    OtherVersion,
    TooLarge,
    /// Nothing can be changed here.
    Method,
    /// Under a name that is not this machine's: a page from elsewhere may have sent the browser here, to read what this
    /// machine keeps to itself.
    Host,
    NotFound,
}

/// Reads a request.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Result<Request, Refused>> {
    let mut head = [0; HEAD];
    let mut filled = 0;
    loop {
        let count = stream.read(&mut head[filled..]).await?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        filled += count;
        match parse(&head[..filled]) {
            Some(parsed) => return Ok(parsed),
            None if filled == HEAD => return Ok(Err(Refused::TooLarge)),
            None => {}
        }
    }
}

/// A whole head; nothing if it goes on.
fn parse(bytes: &[u8]) -> Option<Result<Request, Refused>> {
    let mut lines = [EMPTY_HEADER; LINES];
    let mut head = httparse::Request::new(&mut lines);
    match head.parse(bytes) {
        Ok(Status::Partial) => None,
        Ok(Status::Complete(_)) => Some(understand(&head)),
        Err(httparse::Error::Version) => Some(Err(Refused::OtherVersion)),
        Err(httparse::Error::TooManyHeaders) => Some(Err(Refused::TooLarge)),
        Err(_) => Some(Err(Refused::NotHttp)),
    }
}

fn understand(head: &httparse::Request<'_, '_>) -> Result<Request, Refused> {
    let mut hosts = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    if !hosts.all(|host| std::str::from_utf8(host.value).is_ok_and(is_this_machine)) {
        return Err(Refused::Host);
    }
    let method = match head.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => return Err(Refused::Method),
    };
    let path = head.path.and_then(|path| path.split('?').next()).unwrap_or_default().to_owned();
    Ok(Request { method, path })
}

/// Whether a `Host` is a loopback address or `localhost`, with a port or without.
fn is_this_machine(host: &str) -> bool {
    let port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, last)| port(last)).map_or(host, |(name, _)| name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(head: &str) -> Option<Result<Request, Refused>> {
        parse(head.as_bytes())
    }

    #[test]
    fn a_head_is_understood_when_it_is_whole_and_not_before() {
        let head = "GET /metrics?x=1 HTTP/1.1\r\nHost: 127.0.0.1:7421\r\nAccept: */*\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(parsed(&head[..end]), None, "{end}");
        }
        assert_eq!(parsed(head), Some(Ok(Request { method: Method::Get, path: "/metrics".into() })));
        let request = parsed("HEAD / HTTP/1.0\n\n").unwrap().unwrap();
        assert_eq!((request.method, request.path.as_str()), (Method::Head, "/"));
    }

    #[test]
    fn what_is_not_a_request_to_read_is_refused() {
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(LINES + 1));
        for (head, refused) in [
            ("\x16\x03\x01\x02\x00", Refused::NotHttp),
            ("GET  / HTTP/1.1\r\n\r\n", Refused::NotHttp),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", Refused::NotHttp),
            ("PRI * HTTP/2.0\r\n\r\n", Refused::OtherVersion),
            ("POST / HTTP/1.1\r\n\r\n", Refused::Method),
            ("get / HTTP/1.1\r\n\r\n", Refused::Method),
            (&many, Refused::TooLarge),
        ] {
            assert_eq!(parsed(head), Some(Err(refused)), "{head:?}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:7421", "127.0.0.1", "127.9.9.9:80", "[::1]:7421", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["", "example.org", "127.0.0.1.example.org", "192.0.2.7:7421", "localhost.example.org", "[::2]:1"] {
            assert!(!is_this_machine(host), "{host}");
        }
        let two = "GET / HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n";
        assert_eq!(parsed(two), Some(Err(Refused::Host)));
    }
}
