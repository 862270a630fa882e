//! The JSON schema of a record, from the table that the parser is made from.

use anyhow::Result;
use callboard::record::{FIELDS, Field, Key, Presence, SCHEMA_VERSION, Shape};
use callboard::{Kind, Status};
use serde_json::{Map, Value, json};

/// The file.
pub(super) fn text() -> Result<String> {
    let mut text = serde_json::to_string_pretty(&schema())?;
    text.push('\n');
    Ok(text)
}

fn schema() -> Value {
    let properties: Map<String, Value> =
        FIELDS.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> = FIELDS
        .iter()
        .filter(|field| field.presence == Presence::Always)
        .map(|field| field.name)
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Callboard record",
        "description": "What a session says about itself, in the file that it signs in with. \
            Keys that are not listed here are allowed, and kept by every update.",
        "type": "object",
        "properties": properties,
        "required": required,
        // Programs add keys of their own, and later versions do: neither makes a record invalid.
        "additionalProperties": true,
    })
}

fn property(field: &Field) -> Value {
    let mut property = match field.shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Pid => json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }),
        Shape::Count => json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        Shape::Time => json!({
            "type": "integer",
            "minimum": 0,
            "maximum": 253_402_300_799_999_u64,
        }),
    };
    property["description"] = field.meaning.into();
    // The sets are open: an `enum` here would call a record invalid for a word that came later.
    match field.key {
        Key::Status => property["examples"] = json!(Status::KNOWN),
        Key::Kind => property["examples"] = json!(Kind::KNOWN),
        Key::SchemaVersion => property["examples"] = json!([SCHEMA_VERSION]),
        _ => {}
    }
    property
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_says_what_the_table_says() {
        let schema = schema();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), FIELDS.len());
        for field in FIELDS {
            let integer = properties[field.name]["type"] == "integer";
            assert_eq!(integer, field.shape != Shape::Text, "{}", field.name);
            let required = schema["required"].as_array().unwrap().contains(&field.name.into());
            assert_eq!(required, field.presence == Presence::Always, "{}", field.name);
        }
        assert_eq!(schema["additionalProperties"], true);
        assert_eq!(properties["status"]["examples"], json!(Status::KNOWN));
        assert!(properties["status"].get("enum").is_none());
    }

    #[test]
    fn what_the_library_writes_has_every_required_key_in_the_right_type() {
        let dir = std::env::temp_dir().join(format!("callboard-schema-{}", std::process::id()));
        let registry = callboard::Registry::at(&dir);
        let signed_in = registry.register(callboard::SignIn::new()).unwrap();
        let me = signed_in.registration().unwrap();
        let written: Value = serde_json::from_str(me.record().as_json()).unwrap();
        drop(me);
        std::fs::remove_dir_all(&dir).unwrap();
        let schema = schema();
        for key in schema["required"].as_array().unwrap() {
            assert!(written.get(key.as_str().unwrap()).is_some(), "no {key} in {written}");
        }
        for (key, value) in written.as_object().unwrap() {
            let integer = schema["properties"][key]["type"] == "integer";
            assert_eq!(value.is_u64(), integer, "{key}: {value}");
        }
    }
}
