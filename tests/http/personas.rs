//! Personas: which there are, who may be asked for, and that models are told who they are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::support::{Server, json, model::Model, root};

const BUILT_IN: [&str; 5] = ["default", "mental_health_nurse", "technical_support", "creative_writer", "supportive_coach"];

/// A poet of the deployment's own, and another nurse than the one that is built in.
const OWN: (&str, &str) = (
    "PERSONAS",
    r#"{"poet": {"name": "Poet", "description": "Rhymes.", "instructions": "Answer in rhymes."},
        "mental_health_nurse": {"name": "Our nurse", "description": "Ours.", "instructions": "You are our nurse."}}"#,
);

fn listed(server: &Server) -> Vec<Value> {
    server.get("/personas").expect(200).value()["personas"].as_array().unwrap().clone()
}

fn ids(personas: &[Value]) -> Vec<&str> {
    personas.iter().map(|persona| persona["id"].as_str().unwrap()).collect()
}

/// What the model was told before anything else, the last time it was asked.
fn told(model: &Model) -> String {
    let last = model.requests().last().unwrap().body["messages"][0].clone();
    if last["role"] == "system" { last["content"].as_str().unwrap().to_owned() } else { String::new() }
}

#[test]
fn clients_are_told_who_there_is_and_not_what_the_model_is_told() {
    let server = Server::start();
    let personas = listed(&server);
    assert_eq!(ids(&personas), BUILT_IN);
    assert_eq!(personas[2]["name"], "Technical Support");
    for persona in &personas {
        let fields: Vec<&String> = persona.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["description", "id", "key", "max_tokens", "name", "role", "tags", "temperature"]);
    }
    server.post("/personas", json!({})).expect_problem(405, "METHOD_NOT_ALLOWED");

    let server = Server::with(&[OWN]);
    let personas = listed(&server);
    assert_eq!(ids(&personas), [&BUILT_IN[..], &["poet"]].concat());
    let told = ["id", "key", "name", "description"].map(|field| personas[1][field].as_str().unwrap());
    assert_eq!(told, ["mental_health_nurse", "mental_health_nurse", "Our nurse", "Ours."]);
}

#[test]
fn nobody_unknown_is_asked_for() {
    let server = Server::with(&[OWN]);
    let id = server.new_session();
    let body = json!({"persona": "nobody", "message": "x"});
    let exported = r#"{"format":"edge-sessions.session","version":1,"session":{"persona":"nobody"},"messages":[]}"#;
    let import = |query: &str| {
        server.ask("POST", &format!("/sessions/import{query}"), &[("content-type", "application/json")], Some(exported.as_bytes()))
    };
    for refused in [
        server.post("/sessions", body.clone()),
        server.post("/chat", body.clone()),
        server.patch(&format!("/sessions/{id}"), body.clone()),
        server.post(&format!("/sessions/{id}/fork"), body),
        import(""),
        import("?persona=somebody"),
    ] {
        let problem = refused.expect_problem(400, "VALIDATION_ERROR").value();
        let rule = "persona must be one of default, mental_health_nurse, technical_support, creative_writer, supportive_coach, poet.";
        assert_eq!((&problem["errors"][0]["field"], &problem["detail"]), (&json!("persona"), &json!(rule)));
    }
    import("?persona=poet").expect(201);
    assert_eq!(server.patch(&format!("/sessions/{id}"), json!({"persona": "poet"})).expect(200).text("persona"), "poet");
    assert_eq!(server.post(&format!("/sessions/{id}/fork"), json!({})).expect(201).text("persona"), "poet");
}

#[test]
fn models_are_told_who_they_are() {
    let model = Model::start(|_, _| Model::saying("Fine."));
    let server = Server::asking(&model, &[OWN]);
    let id = server.post("/sessions", json!({"persona": "poet"})).expect(201).text("session_id");
    server.post(&format!("/sessions/{id}/messages"), json!({"messages": [{"role": "system", "content": "Be brief."}]})).expect(201);
    let shown = server.get(&format!("/sessions/{id}/context?message=What+is+there+to+say")).expect(200).value();
    let kinds: Vec<&str> = shown["parts"].as_array().unwrap().iter().map(|part| part["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds, &shown["parts"][0]["count"]), (vec!["persona", "instructions", "messages"], &json!(1)));
    server.say(&id, "What is there to say");
    assert_eq!(told(&model), "Answer in rhymes.\n\nBe brief.");
    assert_eq!(model.requests()[0].body["messages"], shown["messages"]);

    // From then on it is another.
    for (persona, beginning) in [
        ("mental_health_nurse", "You are our nurse.\n\nBe brief."),
        ("default", "You are a helpful assistant."),
        ("creative_writer", "You are a creative writer"),
    ] {
        server.patch(&format!("/sessions/{id}"), json!({"persona": persona})).expect(200);
        server.say(&id, "And what is there to say now?");
        assert!(told(&model).starts_with(beginning), "{persona}: {}", told(&model));
    }
    // A session that names none has the default's.
    server.post("/chat", json!({"message": "What is there to say?"})).expect(200);
    assert!(told(&model).starts_with("You are a helpful assistant."), "{}", told(&model));
    server.post("/chat", json!({"message": "What is there to say?", "persona": "technical_support"})).expect(200);
    assert!(told(&model).starts_with("You are a technical support engineer."), "{}", told(&model));
}

#[test]
fn a_session_outlives_its_persona() {
    let model = Model::start(|_, _| Model::saying("Fine."));
    let models = ("PERSONA_MODELS", r#"{"poet":{"temperature":1.5}}"#);
    let mut server = Server::asking(&model, &[OWN, models]);
    let id = server.post("/sessions", json!({"persona": "poet"})).expect(201).text("session_id");
    server.say(&id, "What is there to say?");
    assert_eq!((told(&model), &model.requests()[0].body["temperature"]), ("Answer in rhymes.".into(), &json!(1.5)));

    server.configure(&[
        ("AUTH_MODE", "open"),
        ("MODEL_PROVIDER", "openai"),
        ("MODEL_NAME", "small"),
        ("MODEL_BASE_URL", &model.base_url()),
    ]);
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).text("persona"), "poet");
    server.say(&id, "And what is there to say now?");
    assert!(told(&model).starts_with("You are a helpful assistant."), "{}", told(&model));
    assert_eq!(server.post(&format!("/sessions/{id}/fork"), json!({})).expect(201).text("persona"), "poet");
    server.post("/sessions", json!({"persona": "poet"})).expect_problem(400, "VALIDATION_ERROR");
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    for (variables, detail) in [
        ([("PERSONAS", "poet")], "PERSONAS is not the JSON it should be, at line 1 column 1."),
        ([("PERSONAS", r#"{"p":{"name":"P","description":"D"}}"#)], "PERSONAS is not the JSON it should be, at line 1 column 35."),
        ([("PERSONAS", r#"{"p":{"name":"","description":"D","instructions":""}}"#)], "PERSONAS: p.name must have 1 to 64 characters."),
        ([("PERSONA_MODELS", r#"{"poet":{}}"#)], "PERSONA_MODELS names poet, and there is no such persona."),
    ] {
        let server = Server::with(&variables);
        assert_eq!(server.get("/personas").expect_problem(503, "MISCONFIGURED").text("detail"), detail);
    }
}

/// A project with the tools of this one and its personas; gone with its end.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Project {
        let project = Project(fs::canonicalize(std::env::temp_dir()).unwrap().join(format!("edge-sessions-{name}-{}", std::process::id())));
        for folder in ["tools", "src/personas"] {
            fs::create_dir_all(project.0.join(folder)).unwrap();
            for entry in fs::read_dir(root().join(folder)).unwrap() {
                let name = entry.unwrap().file_name();
                fs::copy(root().join(folder).join(&name), project.0.join(folder).join(&name)).unwrap();
            }
        }
        for file in ["src/limits.rs", ".dev.vars.example"] {
            fs::copy(root().join(file), project.0.join(file)).unwrap();
        }
        project
    }

    fn persona(&self, file: &str) -> PathBuf {
        self.0.join("src/personas").join(file)
    }

    fn run(&self, tool: &str) -> Output {
        Command::new(root().join("node_modules/.bin/node")).arg(self.0.join("tools").join(tool)).current_dir(&self.0).output().unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// That it ends with a failure which names the file.
fn assert_refused(output: &Output, file: &Path, why: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{why}: {told}");
    assert!(told.contains(file.to_str().unwrap()), "{why}: {told}");
}

#[test]
fn a_file_that_breaks_a_rule_fails_the_build() {
    let project = Project::new("build");
    // As it would go unnoticed: one name in a file that is there.
    let file = project.persona("creative_writer.json");
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, whole.replace("\"instructions\"", "\"intructions\"")).unwrap();
    assert_refused(&project.run("build.mjs"), &file, "a typo");
    fs::write(&file, whole).unwrap();
    fs::remove_file(project.persona("default.json")).unwrap();
    assert_refused(&project.run("build.mjs"), &project.0.join("src/personas"), "no default");
}

/// `config/persona.rs` has its say about the same files.
#[test]
fn the_build_refuses_what_the_worker_would() {
    let project = Project::new("rules");
    let known: Vec<(String, Value)> = serde_json::from_str(include_str!("../personas.json")).unwrap();
    let file = project.persona("more.json");
    for (what, content) in known {
        fs::write(&file, content.as_str().map_or_else(|| content.to_string(), str::to_owned)).unwrap();
        let output = project.run("personas.mjs");
        match what.split_once(": ").unwrap().0 {
            "good" => assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr)),
            _ => assert_refused(&output, &file, &what),
        }
    }
    let many = |count| (0..count).map(|n| (format!("p{n}"), json!({"name": "N", "description": "D", "instructions": ""}))).collect();
    for (count, is_good) in [(64 - BUILT_IN.len(), true), (65 - BUILT_IN.len(), false)] {
        fs::write(&file, Value::Object(many(count)).to_string()).unwrap();
        assert_eq!(project.run("personas.mjs").status.success(), is_good, "{count} more");
    }
}
