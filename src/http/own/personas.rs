//! `/personas`: who can answer. What the model is told to be them is not for clients.

use serde::Serialize;

use crate::{
    domain::persona::Persona,
    http::{request::Request, response::Reply},
};

#[derive(Serialize)]
struct PersonasJson<'a> {
    personas: Vec<PersonaJson<'a>>,
}

#[derive(Serialize)]
struct PersonaJson<'a> {
    id: &'a str,
    name: &'a str,
    description: &'a str,
}

/// `GET /personas`: 200 with all of them, `default` first.
pub(crate) fn list(request: &Request<'_>) -> Reply {
    let personas = request.config().personas.iter().map(PersonaJson::from).collect();
    Reply::json(200, &PersonasJson { personas })
}

impl<'a> From<&'a Persona> for PersonaJson<'a> {
    fn from(persona: &'a Persona) -> Self {
        PersonaJson { id: &persona.id, name: &persona.name, description: &persona.description }
    }
}
