//! The schema of what a client may send and of what it gets (`peer json --schema`), and the manual page made of it.
//!
//! Calls are made of the types that read them. Events and results come from `shapes.json`; the tests hold every answer
//! and every event of this module beside it, so that it can neither promise too much nor keep anything back.

use common::settings::manual::Page;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::methods::Call;
use crate::app::exit;

/// `Event`: what follows `"method": "event"`; `Result`: what each method is answered with.
const SHAPES: &str = include_str!("shapes.json");

/// JSON Schema, draft 2020-12, of one request without its envelope; events and results are among its definitions.
pub(crate) fn schema() -> String {
    format!("{:#}", whole())
}

fn whole() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Call>();
    let mut schema = serde_json::to_value(schema).unwrap_or_default();
    let shapes: Value = serde_json::from_str(SHAPES).unwrap_or_default();
    if let (Some(definitions), Some(shapes)) = (schema["$defs"].as_object_mut(), shapes.as_object()) {
        definitions.extend(shapes.clone());
    }
    schema
}

/// The manual page json(5).
pub(crate) fn manual() -> String {
    let schema = whole();
    let mut page = Page::new("peer-json", 5, "what programs and peer say to each other");
    page.section("description");
    page.paragraph(
        "peer json and peer daemon speak JSON-RPC 2.0, one object a line: requests with id, method and params; answers with \
         id and result or error; and notifications whose method is event. Unknown parameters are ignored, and so should be \
         fields that a program does not know. peer json --schema prints all of this as JSON Schema.",
    );
    page.paragraph(
        "peer daemon listens at $XDG_RUNTIME_DIR/peer/USER.sock, or run/USER.sock in the data folder where that variable is \
         not set; it says so when it starts, and so does peer config path.",
    );
    page.section("example");
    page.example(concat!(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":{\"to\":\"bianca\",\"text\":\"Hello\"}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"msg\":\"…\",\"state\":\"queued\"}}"
    ));
    page.section("errors");
    let kinds: Vec<String> =
        (exit::INTERNAL..=exit::INCOMPLETE).map(|code| format!("{code} {}", exit::word(code))).collect();
    page.paragraph(&format!(
        "An error has a message, and in data its kind and exit, which is the exit code of a command that fails for the same \
         reason. Its code is -32000 less that; what is no request at all has one of JSON-RPC: -32700, -32600, -32601, -32602. \
         The kinds: {}. A command with --json that fails prints an object with such an error.",
        kinds.join(", ")
    ));
    page.paragraph(
        "Requests that need a login wait for one that is under way. At the end of its input a program gets the answers that \
         are due, for as long as an answer may take; then it is logged out, and peer json ends with 0.",
    );
    page.section("methods");
    for call in schema["oneOf"].as_array().into_iter().flatten() {
        let method = call["properties"]["method"]["const"].as_str().unwrap_or_default();
        let params = resolved(&schema, &call["properties"]["params"]);
        let result = &schema["$defs"]["Result"]["properties"][method];
        let mut text = call["description"].as_str().unwrap_or_default().to_owned();
        text += &fields("Parameters", params);
        text += &fields("Result", resolved(&schema, result));
        page.entry(method, &text);
    }
    page.section("events");
    for event in schema["$defs"]["Event"]["oneOf"].as_array().into_iter().flatten() {
        let name = event["properties"]["type"]["const"].as_str().unwrap_or_default();
        let text = event["description"].as_str().unwrap_or_default().to_owned() + &fields("Fields", event);
        page.entry(name, &text);
    }
    page.into_text()
}

/// What a reference points to; lists are shown by what is in them.
fn resolved<'a>(schema: &'a Value, part: &'a Value) -> &'a Value {
    let part = if part["items"].is_null() { part } else { &part["items"] };
    match part["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(path) => schema.pointer(path).unwrap_or(part),
        None => part,
    }
}

/// The fields of an object in a sentence; those that may be missing in brackets.
fn fields(what: &str, object: &Value) -> String {
    let Some(properties) = object["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        return String::new();
    };
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let named = properties.iter().filter(|(name, _)| *name != "type").map(|(name, shape)| {
        let words =
            shape["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        let name = if required.contains(&name.as_str()) { name.clone() } else { format!("[{name}]") };
        if words.is_empty() { name } else { format!("{name} ({words})") }
    });
    format!(" {what}: {}.", named.collect::<Vec<_>>().join(", "))
}

/// Whether a value has the form that a schema tells, as far as this one goes; otherwise where not.
#[cfg(test)]
pub(super) fn conforms(root: &Value, shape: &Value, value: &Value) -> Result<(), String> {
    let shape = match shape["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(path) => root.pointer(path).ok_or("a reference to nothing")?,
        None => shape,
    };
    if let Some(forms) = shape["oneOf"].as_array() {
        let why: Vec<String> = forms.iter().filter_map(|form| conforms(root, form, value).err()).collect();
        return if why.len() < forms.len() { Ok(()) } else { Err(why.join("; ")) };
    }
    if !shape["const"].is_null() && shape["const"] != *value {
        return Err(format!("{value} is not {}", shape["const"]));
    }
    if let Some(words) = shape["enum"].as_array().filter(|words| !words.contains(value) && !value.is_null()) {
        return Err(format!("{value} is none of {words:?}"));
    }
    let is = |word: &str| match word {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_null(),
    };
    let types = match &shape["type"] {
        Value::String(word) => vec![word.as_str()],
        words => words.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    if !types.is_empty() && !types.into_iter().any(is) {
        return Err(format!("{value} is no {}", shape["type"]));
    }
    for entry in value.as_array().into_iter().flatten() {
        conforms(root, &shape["items"], entry)?;
    }
    let (Some(known), Some(fields)) = (shape["properties"].as_object(), value.as_object()) else { return Ok(()) };
    for (name, field) in fields {
        let form = known.get(name).ok_or_else(|| format!("{name} is not told"))?;
        conforms(root, form, field).map_err(|why| format!("{name}: {why}"))?;
    }
    let missing = shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    missing.filter(|name| !fields.contains_key(*name)).try_for_each(|name| Err(format!("{name} is missing")))
}
