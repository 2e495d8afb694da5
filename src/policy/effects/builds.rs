//! Building images, as far as it is seen how.

/// What is built, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEffect {
    /// Builds an image.
    By(Builder),
    /// Runs steps of a build that the daemon is not told where to run.
    Steps(Steps),
    /// Does something by a Dockerfile's instruction that only the daemon can work out.
    Opaque(Opaque),
}

/// Ways to have the daemon build an image, by what is seen of the Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// The classic builder, whose Dockerfile was read: all that it does are effects of their own.
    Read,
    /// The classic builder, unread.
    Unread,
    /// The classic builder, with a Dockerfile that the daemon fetches from elsewhere.
    Remote,
    /// BuildKit, asked in a request whose parameters are seen.
    BuildKit,
    /// The same, with a Dockerfile that the daemon takes from the client's session, where it is judged.
    BuildKitSession,
    /// A client offers its session, from which builds may take a Dockerfile.
    SessionOffered,
    /// BuildKit, spoken to past every inspection, unless each of its calls is judged for itself.
    BuildKitUnseen,
    /// BuildKit, by a call that is judged for itself.
    BuildKitSolve,
}

/// Steps of a build that do not come from a Dockerfile which the daemon itself reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steps {
    /// What makes them is an image, or nothing that is known.
    Frontend,
    /// A step makes further instructions.
    Opaque,
    /// An image looks at what was built.
    Scanner,
    /// The client sends them, to run in this control group, or in the daemon's own.
    OfClient(Option<String>),
}

/// What an instruction does, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opaque {
    /// Runs as a user that this text stands for.
    User(String),
    /// Sets a variable of any name.
    Variable,
    /// Uses an image by a name that is none.
    Image(String),
    /// Anything at all; why it can't be read.
    Instructions(String),
}
