//! The import rules: which folder may know which. Arrows point inwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may fail"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder or file under `src/`, and the beginnings of paths that it must not import.
const RULES: [(&str, &[&str]); 11] = [
    // The domain knows neither platform nor serde, and nothing around it.
    (
        "domain",
        &[
            "worker",
            "serde",
            "serde_json",
            "wasm_bindgen",
            "js_sys",
            "web_sys",
            "chrono",
            "uuid",
            "getrandom",
            "crate::config",
            "crate::fault",
            "crate::http",
            "crate::index",
            "crate::model",
            "crate::platform",
            "crate::session",
            "crate::user",
        ],
    ),
    ("error.rs", &["worker", "serde", "crate::http", "crate::platform", "crate::session", "crate::user"]),
    // What is noted of a request is plain data: everybody may add to it, and it asks nobody.
    ("trace.rs", &["worker", "serde", "crate::config", "crate::http", "crate::model", "crate::platform", "crate::session", "crate::user"]),
    // A model sees messages and answers; it knows no session and, but for the file that asks, no platform.
    ("model/ask.rs", &["web_sys", "js_sys", "crate::config", "crate::http", "crate::index", "crate::session", "crate::user"]),
    (
        "model",
        &[
            "worker",
            "wasm_bindgen",
            "js_sys",
            "web_sys",
            "crate::config",
            "crate::http",
            "crate::index",
            "crate::platform",
            "crate::session",
            "crate::user",
        ],
    ),
    // The edge sees neither SQL nor a model nor the inside of an object.
    (
        "http",
        &[
            "crate::index::counters::object",
            "crate::index::counters::protocol",
            "crate::index::counters::storage",
            "crate::memory::protocol",
            "crate::memory::store",
            "crate::memory::table",
            "crate::model",
            "crate::platform::sql",
            "crate::platform::context",
            "crate::session::storage",
            "crate::session::core",
            "crate::session::contents",
            "crate::session::object",
            "crate::session::protocol",
            "crate::session::record",
            "crate::user::storage",
            "crate::user::object",
            "crate::user::protocol",
        ],
    ),
    // Nothing below the edge knows HTTP.
    ("memory", &["crate::http", "crate::model", "crate::index", "web_sys"]),
    ("session", &["crate::http", "web_sys"]),
    // Of the counters it tells, as sessions do; of the KV index it knows nothing.
    (
        "user",
        &[
            "crate::http",
            "web_sys",
            "crate::index::counters::object",
            "crate::index::counters::protocol",
            "crate::index::counters::storage",
            "crate::index::delete",
            "crate::index::put",
            "crate::index::walk",
            "crate::model",
        ],
    ),
    ("index", &["crate::http", "crate::session", "crate::user", "crate::model"]),
    // The platform knows nothing of sessions.
    (
        "platform",
        &[
            "crate::config",
            "crate::http",
            "crate::index",
            "crate::model",
            "crate::session",
            "crate::user",
            "crate::domain::session",
            "crate::domain::message",
        ],
    ),
];

/// Has rules of its own, apart from those of its folder.
const APART: &str = "model/ask.rs";

/// The only places that may contain SQL.
const SQL: [&str; 4] = ["index/counters/storage.rs", "memory/table.rs", "session/storage/", "user/storage/"];

#[test]
fn arrows_point_inwards() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checked = 0;
    for (place, forbidden) in RULES {
        let files = rust_files(&source.join(place));
        assert!(!files.is_empty(), "no such place: {place}");
        for file in files.into_iter().filter(|file| place == APART || !file.ends_with(APART)) {
            let imports = imports(&fs::read_to_string(&file).unwrap());
            checked += imports.len();
            for import in imports {
                let broken = forbidden.iter().find(|path| import == **path || import.starts_with(&format!("{path}::")));
                assert!(broken.is_none(), "{} imports {import}", file.display());
            }
        }
    }
    assert!(checked > 100, "only {checked} imports found: is the reader broken?");
}

#[test]
fn sql_stands_in_the_storage_files_alone() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&source) {
        let place = file.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let has_sql = ["Write::new(", ".rows(", ".row("].iter().any(|use_of_sql| text.contains(use_of_sql)) && place != "platform/sql.rs";
        assert_eq!(has_sql, SQL.iter().any(|sql| place.starts_with(sql)), "{place}");
    }
}

#[test]
fn imports_are_read_whole() {
    let source = "use a::b;\nuse crate::{x::{self, Y as Z}, w};\npub(crate) use c::{d, e};\nfn f() { crate::g::h(); }";
    assert_eq!(imports(source), ["a::b", "crate::x", "crate::x::Y", "crate::w", "c::d", "c::e", "crate::g::h"]);
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return Vec::from_iter(path.extension().is_some_and(|extension| extension == "rs").then(|| path.to_owned()));
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    entries.flat_map(|entry| rust_files(&entry.unwrap().path())).collect()
}

/// Every path that `use` or the code names, one by one.
fn imports(source: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = format!("\n{}", lines.collect::<Vec<_>>().join("\n"));
    let statements = text
        .split("\nuse ")
        .skip(1)
        .chain(text.split("\npub(crate) use ").skip(1))
        .chain(text.split("\npub use ").skip(1))
        .chain(text.split("\n    use ").skip(1));
    let imported = statements.filter_map(|rest| rest.split_once(';')).flat_map(|(tree, _)| flatten("", tree));
    // Paths in the code itself; what follows `crate::` up to the end of the path.
    let named = text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':')).unwrap_or(rest.len());
        format!("crate::{}", &rest[..end])
    });
    imported.chain(named.filter(|path| !path.ends_with("::"))).collect()
}

/// `a::{b, c::{self, D as E}}` -> `a::b`, `a::c`, `a::c::D`.
fn flatten(prefix: &str, tree: &str) -> Vec<String> {
    let Some((stem, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return vec![format!("{prefix}{path}").trim_end_matches("::self").to_owned()];
    };
    let prefix = format!("{prefix}{}", stem.trim());
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (index, character) in group.char_indices().chain([(group.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = group[start..index].trim();
                if !branch.is_empty() {
                    paths.extend(flatten(&prefix, branch));
                }
                start = index + 1;
            }
            _ => {}
        }
    }
    paths
}
