//! What there is to read: every family of series, in the order in which they are written.

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They come and go.
    Gauge,
    /// How often something took how long, in seconds.
    Histogram,
    /// Always 1: the labels tell.
    Info,
}

/// One family of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// What it is called, without `secdocker_` and without what its kind adds.
    pub name: &'static str,
    /// What kind of numbers it has.
    pub kind: Kind,
    /// What tells its series apart.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

impl Kind {
    /// As Prometheus calls it; what tells by its labels alone is a gauge there.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge | Self::Info => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Family {
    /// The name that is asked for: `secdocker_requests_total`.
    #[must_use]
    pub fn full_name(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{PREFIX}_{}{suffix}", self.name)
    }
}

/// What all names begin with, before an underscore.
pub(super) const PREFIX: &str = "secdocker";

/// Makes a constant of each family, and the list of them all.
macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal $labels:tt $help:literal;)*) => {
        $(pub(super) const $constant: Family =
            Family { name: $name, kind: Kind::$kind, labels: &$labels, help: $help };)*

        /// All of them.
        pub const FAMILIES: &[Family] = &[$($constant),*];
    };
}

families! {
    BUILD = Info "build" ["version", "plugins", "tls"]
        "Which SecDocker this is, and whether plugins and TLS are built in";
    CONNECTIONS = Counter "connections" []
        "Connections of clients that were accepted and served";
    OPEN = Gauge "open_connections" []
        "Those that are open now";
    TURNED_AWAY = Counter "connections_turned_away" []
        "Connections that were closed at once, because a limit was met or they may not be made";
    REQUESTS = Counter "requests" ["class", "verdict", "client"]
        "Requests, and calls of builds, by what they are about (the first part of their path), what became of them, and the name of the entry of `clients` that fits, if one does";
    VIOLATIONS = Counter "violations" ["rule"]
        "How often a refused request broke a rule, as it was configured";
    BYTES = Counter "received_bytes" ["from"]
        "Bytes that came from clients (`client`) and daemons (`daemon`); with TLS, of what is said in it";
    UPSTREAM_ERRORS = Counter "upstream_errors" ["kind"]
        "Daemons that could not be connected to (`unreachable`), whose connection broke (`lost`), or that would have been SecDocker itself (`loop`)";
    PLUGIN_CALLS = Histogram "plugin_call_duration_seconds" ["plugin"]
        "How long calls of plugins took; answers that were kept are none";
    PLUGIN_VERDICTS = Counter "plugin_verdicts" ["plugin", "verdict"]
        "What plugins said when they were called: `allow`, `deny` or `error`";
    LOOK_UPS = Histogram "look_up_duration_seconds" ["of"]
        "How long look-ups took for requests and clients, but those that are answered at once: of the host's files (`host`), of the daemon (`daemon`), of who a client is (`client`)";
    LOOK_UPS_REFUSED = Counter "look_ups_refused" []
        "Look-ups that were not made, because too many waited; what depends on them is refused";
    LOG_LOST = Counter "log_lines_lost" []
        "Lines that the log has lost because the disk did not take them, or not in time";
    GENERATION = Gauge "config_generation" []
        "How many configurations have come into force since the start";
    RELOADS = Counter "config_reloads" ["result"]
        "How often the configuration was read again: `taken`, or `refused` because it is wrong";
    CERTIFICATES = Gauge "certificate_expiry_timestamp_seconds" ["key"]
        "Until when the first certificate of a key to expire is valid, in seconds since 1970";
}
