//! The JSON Schema of `config.yml`: it has the keys that the program reads, accepts what it accepts, and refuses
//! unknown keys and wrong shapes as it does.

use crate::command::Folder;
use secdocker::config::{self, Overrides, SCHEMA};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The schema, made ready.
struct Checker {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Checker {
    fn new() -> Checker {
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource("secdocker.json", root()).unwrap();
        let index = compiler.compile("secdocker.json", &mut schemas).unwrap();
        Checker { schemas, index }
    }

    fn complaint(&self, value: &Value) -> Option<String> {
        self.schemas.validate(value, self.index).err().map(|error| format!("{error:#}"))
    }

    fn complaint_of(&self, text: &str) -> Option<String> {
        let value: Value =
            serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        self.complaint(&value)
    }
}

/// What the program says of it.
fn program(folder: &Folder, text: &str) -> Result<(), String> {
    folder.write("config.yml", text);
    let loaded = config::load(&folder.path("config.yml"), &Overrides::default());
    loaded.map(drop).map_err(|error| error.to_string())
}

#[test]
fn the_command_prints_it() {
    let folder = Folder::new("schema-command");
    let (status, text, complaint) = folder.run("schema", "");
    assert_eq!((status, text.as_str(), complaint.as_str()), (Some(0), SCHEMA, ""));
}

#[test]
fn the_example_and_every_preset_fit() {
    let checker = Checker::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = fs::read_to_string(root.join("config.yml")).unwrap();
    assert_eq!(checker.complaint_of(&example), None);
    for (name, text) in config::PRESETS {
        assert_eq!(checker.complaint_of(text), None, "{name}");
    }
    let folder = Folder::new("schema-init");
    assert_eq!(folder.run("init", "").0, Some(0));
    assert_eq!(checker.complaint_of(&folder.read("config.yml")), None);
}

/// The fields of a struct, as the configuration writes them.
fn fields(name: &str) -> BTreeSet<String> {
    const SOURCE: &str = include_str!("../../src/config/schema.rs");
    let body =
        SOURCE.split_once(&format!("struct {name} {{\n")).unwrap_or_else(|| panic!("{name}")).1;
    let lines = body.split("\n}").next().unwrap().lines();
    let field = |line: &str| {
        let (name, _) = line.trim().trim_start_matches("pub(super) ").split_once(": ")?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        // `match` is a word of Rust's.
        is_name.then(|| if name == "wanted" { "match" } else { name }.to_owned())
    };
    lines.filter_map(field).collect()
}

#[test]
fn it_has_the_keys_that_the_program_reads() {
    let root = root();
    let table = [
        ("File", ""),
        ("Restrictions", "/$defs/restrictions"),
        ("Keyed", "/$defs/lists"),
        ("KeyedBuilds", "/$defs/restrictions/properties/builds/anyOf/1"),
        ("General", "/$defs/general"),
        ("Endpoints", "/$defs/endpoints"),
        ("ExceptionKeys", "/$defs/exceptions/items"),
        ("ClientKeys", "/$defs/client"),
        ("MatchKeys", "/$defs/client/properties/match"),
        ("CertificateKeys", "/$defs/client/properties/match/properties/certificate"),
        ("ContainerKeys", "/$defs/client/properties/match/properties/container"),
        ("ClientLimits", "/$defs/client/properties/limits"),
        ("Listen", "/properties/listen"),
        ("ListenTls", "/properties/listen/properties/tls"),
        ("Upstream", "/properties/upstream"),
        ("UpstreamTls", "/properties/upstream/properties/tls"),
        ("Limits", "/properties/limits"),
        ("Log", "/properties/log"),
        ("Metrics", "/properties/metrics"),
        ("PluginKeys", "/properties/plugins/items/anyOf/1"),
        ("PluginCache", "/properties/plugins/items/anyOf/1/properties/cache"),
    ];
    for (name, pointer) in table {
        let properties =
            root.pointer(&format!("{pointer}/properties")).unwrap().as_object().unwrap();
        let keys: BTreeSet<String> = properties.keys().cloned().collect();
        assert_eq!(keys, fields(name), "{name}: {pointer}");
    }
    // No struct that reads keys is left out.
    let source = include_str!("../../src/config/schema.rs");
    let strict = source.matches("deny_unknown_fields").count();
    assert_eq!(strict, table.len(), "structs with keys in src/config/schema.rs");
}

/// Every object of the schema, as what leads to it: `innermost` wrapped in its keys and lists.
fn wrapped(root: &Value, schema: &Value, wrap: &dyn Fn(Value) -> Value, found: &mut Vec<Value>) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        wrapped(root, one, wrap, found);
    }
    if schema["items"].is_object() {
        wrapped(root, &schema["items"], &|inner| wrap(json!([inner])), found);
    }
    if let Some(properties) = schema["properties"].as_object() {
        found.push(wrap(json!({"frobnicate": 1})));
        for (key, value) in properties {
            wrapped(root, value, &|inner| wrap(json!({key.as_str(): inner})), found);
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_both_wherever_it_stands() {
    let (root, checker) = (root(), Checker::new());
    let folder = Folder::new("schema-unknown");
    let mut found = Vec::new();
    wrapped(&root, &root, &|inner| inner, &mut found);
    assert!(found.len() > 25, "{}", found.len());
    for value in found {
        assert!(checker.complaint(&value).is_some(), "the schema accepts {value}");
        let said = program(&folder, &value.to_string()).unwrap_err();
        assert!(said.contains("frobnicate"), "{value}: {said}");
    }
}

#[test]
fn values_are_judged_alike() {
    let checker = Checker::new();
    let folder = Folder::new("schema-values");
    let right = [
        "limits: {head: 64k, body: 4MiB, connections: 10, head_time: 500ms, body_rate: 1}\n",
        "limits: {head: \"65536\", connections: \"10\"}\nlog:\n",
        "listen: {tcp: 8999, transparent: yes, unix: /run/x, unix_mode: \"0660\"}\n",
        "listen: {tcp: off, unix: /run/x, loops: 2}\n",
        "restrictions: {ports: [22, 20-25], privileged: on, builds: forbid, mounts: {deny: [/root]}}\n",
        "restrictions: {builds: {mode: allow}, images: {allow: [a]}, users: ~, mounts: [/]}\n",
        "general: {memory: 1073741824, cpu: 0.25, user: 1000}\nupstream_mark: 0x5d\n",
        "endpoints: {preset: [traefik, read-only], allow: [GET /info]}\nstrict: true\n",
        "clients: [{name: a, match: {network: 10.0.0.0/8, uid: 5}, limits: {containers: 4}}, {default: refuse}]\n",
    ];
    for text in right {
        assert_eq!(checker.complaint_of(text), None, "{text}");
        assert_eq!(program(&folder, text), Ok(()), "{text}");
    }
    let wrong = [
        "limits: {head_time: 30}\n",
        "limits: {head_time: 30 s}\n",
        "limits: {connections: 0}\n",
        "limits: {head: -1}\n",
        "limits: {body: many}\n",
        "limits: [head]\n",
        "log: {format: xml}\n",
        "log: {level: loud}\n",
        "strict: perhaps\n",
        "restrictions: {privileged: maybe}\n",
        "restrictions: {builds: never}\n",
        "restrictions: {ports: 22}\n",
        "restrictions: {ports: {deny: [22]}}\n",
        "restrictions: {images: {only: [a]}}\n",
        "restrictions: {users: [[root]]}\n",
        "endpoints: {default: refuse}\n",
        "general: {memory: [1g]}\n",
        "general: {capdrop: ALL}\n",
        "clients: {name: a}\n",
        "dockerapi: {tcp: x}\n",
        "exceptions: [a]\n",
        "- dockerapi\n",
    ];
    for text in wrong {
        assert!(checker.complaint_of(text).is_some(), "the schema accepts {text}");
        assert!(program(&folder, text).is_err(), "the program accepts {text}");
    }
}

/// The defaults that it tells are those of the documents, which a test holds against the program.
#[test]
fn its_defaults_are_those_of_the_program() {
    let root = root();
    let folder = Folder::new("schema-defaults");
    let loaded = |text: &str| {
        folder.write("config.yml", text);
        config::load(&folder.path("config.yml"), &Overrides::default()).unwrap()
    };
    let silent = loaded("strict: false\n");
    let mut count = 0;
    for (section, value) in root["properties"].as_object().unwrap() {
        let keys = value["properties"].as_object().into_iter().flatten();
        let with_default = keys.filter_map(|(key, value)| Some((key, value.get("default")?)));
        for (key, default) in with_default.filter(|(key, _)| *key != "unix_mode") {
            let settings = loaded(&json!({section.as_str(): {key.as_str(): default}}).to_string());
            assert_eq!(settings.limits, silent.limits, "{section}.{key}");
            assert_eq!(settings.listen, silent.listen, "{section}.{key}");
            assert_eq!(settings.log.file, silent.log.file, "{section}.{key}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}
