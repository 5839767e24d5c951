//! How a session's user likes to be talked to, as their messages show it.
//!
//! Rules, no statistics: each message moves the profile at once, and what it does not touch stays. The rules:
//!
//! | message | moves |
//! |---|---|
//! | asks for detail | depth to advanced, verbosity to high |
//! | asks for something simple | depth to shallow |
//! | asks for something brief, or has at most three words that are more than a greeting or thanks | verbosity to low |
//! | opens with slang, or asks to be casual | tone to casual |
//! | speaks of architecture or scalability, or asks to be technical | tone to technical |
//! | asks to be formal or neutral | tone to neutral |

use super::{
    prose::{is_greeting, prose, words},
    style::Style,
};

/// What is known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// How much to say.
    pub verbosity: Verbosity,
    /// In which voice.
    pub tone: Tone,
    /// How far to go into things.
    pub depth: Depth,
}

/// How much to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Little.
    Low,
    /// As much as is usual.
    #[default]
    Medium,
    /// Much.
    High,
}

/// In which voice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As among friends.
    Casual,
    /// As among strangers.
    #[default]
    Neutral,
    /// As among engineers.
    Technical,
}

/// How far to go into things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Depth {
    /// For beginners.
    Shallow,
    /// For most.
    #[default]
    Normal,
    /// For experts.
    Advanced,
}

/// A message of at most so many words is a short one.
const SHORT_WORDS: usize = 3;
const SLANG: [&str; 9] = ["yo", "sup", "wassup", "whassup", "heya", "hiya", "howdy", "ayo", "wazzup"];
const BUDDIES: [&str; 6] = ["dude", "bro", "man", "mate", "buddy", "fam"];
const TECHNICAL: [&str; 11] = [
    "architecture",
    "architectural",
    "scalability",
    "scalable",
    "microservice",
    "microservices",
    "throughput",
    "latency",
    "concurrency",
    "kubernetes",
    "sharding",
];
/// Words of greetings and thanks: a message of nothing else says nothing about its writer.
const COURTESY: [&str; 14] =
    ["there", "good", "morning", "afternoon", "evening", "thanks", "thank", "you", "thx", "a", "lot", "so", "much", "very"];

/// What a client changes in it; `None` leaves a thing as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ProfilePatch {
    /// How much to say.
    pub verbosity: Option<Verbosity>,
    /// In which voice.
    pub tone: Option<Tone>,
    /// How far to go into things.
    pub depth: Option<Depth>,
}

impl Profile {
    /// The profile after a client has changed it.
    pub(crate) fn patched(self, patch: ProfilePatch) -> Profile {
        Profile {
            verbosity: patch.verbosity.unwrap_or(self.verbosity),
            tone: patch.tone.unwrap_or(self.tone),
            depth: patch.depth.unwrap_or(self.depth),
        }
    }

    /// The profile after its user has said `message`.
    pub(crate) fn moved_by(self, message: &str) -> Profile {
        let words = words(&prose(message));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut profile = Profile { tone: tone(&words).unwrap_or(self.tone), ..self };
        if is_short(&words) {
            profile.verbosity = Verbosity::Low;
        }
        // "A detailed but short answer": whoever asks for two gets the first of all styles, so that one comes last.
        for style in Style::ALL.into_iter().rev().filter(|style| style.is_wished(&words) || *style == Style::Detailed && wants_more(&words))
        {
            match style {
                Style::Brief => profile.verbosity = Verbosity::Low,
                Style::Detailed => (profile.depth, profile.verbosity) = (Depth::Advanced, Verbosity::High),
                Style::Simple => profile.depth = Depth::Shallow,
            }
        }
        profile
    }

    /// What to tell a model; `None` when there is nothing special.
    pub(crate) fn instruction(self) -> Option<String> {
        let verbosity = match self.verbosity {
            Verbosity::Low => Some("keep answers short"),
            Verbosity::Medium => None,
            Verbosity::High => Some("answer at length"),
        };
        let depth = match self.depth {
            Depth::Shallow => Some("explain in simple terms"),
            Depth::Normal => None,
            Depth::Advanced => Some("go into technical depth"),
        };
        let tone = match self.tone {
            Tone::Casual => Some("The tone is casual."),
            Tone::Neutral => None,
            Tone::Technical => Some("The tone is technical and precise."),
        };
        let wishes: Vec<&str> = verbosity.into_iter().chain(depth).collect();
        let first = (!wishes.is_empty()).then(|| format!("For this user, {}.", wishes.join(" and ")));
        let sentences: Vec<String> = first.into_iter().chain(tone.map(str::to_owned)).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

fn is_short(words: &[&str]) -> bool {
    let says_something = words.iter().any(|word| !is_greeting(word) && !SLANG.contains(word) && !COURTESY.contains(word));
    words.len() <= SHORT_WORDS && says_something && !opens_with_slang(words)
}

/// Asks for detail once, which is no wish for all answers.
fn wants_more(words: &[&str]) -> bool {
    let phrases: [&[&str]; 3] = [&["more", "details"], &["tell", "me", "more"], &["elaborate"]];
    phrases.iter().any(|phrase| words.windows(phrase.len()).any(|window| window == *phrase))
}

fn opens_with_slang(words: &[&str]) -> bool {
    match words {
        [first, ..] if SLANG.contains(first) => true,
        ["what's" | "whats", "up"] => true,
        [greeting, buddy, ..] => is_greeting(greeting) && (BUDDIES.contains(buddy) || matches!(words, [_, "what's" | "whats", "up", ..])),
        _ => false,
    }
}

/// The tone that the words ask for, or else use.
fn tone(words: &[&str]) -> Option<Tone> {
    let asked = words.iter().enumerate().find_map(|(at, word)| {
        let before = words.get(at.saturating_sub(4)..at)?;
        let is_asked = before.iter().any(|word| matches!(*word, "be" | "sound" | "stay" | "keep"))
            && !before.iter().any(|word| matches!(*word, "don't" | "dont" | "not" | "never" | "it'll" | "will"));
        match *word {
            "formal" | "professional" | "neutral" if is_asked => Some(Tone::Neutral),
            "casual" | "informal" if is_asked => Some(Tone::Casual),
            "technical" if is_asked => Some(Tone::Technical),
            _ => None,
        }
    });
    let is_technical = || words.iter().any(|word| TECHNICAL.contains(word));
    asked.or_else(|| is_technical().then_some(Tone::Technical)).or_else(|| opens_with_slang(words).then_some(Tone::Casual))
}

impl Verbosity {
    /// Every degree.
    pub(crate) const ALL: [Verbosity; 3] = [Verbosity::Low, Verbosity::Medium, Verbosity::High];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Verbosity::Low => "low",
            Verbosity::Medium => "medium",
            Verbosity::High => "high",
        }
    }
}

impl Tone {
    /// Every tone.
    pub(crate) const ALL: [Tone; 3] = [Tone::Casual, Tone::Neutral, Tone::Technical];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Tone::Casual => "casual",
            Tone::Neutral => "neutral",
            Tone::Technical => "technical",
        }
    }
}

impl Depth {
    /// Every degree.
    pub(crate) const ALL: [Depth; 3] = [Depth::Shallow, Depth::Normal, Depth::Advanced];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Depth::Shallow => "shallow",
            Depth::Normal => "normal",
            Depth::Advanced => "advanced",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(profile: Profile) -> [&'static str; 3] {
        [profile.verbosity.name(), profile.tone.name(), profile.depth.name()]
    }

    #[test]
    fn messages_move_the_profile() {
        let cases = [
            ("", ["medium", "neutral", "normal"]),
            ("What is the capital of France?", ["medium", "neutral", "normal"]),
            ("Explain recursion", ["low", "neutral", "normal"]),
            ("why not now", ["low", "neutral", "normal"]),
            ("and why not now", ["medium", "neutral", "normal"]),
            ("Hello", ["medium", "neutral", "normal"]),
            ("Good morning!", ["medium", "neutral", "normal"]),
            ("Thanks a lot", ["medium", "neutral", "normal"]),
            ("...", ["medium", "neutral", "normal"]),
            ("more details please", ["high", "neutral", "advanced"]),
            ("Please explain in detail how it works", ["high", "neutral", "advanced"]),
            ("Please be brief when you answer me", ["low", "neutral", "normal"]),
            ("Don't be brief, I have all day", ["medium", "neutral", "normal"]),
            ("I am a bit short of money today", ["medium", "neutral", "normal"]),
            ("a detailed but short answer", ["low", "neutral", "advanced"]),
            ("keep it simple for me, please", ["medium", "neutral", "shallow"]),
            ("Explain it to me like I'm five", ["medium", "neutral", "shallow"]),
            ("yo", ["medium", "casual", "normal"]),
            ("sup bro", ["medium", "casual", "normal"]),
            ("Hey dude, can you help me out here?", ["medium", "casual", "normal"]),
            ("what's up", ["medium", "casual", "normal"]),
            ("What's up with the build on main today?", ["medium", "neutral", "normal"]),
            ("young people like supper at eight", ["medium", "neutral", "normal"]),
            ("How does the scalability of this compare?", ["medium", "technical", "normal"]),
            ("Please be more technical from now on", ["medium", "technical", "normal"]),
            ("I like my landscape architect a lot", ["medium", "neutral", "normal"]),
            ("```\nbe brief\n```\nwhat does this text say?", ["medium", "neutral", "normal"]),
        ];
        for (message, expected) in cases {
            assert_eq!(names(Profile::default().moved_by(message)), expected, "{message:?}");
        }
    }

    #[test]
    fn what_a_message_does_not_touch_stays() {
        let profile = Profile { verbosity: Verbosity::High, tone: Tone::Casual, depth: Depth::Advanced };
        assert_eq!(profile.moved_by("What is the capital of France?"), profile);
        assert_eq!(names(profile.moved_by("Please be formal with me")), ["high", "neutral", "advanced"]);
        assert_eq!(names(profile.moved_by("Please don't be formal with me")), ["high", "casual", "advanced"]);
        assert_eq!(names(profile.moved_by("Just keep it simple for me")), ["high", "casual", "shallow"]);
    }

    #[test]
    fn a_model_is_told_what_is_not_usual() {
        let casual = Profile { verbosity: Verbosity::Low, tone: Tone::Casual, depth: Depth::Shallow };
        let technical = Profile { tone: Tone::Technical, ..Profile::default() };
        let deep = Profile { verbosity: Verbosity::High, depth: Depth::Advanced, ..Profile::default() };
        let cases = [
            (Profile::default(), None),
            (casual, Some("For this user, keep answers short and explain in simple terms. The tone is casual.")),
            (technical, Some("The tone is technical and precise.")),
            (deep, Some("For this user, answer at length and go into technical depth.")),
        ];
        for (profile, expected) in cases {
            assert_eq!(profile.instruction().as_deref(), expected, "{profile:?}");
        }
    }

    #[test]
    fn names_tell_values_apart() {
        use crate::domain::turn::named;
        assert!(Verbosity::ALL.iter().all(|value| named(&Verbosity::ALL, Verbosity::name, value.name()) == Some(*value)));
        assert!(Tone::ALL.iter().all(|value| named(&Tone::ALL, Tone::name, value.name()) == Some(*value)));
        assert!(Depth::ALL.iter().all(|value| named(&Depth::ALL, Depth::name, value.name()) == Some(*value)));
    }
}
