//! One connection without I/O.
