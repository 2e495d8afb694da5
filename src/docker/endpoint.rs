//! The endpoints that are inspected, one row each: as it is shown, its body, its parameters.
//!
//! [`super::routes`] says which routes lead to them, [`super::schema`] has the fields and parameters. What is
//! made of a request to one is beside its name in `effects`.

use std::fmt;

use super::schema::ignored::is_option;
use super::schema::query::{self, Parameter};
use super::schema::{self, Struct};

/// What becomes of the body of a request.
#[derive(Debug, Clone, Copy)]
enum Body {
    /// It is read by these fields, and written anew.
    Fields(&'static Struct),
    /// It is the context of a build, of which the Dockerfile is read.
    Context,
    /// It passes: an archive, compressed or not, of which the daemon looks at the bytes alone.
    Archive,
    /// It passes, if there is any.
    Passes,
    /// It passes, if there is any, and the daemon may answer with a raw stream, for which the request asks by
    /// an `Upgrade`.
    Stream,
}
use Body::{Archive, Context, Fields, Passes, Stream};

/// What is decided about an endpoint.
struct Row {
    shown: &'static str,
    body: Body,
    parameters: &'static [Parameter],
}

macro_rules! endpoints {
    ($($name:ident: $shown:literal, $body:expr, $parameters:expr;)*) => {
        /// An endpoint that can grant something that a rule is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Endpoint {
            $(#[doc = concat!("`", $shown, "`.")] $name,)*
            /// `POST /build`, of which the Dockerfile is judged too.
            BuildContext,
        }

        impl Endpoint {
            /// All of them, but for the other form of a build.
            pub const ALL: [Self; [$($shown),*].len()] = [$(Self::$name),*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row { shown: $shown, body: $body, parameters: $parameters },)*
                    Self::BuildContext => Row { body: Context, ..Self::Build.row() },
                }
            }
        }
    };
}

const NONE: &[Parameter] = &[];

endpoints! {
    ContainerCreate: "POST /containers/create", Fields(&schema::CREATE), query::CONTAINER_CREATE;
    ContainerExec: "POST /containers/{id}/exec", Fields(&schema::EXEC), NONE;
    ContainerUpdate: "POST /containers/{id}/update", Fields(&schema::UPDATE), NONE;
    ContainerStart: "POST /containers/{id}/start", Fields(&schema::START), query::CONTAINER_START;
    ContainerRestart: "POST /containers/{id}/restart", Passes, query::CONTAINER_RESTART;
    ContainerAttach: "POST /containers/{id}/attach", Stream, query::CONTAINER_ATTACH;
    ContainerArchive: "/containers/{id}/archive", Archive, query::CONTAINER_ARCHIVE;
    ContainerRename: "POST /containers/{id}/rename", Passes, query::CONTAINER_RENAME;
    VolumeCreate: "POST /volumes/create", Fields(&schema::VOLUME_CREATE), NONE;
    ImageCreate: "POST /images/create", Archive, query::IMAGE_CREATE;
    ImageTag: "POST /images/{name}/tag", Passes, query::IMAGE_TAG;
    Commit: "POST /commit", Fields(&schema::COMMIT), query::COMMIT;
    Build: "POST /build", Archive, query::BUILD;
    BuildKit: "POST /grpc", Stream, NONE;
    Session: "POST /session", Stream, NONE;
    Plugin: "POST /plugins", Archive, query::PLUGIN;
    SwarmInit: "POST /swarm/init", Fields(&schema::SWARM_INIT), NONE;
    SwarmJoin: "POST /swarm/join", Passes, NONE;
    SwarmUpdate: "POST /swarm/update", Fields(&schema::SWARM_SPEC), query::SWARM_UPDATE;
    SwarmUnlock: "POST /swarm/unlock", Passes, NONE;
    SwarmUnlockKey: "GET /swarm/unlockkey", Passes, NONE;
    NodeUpdate: "POST /nodes/{id}/update", Fields(&schema::NODE_SPEC), query::NODE_UPDATE;
    ImageLoad: "POST /images/load", Archive, query::IMAGE_LOAD;
    ImagePrune: "POST /images/prune", Passes, query::IMAGE_PRUNE;
    ImageRemove: "DELETE /images/{name}", Passes, query::IMAGE_REMOVE;
    NetworkCreate: "POST /networks/create", Fields(&schema::NETWORK_CREATE), NONE;
    NetworkConnect: "POST /networks/{id}/connect", Fields(&schema::NETWORK_CONNECT), NONE;
    CheckpointCreate: "POST /containers/{id}/checkpoints", Fields(&schema::CHECKPOINT_CREATE), NONE;
    Checkpoints: "/containers/{id}/checkpoints", Passes, query::CHECKPOINTS;
    SecretCreate: "POST /secrets/create", Fields(&schema::SECRET_CREATE), NONE;
    ConfigCreate: "POST /configs/create", Fields(&schema::CONFIG_CREATE), NONE;
    ServiceCreate: "POST /services/create", Fields(&schema::SERVICE), NONE;
    ServiceUpdate: "POST /services/{id}/update", Fields(&schema::SERVICE), query::SERVICE_UPDATE;
}

impl Endpoint {
    /// The fields of the body, where the body is read.
    #[must_use]
    pub fn fields(self) -> Option<&'static Struct> {
        match self.row().body {
            Fields(table) => Some(table),
            Context | Archive | Passes | Stream => None,
        }
    }

    /// The parameters that the daemon reads from the query.
    #[must_use]
    pub fn parameters(self) -> &'static [Parameter] {
        self.row().parameters
    }

    /// The parameter of this name, to the letter.
    #[must_use]
    pub fn parameter(self, name: &str) -> Option<&'static Parameter> {
        self.parameters().iter().find(|parameter| parameter.name == name)
    }

    /// Whether clients send this parameter, which none of these is, and no engine reads it: it is left out.
    #[must_use]
    pub fn ignores(self, parameter: &str) -> bool {
        let is_field = || {
            self.fields().is_some_and(|table| table.fields().iter().any(|it| it.name == parameter))
        };
        // docker-py asks for it; engines have long done so unasked.
        let is_of_tag = self == Self::ImageTag && parameter == "force";
        is_option(parameter) || is_of_tag || is_field()
    }

    /// Whether only the head is inspected, and the body passes as it is.
    #[must_use]
    pub fn body_passes(self) -> bool {
        match self.row().body {
            Fields(_) | Context => false,
            Archive | Passes | Stream => true,
        }
    }

    /// Whether the body is an archive, compressed or not, of which the daemon looks at the bytes alone.
    #[must_use]
    pub fn body_is_archive(self) -> bool {
        matches!(self.row().body, Archive | Context)
    }

    /// Whether the daemon may answer with a raw stream, for which the request asks by an `Upgrade`.
    #[must_use]
    pub fn may_switch(self) -> bool {
        matches!(self.row().body, Stream)
    }

    /// Whether the daemon fetches images for it some time after it has answered: as a node of a swarm,
    /// it fetches that of a service by its name, which means another one then.
    #[must_use]
    pub fn fetches_images(self) -> bool {
        matches!(self, Self::ServiceCreate | Self::ServiceUpdate)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().shown)
    }
}
