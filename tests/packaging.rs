//! What comes with the program: manual pages, completions, the JSON Schema of `config.yml`, `init`, and the files
//! of the packages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod command;
#[path = "packaging/completions.rs"]
mod completions;
#[path = "packaging/lists.rs"]
mod lists;
#[path = "packaging/manual.rs"]
mod manual;
#[path = "packaging/schema.rs"]
mod schema;
#[path = "packaging/set_up.rs"]
mod set_up;
#[path = "packaging/words.rs"]
mod words;

use command::Folder;

/// `init` asks nothing, leaves what is there, and writes what `check` accepts.
#[test]
fn init_writes_a_configuration_for_every_preset() {
    for (preset, _) in secdocker::config::PRESETS {
        let folder = Folder::new(&format!("init-{preset}"));
        let (status, said, complaint) = folder.run(&format!("init {preset}"), "");
        assert_eq!((status, complaint.as_str()), (Some(0), ""), "{preset}");
        assert!(said.starts_with("secdocker: config.yml is written"), "{said}");
        let written = folder.read("config.yml");
        let lines = written.lines().filter(|line| line.starts_with('#'));
        assert!(lines.count() > 15, "{written}");
        let (status, text, complaint) = folder.run("check", "");
        assert_eq!((status, complaint.as_str()), (Some(0), ""), "{preset}: {text}");
        assert!(text.contains("No other endpoint may be called."), "{text}");
        let (status, _, complaint) = folder.run(&format!("init {preset}"), "");
        assert_eq!(status, Some(2), "{complaint}");
        assert_eq!(complaint, "secdocker: cannot write config.yml: File exists (os error 17)\n");
        assert_eq!(folder.read("config.yml"), written);
    }
    let folder = Folder::new("init-other");
    let (status, _, complaint) = folder.run("init nginx", "");
    assert_eq!(status, Some(2));
    assert!(
        complaint.contains("`nginx` is not a preset: there are read-only, traefik"),
        "{complaint}"
    );
    assert_eq!(folder.run("init --config other.yml", "").0, Some(0));
    assert_eq!(folder.run("check other.yml", "").0, Some(0));
}

/// `check` prints what the variables of socket proxies come to; `endpoints` beside them is a mistake.
#[test]
fn variables_say_what_may_be_called() {
    let folder = Folder::new("variables");
    let check = |config: &str, variables: &[(&str, &str)]| {
        folder.write("config.yml", config);
        let mut command = folder.command("check --variables");
        command.env_clear().envs(variables.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let config = "dockerapi: /nowhere/docker.sock\n";
    let (status, text, complaint) =
        check(config, &[("CONTAINERS", "1"), ("POST", "0"), ("HOME", "/")]);
    assert_eq!((status, complaint.as_str()), (Some(0), ""), "{text}");
    for line in [
        "What may be called is said by variables of the environment: CONTAINERS=1, POST=0.",
        "Endpoint `GET|HEAD /containers/**` may be called.",
        "Endpoint `GET|HEAD /_ping` may be called.",
        "No other endpoint may be called.",
    ] {
        assert!(
            text.lines().any(|found| found.starts_with(line.trim_end_matches('.'))),
            "{line}\n{text}"
        );
    }
    assert!(!text.contains("/images"), "{text}");
    let (status, _, complaint) = check(config, &[("EXEC", "maybe")]);
    assert_eq!(status, Some(2));
    assert!(complaint.contains("variable EXEC: `maybe` is neither 1 nor 0"), "{complaint}");
    let both = format!("{config}endpoints: {{preset: traefik}}\n");
    let (status, _, complaint) = check(&both, &[("POST", "1")]);
    assert_eq!(status, Some(2));
    let expected = "secdocker: config.yml:2: endpoints: the variables of the environment say what may be called: \
                    leave out one of the two\n";
    assert_eq!(complaint, expected);
}

/// What variables say holds for an entry of `clients` that inherits, too.
#[test]
fn variables_hold_for_clients_that_inherit() {
    let folder = Folder::new("variables-clients");
    let check = |keys: &str| {
        let entry = format!("clients:\n  - name: a\n    match: {{user: root}}\n{keys}");
        folder.write("config.yml", &entry);
        let mut command = folder.command("check --variables");
        command.env_clear().env("CONTAINERS", "1");
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, text, complaint) = check("    inherit: true\n");
    assert_eq!((status, complaint.as_str()), (Some(0), ""), "{text}");
    let of_client = text.split_once("\nClient ").expect(&text).1;
    assert!(of_client.contains("No other endpoint may be called"), "{text}");
    let (status, text, complaint) = check("    inherit: true\n    endpoints: {preset: traefik}\n");
    assert_eq!(status, Some(2), "{text}");
    assert_eq!(
        complaint,
        "secdocker: config.yml:5: clients[0].endpoints: the variables of the environment say what may be \
         called, and the entry inherits it: leave out one of the two\n"
    );
}

/// The configurations of the container's folder.
#[test]
fn the_container_has_a_configuration_that_is_valid() {
    let folder = Folder::new("container");
    for name in ["config.yml", "portainer.yml"] {
        let file = format!("{}/deploy/container/{name}", env!("CARGO_MANIFEST_DIR"));
        let (status, text, complaint) = folder.run(&format!("check {file}"), "");
        assert_eq!((status, complaint.as_str()), (Some(0), ""), "{name}: {text}");
    }
}
