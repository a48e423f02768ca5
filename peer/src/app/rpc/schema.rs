//! The schema of everything a client may send (`peer json --schema`); made of the types that read it.

use schemars::generate::SchemaSettings;

use super::methods::Call;

/// JSON Schema, draft 2020-12, of one request without its envelope.
pub(crate) fn schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Call>();
    format!("{:#}", serde_json::to_value(schema).unwrap_or_default())
}
