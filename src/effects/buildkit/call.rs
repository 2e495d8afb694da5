//! The calls by which a build is asked for.

/// Which of the two calls it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solve {
    /// It begins a build.
    Control,
    /// It gives instructions within one.
    Bridge,
    /// None of them: a Dockerfile, for a build that the daemon puts together itself.
    Dockerfile,
}

impl Solve {
    /// The field of the frontend's name.
    pub(super) fn frontend(self) -> u32 {
        match self {
            Self::Control => 6,
            Self::Bridge => 2,
            Self::Dockerfile => 0,
        }
    }

    /// The field of its attributes.
    pub(super) fn attributes(self) -> u32 {
        match self {
            Self::Control => 7,
            Self::Bridge => 3,
            Self::Dockerfile => 0,
        }
    }
}
