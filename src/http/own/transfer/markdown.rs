//! Markdown, for people. What others have written is quoted, or fenced where it is data, so it stays in its section
//! whatever it says; what could begin HTML is escaped.

use std::fmt::Write;

use crate::{
    domain::{
        message::{Message, Role},
        session::Session,
        turn::Cut,
    },
    http::own::rfc3339,
};

/// What stands before the messages.
pub(super) fn begin(session: &Session) -> String {
    let title = match &session.title {
        Some(title) => escape(title),
        None => "Conversation".to_owned(),
    };
    let mut text = format!("# {title}\n\n- Session: {}\n", code(session.id.as_str()));
    if let Some(user) = &session.user_id {
        add(&mut text, format_args!("- User: {}\n", code(user.as_str())));
    }
    let (created_at, last_activity) = (rfc3339(session.created_at), rfc3339(session.last_activity));
    add(&mut text, format_args!("- Persona: {}\n- Created: {created_at}\n- Last activity: {last_activity}\n", code(&session.persona)));
    add(&mut text, format_args!("- Messages: {}\n", session.message_count));
    text
}

/// A message as a section.
pub(super) fn message(message: &Message) -> String {
    let body = &message.body;
    let mut text = format!("\n## {}. {}", message.sequence, speaker(body.role));
    if let Some(name) = &body.name {
        add(&mut text, format_args!(" {}", code(name)));
    }
    add(&mut text, format_args!(", {}\n", rfc3339(message.created_at)));
    if let Some(call) = &body.tool_call_id {
        add(&mut text, format_args!("\nResult of call {}:\n", code(call)));
    }
    match (&body.content, message.removed_at) {
        (_, Some(removed_at)) => add(&mut text, format_args!("\n*Removed, {}.*\n", rfc3339(removed_at))),
        (Some(content), None) if body.role == Role::Tool => add(&mut text, format_args!("\n{}", fenced(content))),
        (Some(content), None) if !content.is_empty() => add(&mut text, format_args!("\n{}", quoted(content))),
        (Some(_) | None, None) => {}
    }
    for call in &body.tool_calls {
        add(&mut text, format_args!("\nCalls {} as {}:\n\n{}", code(&call.name), code(&call.id), fenced(&call.arguments)));
    }
    match body.cut {
        None => {}
        Some(Cut::Length) => text.push_str("\n*Cut off: too long.*\n"),
        Some(Cut::Stopped) => text.push_str("\n*Cut off: stopped.*\n"),
        Some(Cut::Interrupted) => text.push_str("\n*Cut off: interrupted.*\n"),
    }
    text
}

const fn speaker(role: Role) -> &'static str {
    match role {
        Role::System => "Instructions",
        Role::User => "User",
        Role::Assistant => "Assistant",
        Role::Tool => "Tool",
    }
}

/// A quotation: every line of it has its mark, so the first that has none ends it.
fn quoted(text: &str) -> String {
    lines(text).fold(String::new(), |mut quoted, line| {
        let mark = if line.is_empty() { ">" } else { "> " };
        add(&mut quoted, format_args!("{mark}{}\n", escape(line)));
        quoted
    })
}

/// A block of code whose fence is longer than any in it.
fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_run(text).saturating_add(1).max(3));
    let mut block = format!("{fence}\n");
    lines(text).for_each(|line| add(&mut block, format_args!("{line}\n")));
    block.push_str(&fence);
    block.push('\n');
    block
}

/// Code within a line; `text` has no line ends.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text).saturating_add(1));
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// What could begin a tag, a comment or a link in brackets does not. A backslash is enough, unless there is one already.
fn escape(line: &str) -> String {
    let (mut escaped, mut is_escaped) = (String::with_capacity(line.len()), false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let begins = characters.peek().is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'));
        if character == '<' && begins && !is_escaped {
            escaped.push('\\');
        }
        is_escaped = character == '\\' && !is_escaped;
        escaped.push(character);
    }
    escaped
}

/// Lines as Markdown knows them: a carriage return alone ends one, too.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_quotation() {
        let cases = [
            ("a\nb", "> a\n> b\n"),
            ("a\r\n\rb\n", "> a\n>\n> b\n>\n"),
            ("## 2. Assistant\n```", "> ## 2. Assistant\n> ```\n"),
            ("<script>x</script> <!-- 1 < 2 <3", "> \\<script>x\\</script> \\<!-- 1 < 2 <3\n"),
            (r"\<b> \\<b>", "> \\<b> \\\\\\<b>\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(quoted(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_leaves_its_fence() {
        let cases = [
            ("{}", "```\n{}\n```\n"),
            ("a\n```\n# b", "````\na\n```\n# b\n````\n"),
            ("`````", "``````\n`````\n``````\n"),
            ("", "```\n\n```\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(fenced(text), expected, "{text:?}");
        }
        let cases = [("f", "`f`"), ("a`b", "``a`b``"), ("`", "`` ` ``")];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text:?}");
        }
    }
}
