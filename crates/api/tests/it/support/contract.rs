//! Holds each answer against the OpenAPI document: the status is documented,
//! the media type too, and the body fits its schema.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::Answer;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(api::openapi::document()).expect("the document as JSON"));

pub fn document() -> &'static Value {
    &DOCUMENT
}

/// Undocumented paths pass only with the answers of the fallback.
#[track_caller]
pub fn check(method: &Method, path: &str, answer: &Answer) {
    check_in(document(), method, path, answer);
}

/// As [`check`], against another document.
#[track_caller]
pub fn check_in(document: &Value, method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or(path);
    let status = answer.status.as_u16().to_string();
    // HEAD answers as GET does, without the body (RFC 9110 §9.3.2).
    let is_head = method == Method::HEAD;
    let name = if is_head {
        "get".to_owned()
    } else {
        method.as_str().to_ascii_lowercase()
    };
    let paths = document["paths"].as_object().expect("paths");
    let item = paths
        .iter()
        .filter(|(pattern, _)| ResourceDef::new(pattern.as_str()).is_match(path))
        .max_by_key(|(p, _)| !p.contains('{'));
    let Some(operation) = item.and_then(|(_, item)| item.get(&name)) else {
        let outside = ["/openapi.json", "/docs"]
            .iter()
            .any(|p| path.starts_with(p));
        assert!(
            outside || matches!(answer.status.as_u16(), 200 | 404 | 405 | 421),
            "{method} {path} is not documented, and answered {status}"
        );
        return;
    };
    // Answers of the layers around every operation, before any of them is chosen.
    if answer.status.as_u16() == 421 {
        return;
    }
    let response = &operation["responses"][&status];
    assert!(
        response.is_object(),
        "{method} {path}: status {status} is not documented: {}",
        String::from_utf8_lossy(&answer.bytes)
    );
    if is_head {
        assert!(answer.bytes.is_empty(), "HEAD {path}: a body");
        return;
    }
    let media_type = answer
        .header("content-type")
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_owned();
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        assert!(
            answer.bytes.is_empty(),
            "{method} {path} {status}: a body that is not documented"
        );
        return;
    };
    let schema = content.get(&media_type).map(|c| &c["schema"]);
    let schema = schema
        .unwrap_or_else(|| panic!("{method} {path} {status}: {media_type} is not documented"));
    if media_type.ends_with("json") {
        let errors: Vec<String> = validator(document, schema)
            .iter_errors(&answer.json())
            .map(|e| format!("{e} at {}", e.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{method} {path} {status} does not fit its schema: {errors:#?}"
        );
    }
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = json!({ "components": document["components"], "allOf": [schema] });
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    jsonschema::options().build(&root).expect("a schema")
}
