//! Builds: what a Dockerfile and a query may bring about on the host.

use super::images::archive;
use super::{Attack, Probe, Step};

const FORM: &str = "application/x-www-form-urlencoded";
/// How much of a body the engine has read ahead when it looks for a form in what is left.
const READ_AHEAD: usize = 4096;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        builds(
            "build on the host's network",
            "a step sees the host's devices",
            "networkmode=host",
            "FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n",
        )
        .works_when(Probe::Answers("docker0")),
        Attack::new("build on the host's network by a form", "a form may follow the context")
            .send(Step::send_as(
                "POST",
                "/build?t=innocent:@name@&nocache=1",
                FORM,
                context_then_form("&networkmode=host"),
            ))
            .works_when(Probe::Answers("docker0")),
        Attack::new("build into a forbidden name by a form", "a form may follow the context")
            .send(Step::send_as(
                "POST",
                "/build?nocache=1",
                FORM,
                context_then_form("&t=registry.example/team/app:@name@"),
            ))
            .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        builds(
            "build in another's network",
            "a step joins it",
            "networkmode=container:@name@",
            "FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n",
        )
        .setup(Step::create(super::attack::host(serde_json::json!({"NetworkMode": "host"}))))
        .setup(Step::start())
        .works_when(Probe::Answers("docker0")),
        builds("build from a forbidden image", "plainly", "", "FROM ubuntu:16.04\n")
            .works_when(built()),
        builds(
            "build from a forbidden image among stages",
            "each FROM counts",
            "",
            "FROM ubuntu:16.04 AS a\nFROM probe:1\nCOPY --from=a /etc /y\n",
        )
        .works_when(built()),
        builds(
            "build that copies from a forbidden image",
            "a copy needs no stage",
            "",
            "FROM probe:1\nCOPY --from=ubuntu:16.04 /etc /y\n",
        )
        .works_when(built()),
        builds(
            "build from an image named by an argument",
            "arguments stand in FROM too",
            "buildargs=%7B%22A%22%3A%22ubuntu%3A16.04%22%7D",
            "ARG A=probe:1\nFROM $A\n",
        )
        .works_when(built()),
        builds(
            "build from an image in odd letters",
            "instructions have no case",
            "",
            "# a comment\n\n  fRoM \\\n  ubuntu:16.04\n",
        )
        .works_when(built()),
        builds(
            "build into a forbidden name",
            "plainly",
            "t=registry.example/team/app:@name@",
            "FROM probe:1\n",
        )
        .works_when(Probe::found("/images/registry.example/team/app:@name@/json")),
        builds("build with a user", "an image brings its own", "", "FROM probe:1\nUSER root\n")
            .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/User", "root")),
        builds(
            "build with a variable",
            "an image brings its own",
            "",
            "FROM probe:1\nENV USER=0\n",
        )
        .works_when(Probe::holds("/images/innocent:@name@/json", "/Config/Env", "USER=0")),
        builds(
            "build step as root",
            "no step heeds what general forces",
            "nocache=1",
            "FROM probe:1\nRUN [\"id\"]\n",
        )
        .works_when(Probe::Answers("uid=0")),
        builds(
            "build in another control group",
            "the query names it",
            "cgroupparent=/elsewhere&nocache=1",
            "FROM probe:1\nRUN [\"cat\", \"/proc/self/cgroup\"]\n",
        )
        .works_when(Probe::Answers("/elsewhere/")),
        builds("build by BuildKit", "the other builder", "version=2", "FROM ubuntu:16.04\n")
            .works_when(built()),
        Attack::new("build of a remote context", "the Dockerfile never passes here")
            .send(Step::query("/build?t=innocent:@name@&remote=http://127.0.0.1:1/Dockerfile"))
            .works_when(Probe::Answers("127.0.0.1:1")),
    ]
}

fn builds(name: &'static str, why: &'static str, query: &str, dockerfile: &str) -> Attack {
    let target = format!("/build?t=innocent:@name@&{query}");
    Attack::new(name, why).send(Step::send_as(
        "POST",
        &target,
        "application/x-tar",
        archive("Dockerfile", dockerfile.as_bytes()),
    ))
}

fn built() -> Probe {
    Probe::found("/images/innocent:@name@/json")
}

/// A context as long as the engine's read-ahead, and a form behind it.
fn context_then_form(form: &str) -> Vec<u8> {
    let dockerfile = b"FROM probe:1\nRUN [\"ls\", \"/sys/class/net\"]\n";
    let mut body = archive("Dockerfile", dockerfile);
    body.resize(READ_AHEAD, 0);
    body.extend_from_slice(form.as_bytes());
    body
}
