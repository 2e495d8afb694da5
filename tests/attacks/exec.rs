//! Running more in a container that is allowed.

use super::attack::with;
use super::{Attack, Probe, Step};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        exec("exec as root", "plainly", json!({"Cmd": ["id"], "User": "root"})),
        exec("exec as user 0", "plainly", json!({"Cmd": ["id"], "User": "0"})),
        exec(
            "exec as user 00 of a group",
            "it is a number",
            json!({"Cmd": ["id"], "User": "00:5"}),
        ),
        exec(
            "exec as an empty user of a group",
            "the default is 0",
            json!({"Cmd": ["id"], "User": ":5"}),
        ),
        exec("exec privileged", "plainly", json!({"Cmd": ["id"], "Privileged": true})),
        exec(
            "exec with a forbidden variable",
            "plainly",
            json!({"Cmd": ["env"], "Env": ["USER=0"]}),
        ),
        exec(
            "exec on a terminal",
            "the engine sets TERM to xterm",
            json!({"Cmd": ["env"], "Tty": true}),
        ),
        exec(
            "exec with keys in another case",
            "fields are matched without case",
            json!({"cmd": ["id"], "pRIVILEGED": true}),
        ),
        Attack::new("exec with a key given twice", "the last counts")
            .setup(running())
            .setup(Step::start())
            .send(Step::send_as(
                "POST",
                "/containers/@name@/exec",
                "application/json",
                r#"{"Cmd":["id"],"User":"1000","uſer":"0"}"#,
            ))
            .works_when(has_exec()),
        Attack::new("exec at an escaped path", "the decoded path is matched")
            .setup(running())
            .setup(Step::start())
            .send(Step::post(
                "/v1.30/containers/@name@%2f%65xec",
                json!({"Cmd": ["id"], "Privileged": true}),
            ))
            .works_when(has_exec()),
        Attack {
            outcome: super::attack::Outcome::Passes,
            ..exec(
                "exec as another user",
                "plainly",
                json!({"Cmd": ["id"], "User": "1000", "Env": ["A=1"]}),
            )
        },
    ]
}

fn exec(name: &'static str, why: &'static str, body: Value) -> Attack {
    Attack::new(name, why)
        .setup(running())
        .setup(Step::start())
        .send(Step::post("/containers/@name@/exec", body))
        .works_when(has_exec())
}

fn running() -> Step {
    Step::create(with(json!({})))
}

/// The container had none before.
fn has_exec() -> Probe {
    Probe::container(|it| it["ExecIDs"].is_array())
}
