//! The personas: those that are built in, a file each, and those of the variable `PERSONAS`, both in one format.
//!
//! What a persona may be is `domain/persona.rs`'s business.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use super::{misconfigured, parse_json};
use crate::{
    domain::persona::{Persona, Personas},
    error::{Error, Result},
};

/// In the order in which clients are told of them.
const FILES: [&str; 5] = [
    include_str!("../personas/default.json"),
    include_str!("../personas/mental_health_nurse.json"),
    include_str!("../personas/technical_support.json"),
    include_str!("../personas/creative_writer.json"),
    include_str!("../personas/supportive_coach.json"),
];

/// Read once an instance: the configuration is read several times a request. `tools/personas.mjs` reads them before anybody else does.
static BUILT_IN: LazyLock<Result<Vec<Persona>>> = LazyLock::new(|| {
    let read = |file| serde_json::from_str(file).map_err(|error| misconfigured(&format!("a persona that is built in: {error}")));
    FILES.iter().map(|file| read(file).map(decode)).collect::<Result<Vec<_>>>().map(|files| files.into_iter().flatten().collect())
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonaBody {
    name: String,
    /// The same as the name when absent.
    role: Option<String>,
    description: String,
    #[serde(default)]
    tags: Vec<String>,
    instructions: String,
}

/// Those that are built in, and what `PERSONAS` adds to them or puts in their place.
///
/// # Errors
/// `Misconfigured`, naming the persona and the rule.
pub(super) fn parse(given: &impl Fn(&'static str) -> Option<String>) -> Result<Personas> {
    let own = decode(parse_json(given, "PERSONAS")?);
    let built_in = BUILT_IN.as_ref().map_err(Clone::clone)?;
    Personas::new(built_in.iter().cloned().chain(own)).map_err(|error| {
        if let Error::Invalid { field, rule } = &error {
            misconfigured(&format!("PERSONAS: {field} {rule}"))
        } else if let Error::TooLarge { field, limit_bytes } = &error {
            misconfigured(&format!("PERSONAS: {field} must have at most {limit_bytes} bytes"))
        } else {
            error
        }
    })
}

fn decode(bodies: BTreeMap<String, PersonaBody>) -> impl Iterator<Item = Persona> {
    bodies.into_iter().map(|(id, PersonaBody { name, role, description, tags, instructions })| {
        let role = role.unwrap_or_else(|| name.clone());
        Persona { id, name, role, description, tags, instructions }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_variable(json: &str) -> Result<Personas> {
        parse(&|name| (name == "PERSONAS" && !json.is_empty()).then(|| json.to_owned()))
    }

    #[test]
    fn what_is_built_in_is_whole() {
        for file in FILES {
            let read: BTreeMap<String, PersonaBody> = serde_json::from_str(file).unwrap_or_else(|error| panic!("{error} in {file}"));
            for persona in decode(read) {
                let words = persona.instructions.split_whitespace().count();
                assert!((60..=150).contains(&words), "{} has {words} words", persona.id);
                assert!(!persona.tags.is_empty() && persona.role != persona.name, "{}", persona.id);
            }
        }
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/personas")).unwrap();
        let is_file = |path: std::path::PathBuf| path.extension().is_some_and(|kind| kind == "json");
        assert_eq!(folder.filter(|entry| is_file(entry.as_ref().unwrap().path())).count(), FILES.len(), "a file is named nowhere");
        let personas = parse_variable("").unwrap();
        let ids: Vec<_> = personas.iter().map(|persona| persona.id.as_str()).collect();
        assert_eq!(ids, ["default", "mental_health_nurse", "technical_support", "creative_writer", "supportive_coach"]);
        // No number is right everywhere.
        assert!(!personas.of_session("mental_health_nurse").instructions.contains(|c: char| c.is_ascii_digit()));
    }

    #[test]
    fn a_variable_adds_and_replaces() {
        let json = r#"{"poet":{"name":"Poet","description":"Rhymes.","instructions":"Rhyme."},
            "default":{"name":"Plain","role":"Nobody","description":"Says nothing.","tags":["plain"],"instructions":""}}"#;
        let personas = parse_variable(json).unwrap();
        let of = |id| personas.of_session(id);
        assert_eq!((of("poet").instructions.as_str(), of("poet").role.as_str()), ("Rhyme.", "Poet"));
        assert_eq!((of("default").name.as_str(), of("default").instructions.as_str()), ("Plain", ""));
        assert_eq!(personas.iter().count(), FILES.len() + 1);
    }

    #[test]
    fn mistakes_are_refused() {
        let known: Vec<(String, serde_json::Value)> = serde_json::from_str(include_str!("../../tests/personas.json")).unwrap();
        for (what, file) in known {
            let parsed = parse_variable(&file.as_str().map_or_else(|| file.to_string(), str::to_owned));
            match what.split_once(": ").unwrap().0 {
                "good" => assert!(parsed.is_ok(), "{what}: {parsed:?}"),
                _ => assert!(matches!(parsed, Err(Error::Misconfigured(_))), "{what}"),
            }
        }
        let large = format!(r#"{{"poet":{{"name":"P","description":"D","instructions":"{}"}}}}"#, "x".repeat(9000));
        assert_eq!(parse_variable(&large), Err(misconfigured("PERSONAS: poet.instructions must have at most 8192 bytes")));
    }
}
