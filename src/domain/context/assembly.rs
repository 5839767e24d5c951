//! Putting a context together: each part takes its share of what room is left, the newest message first.

use super::{
    Context, Kind, LeftOut, Material, Part, Remembered, Strategy, Summary, Why, bytes, share, span,
    units::{self, Unit},
    words,
};
use crate::domain::{
    history::prompt,
    message::{Message, NewMessage, Role},
};

/// Room for what joins the parts: an opening, line breaks.
const JOINTS_BYTES: usize = 128;

/// Stands between two instructions.
const INSTRUCTIONS_JOINT: &str = "\n\n";

/// Puts together what a model sees, in at most `budget_bytes` bytes of text.
pub(crate) fn assemble(material: Material, strategy: Strategy, budget_bytes: usize) -> Context {
    let Material { persona, instructions, user_memory, session_memory, summary, recent, passages, goes_on, summarized, unread } = material;
    let request_bytes = if goes_on { prompt::GO_ON.len() } else { 0 };
    let room = budget_bytes.saturating_sub(JOINTS_BYTES).saturating_sub(request_bytes);
    let mut assembly = Assembly { context: Context::default(), front: Vec::new(), room, window: u64::MAX };

    let mut units = units::group(recent);
    let newest = units.pop().map(|newest| assembly.take_newest(newest, persona.len().saturating_add(size_of(&instructions))));
    assembly.put_instructions(persona, &instructions);
    assembly.put_memory([(Kind::UserMemory, user_memory), (Kind::SessionMemory, session_memory)]);
    let summary = summary.filter(|_| strategy != Strategy::Truncate);
    let summary_span = summary.as_ref().map(|summary| (summary.from, summary.through));
    let kept = assembly.put_past(units, summary, passages, strategy);
    assembly.context.leave_out(Kind::Messages, summarized, summary_span, Why::Summarized);
    assembly.context.leave_out(Kind::Messages, unread, None, Why::TooOld);
    assembly.finish(kept.into_iter().chain(newest).flat_map(Unit::into_messages).collect(), goes_on)
}

/// A context that is being put together.
struct Assembly {
    context: Context,
    /// What stands before the messages.
    front: Vec<String>,
    /// What is left of the budget, in bytes.
    room: usize,
    /// The oldest message that is shown as it is, so far.
    window: u64,
}

impl Assembly {
    /// The newest is always there. However long it is, it leaves some room for instructions: nobody switches them off by
    /// length.
    fn take_newest(&mut self, newest: Unit, instructions_bytes: usize) -> Unit {
        let most = self.room.saturating_sub(instructions_bytes).max(share(self.room, 3, 4));
        let (newest, is_shortened) = newest.shrunk_to(most);
        if is_shortened {
            self.context.leave_out(Kind::Messages, newest.count(), newest.span(), Why::Shortened);
        }
        self.room = self.room.saturating_sub(newest.size_bytes());
        self.window = newest.span().map_or(self.window, |(first, _)| first);
        newest
    }

    /// When there is no room for all of them, the persona's and the others are left half of it each.
    fn put_instructions(&mut self, persona: String, instructions: &[String]) {
        let of_persona = self.room.saturating_sub(size_of(instructions)).max(share(self.room, 1, 2));
        self.put_shortened(Kind::Persona, persona, 1, of_persona);
        self.put_shortened(Kind::Instructions, instructions.join(INSTRUCTIONS_JOINT), bytes(instructions.len()), self.room);
    }

    fn put_shortened(&mut self, kind: Kind, text: String, count: u64, most: usize) {
        let (text, is_shortened) = units::shortened(text, most);
        if is_shortened {
            self.context.leave_out(kind, count, None, Why::Shortened);
        }
        self.put(kind, text, count, None);
    }

    fn put_memory(&mut self, memories: [(Kind, Remembered); 2]) {
        let mut room = share(self.room, 1, 3);
        for (kind, Remembered { latest, total }) in memories {
            let (text, told) = words::of_memory(kind, &latest, room);
            self.context.leave_out(kind, total.saturating_sub(told), None, Why::Budget);
            room = room.saturating_sub(text.len());
            self.put(kind, text, told, None);
        }
    }

    /// Puts what stands for older messages, and gives those of `units` that are kept as they are. `summary` ends before them.
    fn put_past(&mut self, units: Vec<Unit>, summary: Option<Summary>, passages: Vec<Message>, strategy: Strategy) -> Vec<Unit> {
        let has_summary = strategy != Strategy::Truncate;
        let stored = summary.as_ref().map(|summary| units::shortened(summary.text.clone(), share(self.room, 1, 4)).0).unwrap_or_default();
        let of_passages = if strategy == Strategy::Hierarchical { share(self.room, 1, 4) } else { 0 };
        let of_all = self.room.saturating_sub(stored.len()).saturating_sub(words::SUMMARY.len());
        // What does not fit, and is in no summary yet, is told by its first sentences.
        let (of_gap, of_recent) = match size_bytes(&units) <= of_all {
            true => (0, of_all),
            false if has_summary => (share(self.room, 1, 8), of_all.saturating_sub(share(self.room, 1, 8)).saturating_sub(of_passages)),
            false => (0, of_all),
        };
        let (gap, kept) = units::newest_within(units, of_recent);
        self.room = self.room.saturating_sub(size_bytes(&kept));

        let gap: Vec<Message> = gap.into_iter().flat_map(Unit::into_messages).collect();
        let why = if has_summary { Why::Summarized } else { Why::Budget };
        self.context.leave_out(Kind::Messages, bytes(gap.len()), span(&gap), why);
        let of_summary = summary.map(|summary| (summary.from, summary.through));
        let covered = [of_summary, span(&gap)].into_iter().flatten().reduce(|(first, _), (_, last)| (first, last));
        if let Some(covered) = covered.filter(|_| has_summary) {
            let text = words::extract(&stored, &gap, stored.len().saturating_add(of_gap));
            self.put(Kind::Summary, format!("{}{text}", words::SUMMARY), 1, Some(covered));
        }

        let window = kept.first().and_then(Unit::span).map_or(self.window, |(first, _)| first);
        let quoted: Vec<Message> = passages.into_iter().filter(|passage| passage.sequence < window).collect();
        let (text, told) = words::of_passages(&quoted, of_passages.min(self.room));
        self.put(Kind::Passages, text, told, None);
        kept
    }

    fn finish(mut self, latest: Vec<Message>, goes_on: bool) -> Context {
        self.context.parts.push(Part {
            kind: Kind::Messages,
            count: bytes(latest.len()),
            bytes: latest.iter().map(|message| bytes(message.body.size_bytes())).sum(),
            span: span(&latest),
            text: None,
        });
        let system = (!self.front.is_empty()).then(|| NewMessage::text(Role::System, self.front.join("\n\n")));
        let history = system.into_iter().chain(latest.into_iter().map(|message| message.body));
        self.context.prompt = if goes_on { prompt::to_go_on_with(history) } else { prompt::of(history) };
        self.context
    }

    fn put(&mut self, kind: Kind, text: String, count: u64, span: Option<(u64, u64)>) {
        if !text.is_empty() {
            self.room = self.room.saturating_sub(text.len());
            self.context.parts.push(Part { kind, count, bytes: bytes(text.len()), span, text: Some(text.clone()) });
            self.front.push(text);
        }
    }
}

impl Context {
    fn leave_out(&mut self, kind: Kind, count: u64, span: Option<(u64, u64)>, why: Why) {
        if count > 0 {
            self.left_out.push(LeftOut { kind, count, span, why });
        }
    }
}

/// What instructions take, joined.
fn size_of(instructions: &[String]) -> usize {
    instructions.iter().map(|text| text.len().saturating_add(INSTRUCTIONS_JOINT.len())).fold(0, usize::saturating_add)
}

fn size_bytes(units: &[Unit]) -> usize {
    units.iter().map(Unit::size_bytes).fold(0, usize::saturating_add)
}
