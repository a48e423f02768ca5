//! JSON-RPC 2.0 on lines: requests, answers, errors, events.

use common::display::visible_json;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::methods::{Call, METHODS};
use super::news::EventTold;
use super::results::{Given, Reply};
use crate::app::exit;
use crate::app::texts::failure::Report;

/// Bytes a line may have.
pub(crate) const LINE_MAX: usize = 1024 * 1024;

/// An error as a client sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RpcError {
    code: i64,
    message: String,
    data: Value,
}

impl RpcError {
    /// Of JSON-RPC itself.
    fn protocol(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    /// Not what the method takes.
    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::protocol(-32602, message)
    }

    /// One with an exit code of the program: its code is −32000 − exit, and `data.kind` its word.
    pub(super) fn of(exit: i32, message: impl Into<String>) -> Self {
        let data = json!({ "kind": exit::word(exit), "exit": exit });
        Self { code: -32000 - i64::from(exit), message: message.into(), data }
    }

    /// What it says, and the exit code of a program that ends with it.
    pub(crate) fn into_end(self) -> (String, i32) {
        let code = self.data["exit"].as_i64().and_then(|code| i32::try_from(code).ok());
        (self.message, code.unwrap_or(exit::USAGE))
    }

    /// The same with more to tell.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Value::Object(data) = &mut self.data {
            data.insert(name.to_owned(), value.into());
        }
        self
    }
}

impl From<Report> for RpcError {
    fn from(report: Report) -> Self {
        Self::of(report.exit, report.lines.join(" "))
    }
}

/// A line of a client that was understood.
#[derive(Debug)]
pub(super) struct Request {
    /// Absent: no answer is wanted.
    pub(super) id: Option<Value>,
    pub(super) call: Call,
}

/// A line that was not; `id` as far as it could be read.
#[derive(Debug)]
pub(super) struct Misunderstood {
    pub(super) id: Value,
    pub(super) why: RpcError,
}

/// Reads a line.
pub(super) fn read(line: &str) -> Result<Request, Misunderstood> {
    let wrong = |id: Value, why| Misunderstood { id, why };
    // In front of a text a byte order mark is no part of it.
    let value: Value = serde_json::from_str(line.strip_prefix('\u{feff}').unwrap_or(line))
        .map_err(|error| wrong(Value::Null, RpcError::protocol(-32700, format!("That is not JSON: {error}."))))?;
    let not_a_request = || RpcError::protocol(-32600, "A request is an object with \"id\", \"method\" and \"params\".");
    let Value::Object(mut object) = value else { return Err(wrong(Value::Null, not_a_request())) };
    let id = object.remove("id");
    if matches!(id, Some(Value::Object(_) | Value::Array(_) | Value::Bool(_))) {
        return Err(wrong(Value::Null, not_a_request()));
    }
    let told = || id.clone().unwrap_or_default();
    let Some(Value::String(method)) = object.remove("method") else { return Err(wrong(told(), not_a_request())) };
    if !METHODS.contains(&method.as_str()) {
        let near = common::settings::nearest(&method, METHODS.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!(" Did you mean {near}?"));
        return Err(wrong(told(), RpcError::protocol(-32601, format!("There is no method {method}.{hint}"))));
    }
    let params = object.remove("params").unwrap_or_else(|| json!({}));
    let call = Call::deserialize(json!({ "method": method, "params": params }))
        .map_err(|error| wrong(told(), RpcError::params(format!("{method}: {error}."))))?;
    Ok(Request { id, call })
}

/// What a client is told.
#[derive(Debug, Clone)]
pub(crate) enum ToClient {
    /// The answer to a request.
    Answer { id: Value, outcome: Result<Reply, RpcError> },
    /// An event, as the journal keeps it.
    Event(Value),
}

impl ToClient {
    /// The line for a client elsewhere.
    pub(crate) fn line(self) -> String {
        visible_json(match self {
            Self::Answer { id, outcome } => answer(&id, outcome),
            Self::Event(event) => json!({ "jsonrpc": "2.0", "method": "event", "params": event }).to_string(),
        })
    }

    /// What a client within this program hears.
    pub(crate) fn heard(self) -> serde_json::Result<Heard> {
        Ok(match self {
            Self::Answer { id, outcome } => Heard::Answer(id.as_u64().unwrap_or_default(), outcome.map(Given::Typed)),
            Self::Event(event) => Heard::Event(Box::new(serde_json::from_value(event)?)),
        })
    }
}

/// The line that answers a request.
fn answer(id: &Value, outcome: Result<Reply, RpcError>) -> String {
    match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(RpcError { code, message, data }) => {
            let mut error = json!({ "code": code, "message": message });
            if let (Value::Object(error), false) = (&mut error, data.is_null()) {
                error.insert("data".to_owned(), data);
            }
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
    .to_string()
}

/// The line with which a client asks.
pub(crate) fn request(id: u64, call: &Call) -> serde_json::Result<String> {
    let mut request = serde_json::to_value(call)?;
    request["id"] = id.into();
    Ok(request.to_string())
}

/// What a client is told, as far as the line says it: a result's type is known to whoever asked.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Of the request with this number.
    Answer(u64, Result<Given, RpcError>),
    /// An event.
    Event(Box<EventTold>),
}

/// Reads a line that a client is sent.
pub(crate) fn heard(line: &str) -> serde_json::Result<Heard> {
    let mut told: Value = serde_json::from_str(line)?;
    if let Some(event) = told.get_mut("params") {
        return Ok(Heard::Event(Box::new(serde_json::from_value(event.take())?)));
    }
    let id = told["id"].as_u64().unwrap_or_default();
    let Some(error) = told.get_mut("error") else {
        return Ok(Heard::Answer(id, Ok(Given::Written(told["result"].take()))));
    };
    let message = error["message"].as_str().unwrap_or_default().to_owned();
    let why = RpcError { code: error["code"].as_i64().unwrap_or_default(), message, data: error["data"].take() };
    Ok(Heard::Answer(id, Err(why)))
}

/// The line that answers one that is no text.
pub(super) fn not_text() -> ToClient {
    let why = "That is not JSON: the line is not UTF-8; it was skipped.";
    ToClient::Answer { id: Value::Null, outcome: Err(RpcError::protocol(-32700, why)) }
}

/// The line that answers a line of more than [`LINE_MAX`] bytes.
pub(super) fn oversize() -> ToClient {
    let why = format!("oversize: a line has at most {LINE_MAX} bytes; this one was skipped.");
    ToClient::Answer { id: Value::Null, outcome: Err(RpcError::protocol(-32600, why)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str) -> i64 {
        read(line).unwrap_err().why.code
    }

    #[test]
    fn lines_that_are_no_requests_have_the_codes_of_the_standard() {
        assert_eq!(code("{"), -32700);
        assert_eq!(code("[]"), -32600);
        assert_eq!(code(r#"{"id":1}"#), -32600);
        assert_eq!(code(r#"{"id":{},"method":"list"}"#), -32600);
        assert_eq!(code(r#"{"id":1,"method":"lisst"}"#), -32601);
        assert_eq!(code(r#"{"id":1,"method":"send","params":{"to":"bianca"}}"#), -32602);
        assert_eq!(code(r#"{"id":1,"method":"send","params":[]}"#), -32602);
    }

    #[test]
    fn no_line_carries_a_character_that_acts_on_a_terminal() {
        let text = "\u{1b}[31m\u{9b}31m\u{7f}\u{202e}\u{e0041}\u{2028}";
        let lines = [
            ToClient::Event(json!({ "text": text })).line(),
            ToClient::Answer { id: json!(text), outcome: Err(RpcError::params(text)) }.line(),
        ];
        for line in lines {
            assert!(line.is_ascii() && !line.contains(|c: char| c.is_control()), "{line}");
            let told: Value = serde_json::from_str(&line).unwrap();
            let places = ["/params/text", "/id"].map(|place| told.pointer(place).cloned());
            assert!(places.contains(&Some(json!(text))));
        }
    }

    #[test]
    fn a_byte_order_mark_in_front_of_a_line_is_no_part_of_it() {
        assert!(read("\u{feff}{\"id\":1,\"method\":\"list\"}").is_ok());
        assert_eq!(code("\u{feff}\u{feff}{}"), -32700);
    }

    #[test]
    fn unknown_fields_are_ignored_and_params_may_be_left_out() {
        assert!(read(r#"{"id":1,"method":"list","colour":"red"}"#).is_ok());
        assert!(read(r#"{"method":"send","params":{"to":"bianca","text":"hi","shade":1}}"#).unwrap().id.is_none());
    }

    #[test]
    fn an_error_tells_the_exit_code_the_program_would_have() {
        let line = answer(&json!(7), Err(RpcError::of(exit::KEY_CHANGED, "changed").with("old", "1")));
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["error"]["code"], -32008);
        assert_eq!(told["error"]["data"], json!({"kind": "key_changed", "exit": 8, "old": "1"}));
    }
}
