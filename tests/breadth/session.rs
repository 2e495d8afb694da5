//! One ordinary session that uses every operation of the Engine API once, in an order in which each
//! finds what it needs and nothing stays behind.

use super::tar;

/// How two answers are compared, beyond their statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    /// The body, but for identifiers and times.
    Body,
    /// The keys of the body: its numbers change.
    Keys,
    /// The length of an archive; of a stream of progress no more than that it ends.
    Length,
    /// A raw stream begins, and ends by itself.
    RawToEnd,
    /// A raw stream begins.
    Raw,
    /// As [`Compared::Body`] without rules; these rules refuse it, whatever it is.
    Refused,
    /// As [`Compared::Body`], but that rules take the value of the variable `A` out of the settings.
    Withheld,
}

/// What is sent behind the head.
pub(crate) enum Sent {
    Nothing,
    Json(&'static str),
    Tar(Vec<u8>),
    /// The body of the answer before.
    Last,
}

/// One request. In targets `@id@` stands for the identifier in the last answer that had one, and
/// `@version@` likewise.
pub(crate) struct Row {
    /// As the API's description has it.
    pub(crate) operation: &'static str,
    pub(crate) target: &'static str,
    pub(crate) sent: Sent,
    pub(crate) compared: Compared,
}

fn row(operation: &'static str, target: &'static str) -> Row {
    Row { operation, target, sent: Sent::Nothing, compared: Compared::Body }
}

fn json(operation: &'static str, target: &'static str, body: &'static str) -> Row {
    Row { sent: Sent::Json(body), ..row(operation, target) }
}

impl Row {
    fn by(self, compared: Compared) -> Row {
        Row { compared, ..self }
    }

    fn send(self, sent: Sent) -> Row {
        Row { sent, ..self }
    }
}

pub(crate) fn rows() -> Vec<Row> {
    [containers(), archives(), images(), volumes_and_networks(), plugins(), swarm(), system()]
        .into_iter()
        .flatten()
        .collect()
}

const RUNS: &str = r#"{"Image":"probe:1","User":"1000","Labels":{"a":"b"},"HostConfig":{"Memory":67108864},
    "Cmd":["sh","-c","echo said; exec sleep 1000"]}"#;

/// An exec that has ended can't be resized, or is not there any more.
const LASTING_EXEC: &str = r#"{"Cmd":["sleep","1000"],"User":"1000","Tty":true}"#;

fn containers() -> Vec<Row> {
    use Compared::{Keys, Length, Raw, RawToEnd};
    vec![
        json("POST /containers/create", "/containers/create?name=one", RUNS),
        row("POST /containers/{id}/start", "/containers/one/start"),
        row("GET /containers/json", "/containers/json?all=1").by(Keys),
        row("GET /containers/{id}/json", "/containers/one/json").by(Keys),
        row("GET /containers/{id}/top", "/containers/one/top").by(Keys),
        row("GET /containers/{id}/changes", "/containers/one/changes"),
        row("GET /containers/{id}/stats", "/containers/one/stats?stream=0").by(Keys),
        row("POST /containers/{id}/resize", "/containers/one/resize?h=10&w=10"),
        json("POST /containers/{id}/update", "/containers/one/update", r#"{"CpuShares":512}"#),
        row("POST /containers/{id}/pause", "/containers/one/pause"),
        row("POST /containers/{id}/unpause", "/containers/one/unpause"),
        row("GET /containers/{id}/attach/ws", "/containers/one/attach/ws?stream=1&stdout=1")
            .by(Raw),
        json("POST /containers/{id}/exec", "/containers/one/exec", EXEC),
        row("GET /exec/{id}/json", "/exec/@id@/json").by(Keys),
        json("POST /exec/{id}/start", "/exec/@id@/start", r#"{"Detach":false}"#).by(RawToEnd),
        json("POST /containers/{id}/exec", "/containers/one/exec", LASTING_EXEC),
        json("POST /exec/{id}/start", "/exec/@id@/start", r#"{"Detach":true,"Tty":true}"#),
        row("POST /exec/{id}/resize", "/exec/@id@/resize?h=10&w=10"),
        row("POST /containers/{id}/attach", "/containers/one/attach?logs=1&stdout=1").by(RawToEnd),
        row("GET /containers/{id}/logs", "/containers/one/logs?stdout=1"),
        row("POST /containers/{id}/rename", "/containers/one/rename?name=two"),
        row("POST /containers/{id}/restart", "/containers/two/restart?t=0"),
        row("POST /containers/{id}/kill", "/containers/two/kill"),
        row("POST /containers/{id}/wait", "/containers/two/wait"),
        row("POST /containers/{id}/stop", "/containers/two/stop?t=0"),
        row("GET /containers/{id}/export", "/containers/two/export").by(Length),
    ]
}

const EXEC: &str = r#"{"AttachStdout":true,"User":"1000","Cmd":["echo","done"]}"#;

fn archives() -> Vec<Row> {
    vec![
        row("HEAD /containers/{id}/archive", "/containers/two/archive?path=/etc"),
        row("GET /containers/{id}/archive", "/containers/two/archive?path=/bin/busybox")
            .by(Compared::Length),
        row("PUT /containers/{id}/archive", "/containers/two/archive?path=/").send(Sent::Last),
    ]
}

fn images() -> Vec<Row> {
    use Compared::{Body, Keys, Length};
    let context = tar::archive(&[("Dockerfile", "FROM probe:1\nLABEL built=yes\nUSER 1000\n")]);
    vec![
        json("POST /commit", "/commit?container=two&repo=made&tag=1", r#"{"User":"1000"}"#)
            .by(Body),
        row("DELETE /containers/{id}", "/containers/two?force=1"),
        row("POST /containers/prune", "/containers/prune"),
        row("POST /build", "/build?t=made:2").send(Sent::Tar(context)).by(Length),
        row("POST /build/prune", "/build/prune"),
        row("POST /images/create", "/images/create?fromImage=127.0.0.1:1/nothing&tag=1").by(Length),
        row(
            "GET /images/json",
            "/images/json?filters=%7B%22reference%22%3A%5B%22made%3A2%22%5D%7D",
        )
        .by(Keys),
        row("GET /images/{name}/json", "/images/made:2/json").by(Keys),
        row("GET /images/{name}/history", "/images/probe:1/history").by(Keys),
        row("POST /images/{name}/tag", "/images/made:2/tag?repo=127.0.0.1:1/made&tag=3"),
        row("POST /images/{name}/push", "/images/127.0.0.1:1/made/push?tag=3").by(Length),
        row("GET /images/get", "/images/get?names=made:1&names=made:2").by(Length),
        row("GET /images/{name}/get", "/images/made:2/get").by(Length),
        row("POST /images/load", "/images/load").send(Sent::Last).by(Length),
        row("DELETE /images/{name}", "/images/made:1"),
        row("DELETE /images/{name}", "/images/127.0.0.1:1/made:3"),
        row("DELETE /images/{name}", "/images/made:2"),
        row("POST /images/prune", "/images/prune"),
        row("GET /images/search", "/images/search?term=x"),
        row("GET /distribution/{name}/json", "/distribution/127.0.0.1:1/x/json"),
        json(
            "POST /auth",
            "/auth",
            r#"{"username":"a","password":"b","serveraddress":"127.0.0.1:1"}"#,
        ),
    ]
}

fn volumes_and_networks() -> Vec<Row> {
    let network =
        r#"{"Name":"net","Driver":"bridge","IPAM":{"Config":[{"Subnet":"10.7.0.0/24"}]}}"#;
    let container = r#"{"Image":"probe:1","User":"1000","Cmd":["true"]}"#;
    vec![
        json("POST /volumes/create", "/volumes/create", r#"{"Name":"vol","Labels":{"a":"b"}}"#),
        row("GET /volumes", "/volumes"),
        row("GET /volumes/{name}", "/volumes/vol"),
        row("DELETE /volumes/{name}", "/volumes/vol"),
        row("POST /volumes/prune", "/volumes/prune"),
        json("POST /networks/create", "/networks/create", network),
        row("GET /networks", "/networks?filters=%7B%22name%22%3A%5B%22net%22%5D%7D")
            .by(Compared::Keys),
        row("GET /networks/{id}", "/networks/net"),
        json("POST /containers/create", "/containers/create?name=one", container),
        json("POST /networks/{id}/connect", "/networks/net/connect", r#"{"Container":"one"}"#),
        json(
            "POST /networks/{id}/disconnect",
            "/networks/net/disconnect",
            r#"{"Container":"one"}"#,
        ),
        row("DELETE /containers/{id}", "/containers/one"),
        row("DELETE /networks/{id}", "/networks/net"),
        row("POST /networks/prune", "/networks/prune?filters=%7B%22label%22%3A%5B%22a%22%5D%7D"),
    ]
}

fn plugins() -> Vec<Row> {
    use Compared::Refused;
    let config = r#"{"Interface":{"Types":["docker.volumedriver/1.0"],"Socket":"p.sock"},"Entrypoint":["/x"],
        "Env":[{"Name":"A","Settable":["value"],"Value":"1"}],"Linux":{"Capabilities":null},"Network":{"Type":"none"}}"#;
    let plugin = tar::archive(&[("config.json", config), ("rootfs/x", "")]);
    vec![
        row("GET /plugins", "/plugins"),
        row("GET /plugins/privileges", "/plugins/privileges?remote=127.0.0.1:1/p"),
        json("POST /plugins/pull", "/plugins/pull?remote=127.0.0.1:1/p", "[]").by(Refused),
        row("POST /plugins/create", "/plugins/create?name=p").send(Sent::Tar(plugin)).by(Refused),
        row("GET /plugins/{name}/json", "/plugins/p/json").by(Compared::Withheld),
        json("POST /plugins/{name}/set", "/plugins/p/set", r#"["A=2"]"#).by(Refused),
        // One that does not talk is waited for, for many seconds.
        row("POST /plugins/{name}/enable", "/plugins/nobody/enable?timeout=1").by(Refused),
        row("POST /plugins/{name}/disable", "/plugins/p/disable"),
        json("POST /plugins/{name}/upgrade", "/plugins/p/upgrade?remote=127.0.0.1:1/p", "[]")
            .by(Refused),
        row("POST /plugins/{name}/push", "/plugins/p/push").by(Compared::Length),
        row("DELETE /plugins/{name}", "/plugins/p?force=1"),
    ]
}

const SWARM: &str = r#"{"ListenAddr":"127.0.0.1:2377","AdvertiseAddr":"127.0.0.1"}"#;
const JOIN: &str =
    r#"{"ListenAddr":"127.0.0.1:2377","RemoteAddrs":["127.0.0.1:1"],"JoinToken":"x"}"#;
const SERVICE: &str = r#"{"Name":"srv","Mode":{"Replicated":{"Replicas":0}},"TaskTemplate":
    {"ContainerSpec":{"Image":"probe:1","User":"1000","Command":["sleep","9"]}}}"#;
const SWARM_SPEC: &str = r#"{"Name":"default","Labels":{"a":"b"},"Raft":{"ElectionTick":10,
    "HeartbeatTick":1},"Dispatcher":{"HeartbeatPeriod":5000000000},"CAConfig":{"NodeCertExpiry":7776000000000000}}"#;

fn swarm() -> Vec<Row> {
    use Compared::{Keys, Refused};
    let mut all = vec![
        json("POST /swarm/init", "/swarm/init", SWARM).by(Refused),
        json("POST /swarm/join", "/swarm/join", JOIN).by(Refused),
        row("GET /swarm/unlockkey", "/swarm/unlockkey").by(Refused),
        json("POST /swarm/unlock", "/swarm/unlock", r#"{"UnlockKey":"x"}"#).by(Refused),
        row("GET /swarm", "/swarm").by(Keys),
        json("POST /swarm/update", "/swarm/update?version=@version@", SWARM_SPEC),
        row("GET /nodes", "/nodes").by(Keys),
        row("GET /nodes/{id}", "/nodes/@id@").by(Keys),
        json("POST /nodes/{id}/update", "/nodes/@id@/update?version=@version@", NODE),
        row("DELETE /nodes/{id}", "/nodes/@id@"),
        json("POST /services/create", "/services/create", SERVICE),
        row("GET /services", "/services"),
        row("GET /services/{id}", "/services/srv"),
        json("POST /services/{id}/update", "/services/srv/update?version=@version@", SERVICE),
        row("GET /services/{id}/logs", "/services/srv/logs?stdout=1"),
        row("GET /tasks", "/tasks").by(Keys),
        row("GET /tasks/{id}", "/tasks/nobody"),
        row("GET /tasks/{id}/logs", "/tasks/nobody/logs?stdout=1"),
        row("DELETE /services/{id}", "/services/srv"),
    ];
    all.extend(secrets_and_configs());
    all.push(row("POST /swarm/leave", "/swarm/leave?force=1"));
    all
}

const NODE: &str = r#"{"Role":"manager","Availability":"active","Labels":{"a":"b"}}"#;

fn secrets_and_configs() -> Vec<Row> {
    let data = r#"{"Name":"sec","Data":"eA=="}"#;
    let labels = r#"{"Name":"sec","Labels":{"a":"b"}}"#;
    vec![
        json("POST /secrets/create", "/secrets/create", data),
        row("GET /secrets", "/secrets"),
        row("GET /secrets/{id}", "/secrets/sec"),
        json("POST /secrets/{id}/update", "/secrets/@id@/update?version=@version@", labels),
        row("DELETE /secrets/{id}", "/secrets/sec"),
        json("POST /configs/create", "/configs/create", data),
        row("GET /configs", "/configs"),
        row("GET /configs/{id}", "/configs/sec"),
        json("POST /configs/{id}/update", "/configs/@id@/update?version=@version@", labels),
        row("DELETE /configs/{id}", "/configs/sec"),
    ]
}

fn system() -> Vec<Row> {
    use Compared::{Keys, Raw};
    vec![
        row("GET /info", "/info").by(Keys),
        row("GET /version", "/version"),
        row("GET /_ping", "/_ping"),
        row("HEAD /_ping", "/_ping"),
        row("GET /events", "/events?since=0&until=1"),
        row("GET /system/df", "/system/df").by(Keys),
        row("POST /session", "/session").by(Raw),
    ]
}
