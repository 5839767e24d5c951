//! `/personas`: who can answer. What the model is told to be them is not for clients.

use serde::Serialize;

use crate::{
    domain::persona::Persona,
    http::{request::Request, response::Reply},
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Personas"))]
pub(super) struct PersonasJson<'a> {
    personas: Vec<PersonaJson<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Persona"))]
struct PersonaJson<'a> {
    id: &'a str,
    name: &'a str,
    description: &'a str,
    // What clients of the Nono chat bot read besides.
    key: &'a str,
    role: &'a str,
    tags: &'a [String],
    /// What the deployment has chosen for it; null leaves it to the model.
    temperature: Option<f64>,
    max_tokens: Option<u32>,
}

/// `GET /personas`: 200 with all of them, `default` first.
pub(crate) fn list(request: &Request<'_>) -> Reply {
    let model = &request.config().model;
    let personas = request.config().personas.iter().map(|persona| describe(persona, model.chosen_for(&persona.id))).collect();
    Reply::json(200, &PersonasJson { personas })
}

fn describe(persona: &Persona, (temperature, max_tokens): (Option<f64>, Option<u32>)) -> PersonaJson<'_> {
    let Persona { id, name, role, description, tags, .. } = persona;
    PersonaJson { id, name, description, key: id, role, tags, temperature, max_tokens }
}
