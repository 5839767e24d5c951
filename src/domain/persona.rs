//! Personas: who answers in a session, as the model is told it.
//!
//! Pure: where they come from is `config/persona.rs`'s business, which model answers for them is `config/model.rs`'s.

use std::iter;

use crate::{
    domain::session::DEFAULT_PERSONA,
    error::{Error, Result},
    limits,
};

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Persona {
    /// Its key, which sessions name.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is, in a few words.
    pub role: String,
    /// What it does, in a sentence.
    pub description: String,
    /// What it is like, a word each.
    pub tags: Vec<String>,
    /// What the model is told; empty tells it nothing.
    pub instructions: String,
}

/// The personas of a deployment, `default` among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Personas {
    default: Persona,
    others: Vec<Persona>,
}

impl Personas {
    /// The personas in `given`; one takes the place of an earlier one of the same id.
    ///
    /// # Errors
    /// `Invalid`, naming id and field, when one breaks a rule, when there are too many, or no `default`.
    pub(crate) fn new(given: impl IntoIterator<Item = Persona>) -> Result<Personas> {
        let mut all: Vec<Persona> = Vec::new();
        for persona in given {
            persona.check()?;
            match all.iter_mut().find(|known| known.id == persona.id) {
                Some(known) => *known = persona,
                None => all.push(persona),
            }
        }
        if all.len() > limits::PERSONAS {
            return Err(Error::invalid("all together", format!("must be at most {}", limits::PERSONAS)));
        }
        let (mut default, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|persona| persona.id == DEFAULT_PERSONA);
        let default = default.pop().ok_or_else(|| Error::invalid(DEFAULT_PERSONA, "must be there"))?;
        Ok(Personas { default, others })
    }

    /// All of them, `default` first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Persona> {
        iter::once(&self.default).chain(&self.others)
    }

    /// Is there one of that id?
    pub(crate) fn has(&self, id: &str) -> bool {
        self.iter().any(|persona| persona.id == id)
    }

    /// Holds a client's choice against them.
    ///
    /// # Errors
    /// `Invalid`, naming `persona` and what there is.
    pub(crate) fn check(&self, id: &str) -> Result<()> {
        if self.has(id) {
            return Ok(());
        }
        let known: Vec<&str> = self.iter().map(|persona| persona.id.as_str()).collect();
        Err(Error::invalid("persona", format!("must be one of {}", known.join(", "))))
    }

    /// Who answers in a session that names `id`: `default` when there is no such persona any more.
    pub(crate) fn of_session(&self, id: &str) -> &Persona {
        self.others.iter().find(|persona| persona.id == id).unwrap_or(&self.default)
    }
}

impl Persona {
    fn check(&self) -> Result<()> {
        // It goes into URLs, logs and pages as it is.
        let is_plain = self.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !is_plain || !(1..=limits::NAME_CHARACTERS).contains(&self.id.len()) {
            return Err(Error::invalid("an id", format!("must have 1 to {} letters, digits, _ or -", limits::NAME_CHARACTERS)));
        }
        self.check_texts().map_err(|error| error.within(&self.id))
    }

    fn check_texts(&self) -> Result<()> {
        limits::check_label("name", &self.name, limits::NAME_CHARACTERS)?;
        limits::check_label("role", &self.role, limits::NAME_CHARACTERS)?;
        limits::check_label("description", &self.description, limits::TITLE_CHARACTERS)?;
        if self.tags.len() > limits::PERSONA_TAGS {
            return Err(Error::invalid("tags", format!("must be at most {}", limits::PERSONA_TAGS)));
        }
        self.tags.iter().try_for_each(|tag| limits::check_label("tags", tag, limits::NAME_CHARACTERS))?;
        limits::check_body("instructions", &self.instructions, limits::PERSONA_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persona(id: &str, instructions: &str) -> Persona {
        let text = |text: &str| text.to_owned();
        Persona {
            id: text(id),
            name: text("N"),
            role: text("R"),
            description: text("D"),
            tags: vec![text("t")],
            instructions: text(instructions),
        }
    }

    #[test]
    fn later_ones_replace_earlier_ones_in_their_place() {
        let given = [persona("a", "1"), persona("default", "2"), persona("b", "3"), persona("a", "4"), persona("default", "")];
        let personas = Personas::new(given).unwrap();
        let told: Vec<_> = personas.iter().map(|persona| (persona.id.as_str(), persona.instructions.as_str())).collect();
        assert_eq!(told, [("default", ""), ("a", "4"), ("b", "3")]);
        assert_eq!((personas.of_session("b").id.as_str(), personas.of_session("gone").id.as_str()), ("b", "default"));
        assert!(personas.check("a").is_ok());
        assert_eq!(personas.check("gone"), Err(Error::invalid("persona", "must be one of default, a, b")));
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let (long, large, good) = ("x".repeat(65), "x".repeat(limits::PERSONA_BYTES + 1), || persona("p", "i"));
        let cases = [
            (persona("", "i"), Some("an id")),
            (persona(&long, "i"), Some("an id")),
            (persona("a b", "i"), Some("an id")),
            (persona("<p>", "i"), Some("an id")),
            (persona("Clara-2_x", "i"), None),
            (Persona { name: String::new(), ..good() }, Some("p.name")),
            (Persona { role: "a\nb".into(), ..good() }, Some("p.role")),
            (Persona { description: "x".repeat(201), ..good() }, Some("p.description")),
            (Persona { tags: vec!["t".into(); 11], ..good() }, Some("p.tags")),
            (Persona { tags: vec![String::new()], ..good() }, Some("p.tags")),
            (persona("p", &large), Some("p.instructions")),
            (persona("p", "nul \0"), Some("p.instructions")),
            (persona("p", "two\nlines"), None),
        ];
        for (wrong, expected) in cases {
            let checked = Personas::new([persona("default", "d"), wrong.clone()]);
            let field = match &checked {
                Err(Error::Invalid { field, .. } | Error::TooLarge { field, .. }) => Some(field.as_str()),
                _ => None,
            };
            assert_eq!(field, expected, "{wrong:?}");
        }
        assert!(Personas::new([good()]).is_err(), "no default");
        let many = |count| (1..count).map(|n| persona(&format!("p{n}"), "i")).chain([persona("default", "d")]);
        assert!(Personas::new(many(limits::PERSONAS)).is_ok() && Personas::new(many(limits::PERSONAS + 1)).is_err());
    }
}
