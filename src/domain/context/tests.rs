//! Tests: whatever the history and the budget, a context fits, is whole, and names what is missing.

use proptest::prelude::*;

use super::{Kind, Known, Material, Remembered, Summary, Why, assemble, bytes, summarize_through, words};
use crate::domain::{
    history::{pairing::OpenCalls, prompt},
    message::{Message, NewMessage, Role, ToolCall},
    time::Timestamp,
};

/// One to three messages: what is said, an answer, or calls with their results.
#[derive(Debug, Clone)]
enum Piece {
    Said(String),
    Answered(String),
    Called(Vec<(String, String)>),
}

fn piece() -> impl proptest::strategy::Strategy<Value = Piece> {
    let text = || prop_oneof!["[a-z .]{0,30}", "(ü|🦊|\n|x){0,300}"];
    prop_oneof![
        text().prop_map(Piece::Said),
        text().prop_map(Piece::Answered),
        prop::collection::vec((text(), text()), 1..5).prop_map(Piece::Called),
    ]
}

/// Messages from `first` on.
fn history(pieces: &[Piece], first: u64) -> Vec<Message> {
    let mut bodies = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Said(text) => bodies.push(NewMessage::text(Role::User, text.clone())),
            Piece::Answered(text) => bodies.push(NewMessage::text(Role::Assistant, text.clone())),
            Piece::Called(calls) => {
                let call = |(index, (arguments, _)): (usize, &(String, String))| ToolCall {
                    id: format!("call_{number}_{index}"),
                    name: "f".into(),
                    arguments: arguments.clone(),
                };
                let tool_calls = calls.iter().enumerate().map(call).collect();
                bodies.push(NewMessage { content: None, tool_calls, ..NewMessage::text(Role::Assistant, "") });
                bodies.extend(calls.iter().enumerate().map(|(index, (_, result))| NewMessage {
                    tool_call_id: Some(format!("call_{number}_{index}")),
                    ..NewMessage::text(Role::Tool, result.clone())
                }));
            }
        }
    }
    (first..)
        .zip(bodies)
        .map(|(sequence, body)| Message { sequence, created_at: Timestamp::from_millis(0), replaces: None, removed_at: None, body })
        .collect()
}

fn remembered(latest: Vec<Known>) -> Remembered {
    Remembered { total: bytes(latest.len()), latest }
}

fn material(pieces: &[Piece], summarized: u64, newest: &str) -> Material {
    let recent = [pieces, &[Piece::Said(newest.to_owned())]].concat();
    let known = |key: &str, value: String| Known { key: key.into(), value };
    Material {
        persona: "You are kind.".repeat(pieces.len()),
        instructions: vec!["Be kind.".into(), "x".repeat(pieces.len() * 20)],
        user_memory: remembered((0..pieces.len()).map(|n| known("name", "y".repeat(n * 30))).collect()),
        session_memory: remembered(vec![known("plan", "travel".into())]),
        summary: (summarized > 0).then(|| Summary { from: 1, through: summarized, text: "z ".repeat(200) }),
        recent: history(&recent, summarized + 1),
        passages: history(pieces, 1),
        ..Material::default()
    }
}

proptest! {
    /// Whatever there is: it fits, every provider takes it, the newest is there, and nothing is told twice or not at all.
    #[test]
    fn a_context_fits_its_budget_and_is_whole(
        pieces in prop::collection::vec(piece(), 0..25),
        summarized in prop_oneof![Just(0_u64), 1_u64..50],
        newest in prop_oneof!["[a-z]{1,20}", "[a-z]{1000,4000}"],
        strategy in prop::sample::select(super::Strategy::ALL.to_vec()),
        budget_bytes in 500_usize..6000,
        goes_on: bool,
    ) {
        let material = Material { goes_on, ..material(&pieces, summarized, &newest) };
        let (recent, has_summary) = (material.recent.clone(), strategy != super::Strategy::Truncate);
        let context = assemble(material, strategy, budget_bytes);

        let size_bytes = prompt::size_bytes(&context.prompt);
        prop_assert!(size_bytes <= bytes(budget_bytes), "{size_bytes} of {budget_bytes}");
        let said: Vec<&NewMessage> = context.prompt.iter().skip_while(|message| message.role == Role::System).collect();
        prop_assert_eq!(said[0].role, Role::User);
        prop_assert!(said.windows(2).all(|pair| pair[1].role == Role::Tool || pair[0].role != pair[1].role || !pair[0].tool_calls.is_empty()));
        let whole: Vec<NewMessage> = said.iter().map(|message| (*message).clone()).collect();
        prop_assert!(OpenCalls::at_end_of(&whole).stubs().is_empty());
        prop_assert_eq!(OpenCalls::default().close(whole.clone()).unwrap(), whole);
        let last = said.iter().rev().find_map(|message| message.content.as_deref()).unwrap();
        prop_assert!(goes_on || last.ends_with(&newest) || (last.contains("shortened") && newest.ends_with(&last[last.len() - 20..])), "{last}");

        let part = |kind| context.parts.iter().find(|part| part.kind == kind).and_then(|part| part.span);
        let (first, end) = part(Kind::Messages).unwrap();
        prop_assert_eq!(end, recent.last().unwrap().sequence);
        let before = part(Kind::Summary).map_or(0, |(_, through)| through);
        prop_assert!(before < first);
        let is_told = |sequence: &u64| *sequence > before && *sequence < first;
        let untold: Vec<u64> = recent.iter().map(|message| message.sequence).filter(is_told).collect();
        prop_assert!(!has_summary || untold.is_empty(), "neither in the summary nor quoted: {untold:?}");
    }

    /// A summary ends where messages end that go together, and leaves the newest alone.
    #[test]
    fn a_summary_ends_between_messages(pieces in prop::collection::vec(piece(), 1..25), budget_bytes in 500_usize..6000) {
        let recent = history(&pieces, 1);
        if let Some(through) = summarize_through(&recent, budget_bytes) {
            let after: Vec<NewMessage> = recent.iter().filter(|message| message.sequence > through).map(|message| message.body.clone()).collect();
            prop_assert!(OpenCalls::default().close(after).is_ok());
        }
    }
}

#[test]
fn parts_come_in_order_and_what_is_missing_is_named() {
    let said = |texts: &[&str]| texts.iter().map(|text| Piece::Said((*text).to_owned())).collect::<Vec<_>>();
    let long = "word ".repeat(200);
    let pieces = said(&["My name is John. I live in Sofia.", &long, &long, "short"]);
    let mut material = material(&pieces, 0, "What is my name?");
    (material.persona, material.instructions) = ("You are a nurse.".into(), vec!["Be kind.".into()]);
    material.user_memory = remembered(vec![Known { key: "name".into(), value: "John".into() }]);
    let context = assemble(material.clone(), super::Strategy::Hierarchical, 1500);
    let system = context.prompt[0].content.as_deref().unwrap();
    let expected = "You are a nurse.\n\nBe kind.\n\nWhat is known about the user:\n- name: John\n\nWhat is noted for this conversation:\n- plan: travel\n\n\
      What was said earlier in this conversation, in short:\n- user: My name is John.";
    assert!(system.starts_with(expected), "{system}");
    assert!(system.contains("\n\nFrom earlier in this conversation:\n- user: My name is John. I live in Sofia."), "{system}");
    let kinds: Vec<&str> = context.parts.iter().map(|part| part.kind.name()).collect();
    assert_eq!(kinds, ["persona", "instructions", "user_memory", "session_memory", "summary", "passages", "messages"]);
    let missing: Vec<_> = context.left_out.iter().map(|left| (left.kind.name(), left.span, left.why.name())).collect();
    assert_eq!(missing, [("messages", Some((1, 3)), "summarized")]);
    assert_eq!(words::known_in(system).collect::<Vec<_>>(), [("name", "John")]);

    let context = assemble(material.clone(), super::Strategy::Truncate, 1500);
    assert_eq!(context.left_out.last().map(|left| (left.count, left.why)), Some((2, Why::Budget)));
    let context = assemble(material, super::Strategy::Summarize, 100_000);
    assert_eq!((context.left_out, context.parts.len()), (Vec::new(), 5));
}

#[test]
fn neither_a_persona_nor_instructions_are_switched_off_by_the_other() {
    let sized = |persona: usize, instructions: usize| Material {
        persona: "p".repeat(persona),
        instructions: vec!["i".repeat(instructions)],
        recent: history(&[Piece::Said("What now?".into())], 1),
        ..Material::default()
    };
    for (persona, instructions) in [(100, 100), (5000, 100), (100, 5000), (5000, 5000)] {
        let context = assemble(sized(persona, instructions), super::Strategy::Truncate, 1500);
        let told = |kind| context.parts.iter().find(|part| part.kind == kind).map_or(0, |part| part.bytes);
        let (of_persona, of_instructions) = (told(Kind::Persona), told(Kind::Instructions));
        assert!(of_persona >= 100 && of_instructions >= 100, "{of_persona} and {of_instructions} of {persona} and {instructions}");
        let shortened: Vec<_> = context.left_out.iter().map(|left| left.kind).collect();
        assert_eq!(shortened.contains(&Kind::Persona), persona == 5000, "{persona} and {instructions}");
        assert_eq!(shortened.contains(&Kind::Instructions), instructions == 5000, "{persona} and {instructions}");
    }
}
