//! What of a statement is worth remembering: its key, and its value without what hangs on to it.
//!
//! The words that tell a nurse from a morning person are in `lexicon`. What is not understood is not learned.

use crate::domain::speech::prose::words;

use super::{
    extract::Fact,
    lexicon::{
        AFTER_TRADES, ANEW, FLUENCY, KIN, LANDS, NO_ALLERGENS, NO_DESTINATIONS, NO_NAMES, NO_PLACES, NO_TRADES, NO_WORKPLACES, PARTICLES,
        PERSONS, PRONOUNS, TAIL, TECHNICAL, TONGUES, TRADES, has,
    },
    preference::{LANGUAGE, leading_language},
    statement::{About, Statement, is_diet},
    things::{is_elsewhere, likes, things},
    tokens::{head, is_capitalised, is_one_of, joined, lower},
};

/// The facts in a statement.
pub(super) fn facts(Statement { about, value, .. }: Statement) -> Vec<Fact> {
    let text = |key: &str, value: Option<String>| value.map(|value| Fact::text(key, &value)).into_iter().collect();
    let items = |key: &str, values: Vec<String>| values.iter().map(|value| Fact::item(key, value)).collect();
    match about {
        About::Name | About::PerhapsName => text("name", name(&value)),
        About::Place => text("location", place(&value)),
        About::MovedTo => text("location", region(&value).filter(|place| !has(NO_DESTINATIONS, &place.to_lowercase()))),
        About::Origin => text("origin", region(&value)),
        About::Work => work(&value).into_iter().collect(),
        About::Trade if is_diet(&last_word(&value)) => text("diet", Some(last_word(&value))),
        About::Trade => text("occupation", trade(&value)),
        About::Age => text("age", age(&value)),
        About::Likes => likes(&value),
        About::Dislikes => items("dislikes", things(&value)),
        About::Own { key, .. } | About::Choice(key) => own(&key, &value).into_iter().collect(),
        About::Uses => uses(&value).into_iter().collect(),
        About::Allergy => items("allergies", things(&value).into_iter().filter(|thing| !has(NO_ALLERGENS, thing)).collect()),
        About::Diet => text("diet", diet(&value)),
        About::Speaks => items("languages", tongues(&value)),
    }
}

fn last_word(value: &str) -> String {
    value.split(' ').next_back().map(lower).unwrap_or_default()
}

fn name(value: &str) -> Option<String> {
    let nations = ["ian", "ean", "ish", "ese"];
    let tokens: Vec<&str> = value.split(' ').collect();
    let is_written_as_name = is_capitalised(tokens.first()?);
    let kept = if is_written_as_name {
        head(&tokens, |token| is_capitalised(token) || is_one_of(PARTICLES, token))
    } else {
        head(&tokens, |token| !matches!(lower(token).as_str(), "and" | "or" | "from" | "but" | "by" | "because" | "i" | "i'm" | "with"))
    };
    let is_nation = |token: &&str| nations.iter().any(|end| lower(token).ends_with(end)) && !is_one_of(PERSONS, token);
    let is_plain = |token: &&str| token.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '\u{2019}' | '.' | ','));
    let is_short = kept.len() <= if is_written_as_name { 4 } else { 2 };
    let is_nobody = kept.iter().any(|token| is_one_of(NO_NAMES, token)) || kept.len() == 1 && kept.iter().any(is_nation);
    if is_short && !is_nobody && kept.iter().all(is_plain) { joined(kept) } else { None }
}

/// "in New York" -> New York. What people live on, at and for are no places.
fn place(value: &str) -> Option<String> {
    let (preposition, rest) = value.split_once(' ')?;
    let is_place = match preposition.to_lowercase().as_str() {
        "in" => true,
        "near" => return region(rest).map(|region| format!("near {region}")),
        _ => rest.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()),
    };
    if is_place { region(rest) } else { None }
}

/// The name of a town or a country at the beginning of `value`.
fn region(value: &str) -> Option<String> {
    let tokens: Vec<&str> = value.split(' ').collect();
    let joins_places = |pair: &[&str]| matches!(pair, [and, next] if is_one_of("and", and) && !is_capitalised(next));
    let end = tokens.windows(2).position(joins_places).unwrap_or(tokens.len());
    let kept = head(tokens.get(..end)?, |token| !is_one_of(TAIL, token) && !is_one_of("at is or", token));
    let is_named = match kept {
        [the, land, ..] if is_one_of("the", the) => is_capitalised(land) || is_one_of(LANDS, land),
        [first, ..] => !is_one_of(NO_PLACES, first) && !first.starts_with(|c: char| c.is_ascii_digit()),
        [] => false,
    } || matches!(kept, [number, street, ..] if number.starts_with(|c: char| c.is_ascii_digit()) && is_capitalised(street));
    if is_named && kept.len() <= 5 { joined(kept) } else { None }
}

fn age(value: &str) -> Option<String> {
    let years: u8 = value.split(' ').next()?.trim_end_matches(['.', ',']).parse().ok()?;
    (1..=120).contains(&years).then(|| years.to_string())
}

/// "work as a nurse", "work at a bank"; "work with kotlin" is about the language.
fn work(value: &str) -> Option<Fact> {
    let rest = value.split_once(' ')?.1;
    let (preposition, rest) = rest.split_once(' ')?;
    if let Some(language) = leading_language(rest).filter(|_| matches!(preposition, "with" | "in")) {
        return Some(Fact::text(LANGUAGE, language));
    }
    let tokens: Vec<&str> = rest.split(' ').collect();
    let first = tokens.first()?;
    match preposition.to_lowercase().as_str() {
        "as" => noun_phrase(&tokens).map(|trade| Fact::text("occupation", &trade)),
        "at" | "for" | "in" => {
            let is_the = is_one_of("the", first) && tokens.get(1).is_some_and(|next| is_capitalised(next));
            let is_workplace = is_the || !is_one_of(NO_WORKPLACES, first) && !first.starts_with(|c: char| c.is_ascii_digit());
            let kept = head(&tokens, |token| !is_one_of(TAIL, token) && !is_one_of("and as or", token));
            joined(kept).filter(|_| is_workplace).map(|workplace| Fact::text("workplace", &workplace))
        }
        _ => None,
    }
}

/// "a nurse at a school" -> nurse, when it is a trade at all.
fn trade(value: &str) -> Option<String> {
    let tokens: Vec<&str> = value.split(' ').collect();
    let phrase = noun_phrase(&tokens)?;
    let main = lower(phrase.split(" of ").next()?.split(' ').next_back()?);
    let is_role = tokens.first().is_some_and(|article| is_one_of("the", article));
    let is_trade = has(TRADES, &main) || !is_role && has_trade_ending(&main);
    is_trade.then_some(phrase)
}

/// The words up to where something else is said, without an article.
fn noun_phrase(tokens: &[&str]) -> Option<String> {
    let kept = match tokens {
        [article, rest @ ..] if is_one_of("a an the", article) => rest,
        all => all,
    };
    let end = kept.iter().position(|token| token.ends_with(',')).map_or(kept.len(), |comma| comma.saturating_add(1));
    let kept = head(kept.get(..end)?, |token| !is_one_of(AFTER_TRADES, token) && !is_one_of(TAIL, token));
    if kept.len() <= 5 { joined(kept) } else { None }
}

fn has_trade_ending(word: &str) -> bool {
    word.len() > 4 && ["er", "or", "ist", "ician"].iter().any(|end| word.ends_with(end)) && !has(NO_TRADES, word)
}

/// What "my `key` is `value`" tells.
fn own(key: &str, value: &str) -> Option<Fact> {
    let tokens: Vec<&str> = value.split(' ').collect();
    let first = lower(tokens.first()?);
    let text = |key: &str, value: Option<String>| Some(Fact::text(key, &value?));
    match key {
        "birthday" => text("birthday", birthday(&tokens)),
        "timezone" | "time zone" => text("timezone", short(&tokens).filter(|zone| is_zone(zone))),
        "pronouns" => text("pronouns", pronouns(&first)),
        "age" => text("age", age(value)),
        "job" | "occupation" | "profession" => text("occupation", trade(value)),
        "native language" | "mother tongue" | "first language" => text("native_language", tongues(value).into_iter().next()),
        "hometown" => text("hometown", region(value)),
        "nickname" => text("nickname", name(value)),
        _ if key.ends_with("language") && is_choice(key) && leading_language(value).is_some() => {
            text(LANGUAGE, leading_language(value).map(str::to_owned))
        }
        _ if key.starts_with("favourite ") => {
            text(&snake_case(key)?, short(&tokens).filter(|_| !is_elsewhere(tokens.first().copied().unwrap_or_default(), "")))
        }
        _ if key.ends_with(" name") && !is_technical(key) => text(&snake_case(key)?, name(value)),
        _ if matches!(first.as_str(), "called" | "named") && has(KIN, key) => text(&format!("{key}s_name"), name(value.split_once(' ')?.1)),
        _ => None,
    }
}

fn is_choice(key: &str) -> bool {
    ["favourite ", "preferred ", "go-to ", "main ", "primary "].iter().any(|choice| key.starts_with(choice))
}

fn is_technical(key: &str) -> bool {
    key.split([' ', '\'']).any(|word| has(TECHNICAL, word))
}

/// "dog's name" -> dogs_name; `None` for what has other letters than English.
fn snake_case(key: &str) -> Option<String> {
    let plain: String =
        key.chars().filter(|c| !matches!(c, '\'' | '\u{2019}')).map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let parts: Vec<&str> = plain.split('_').filter(|part| !part.is_empty()).collect();
    let key = parts.join("_").to_lowercase();
    key.is_ascii().then_some(key)
}

/// A choice, without what is said after it.
fn short(tokens: &[&str]) -> Option<String> {
    let end = tokens.windows(2).position(|pair| matches!(pair, [and, next] if is_one_of("and", and) && is_one_of(ANEW, next)));
    let kept = head(tokens.get(..end.unwrap_or(tokens.len()))?, |token| !is_one_of("because but though which when if", token));
    joined(kept)
}

fn birthday(tokens: &[&str]) -> Option<String> {
    let begin = tokens.iter().position(|token| !is_one_of("on the", token))?;
    let kept = head(tokens.get(begin..)?, |token| !is_one_of(TAIL, token) && !is_one_of("in and", token));
    joined(kept).filter(|day| day.contains(|c: char| c.is_ascii_digit()) && kept.len() <= 5)
}

fn is_zone(zone: &str) -> bool {
    zone.split(' ').count() <= 3 && zone.contains(|c: char| c.is_uppercase() || c == '/')
}

fn pronouns(first: &str) -> Option<String> {
    first.split('/').all(|part| has(PRONOUNS, part)).then(|| first.to_owned())
}

/// "Rust for servers", "they/them pronouns".
fn uses(value: &str) -> Option<Fact> {
    if let Some(language) = leading_language(value) {
        return Some(Fact::text(LANGUAGE, language));
    }
    let words = words(value);
    match words.as_slice() {
        [first, pronoun, ..] if pronoun == "pronouns" => pronouns(first).map(|first| Fact::text("pronouns", &first)),
        _ => None,
    }
}

fn diet(value: &str) -> Option<String> {
    let mut tokens = value.split(' ');
    let (first, next) = (tokens.next()?, tokens.next());
    let is_over = first.ends_with(',') || next.is_none_or(|next| is_one_of("and now since by so too for with", next));
    is_over.then(|| lower(first))
}

/// The human languages that a value begins with.
fn tongues(value: &str) -> Vec<String> {
    let words = words(value);
    let known = words.iter().take_while(|word| has(TONGUES, word) || has(FLUENCY, word));
    let tongues = known.filter(|word| has(TONGUES, word));
    tongues.map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect()).collect()
}
