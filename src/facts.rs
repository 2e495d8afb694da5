//! What must be asked of the outside before a request can be judged, and the blocking look-ups.
