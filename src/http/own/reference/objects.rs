//! The objects of an OpenAPI document, as far as ours has them. Members stay in the order of the fields.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, value::RawValue};

/// A map whose members stay in order.
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

/// The whole.
#[derive(Serialize)]
pub(super) struct Document {
    pub(super) openapi: &'static str,
    pub(super) info: Value,
    pub(super) servers: Value,
    pub(super) tags: Vec<Value>,
    pub(super) paths: Ordered<Ordered<OperationObject>>,
    pub(super) components: Components,
}

/// A method of a path.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationObject {
    pub(super) operation_id: String,
    pub(super) tags: [&'static str; 1],
    pub(super) summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    /// The scope that a service key needs.
    #[serde(rename = "x-scope")]
    pub(super) scope: &'static str,
    pub(super) security: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_body: Option<BodyObject>,
    pub(super) responses: Ordered<ResponseObject>,
}

/// What is sent with it.
#[derive(Serialize)]
pub(super) struct BodyObject {
    pub(super) required: bool,
    pub(super) content: Ordered<ContentObject>,
}

/// What it is answered with a status.
#[derive(Serialize)]
pub(super) struct ResponseObject {
    pub(super) description: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(super) headers: Value,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) content: Ordered<ContentObject>,
}

/// What a body looks like, by its media type.
#[derive(Serialize)]
pub(super) struct ContentObject {
    pub(super) schema: Value,
    /// The data of server-sent events, by their names.
    #[serde(rename = "x-events", skip_serializing_if = "Value::is_null")]
    pub(super) events: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) examples: Ordered<Value>,
}

/// What others refer to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Components {
    pub(super) schemas: Map<String, Value>,
    /// Of problems, by their codes.
    pub(super) examples: BTreeMap<&'static str, Value>,
    pub(super) security_schemes: Value,
}

impl<T> Ordered<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}
