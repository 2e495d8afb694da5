//! What is logged, and the thread that writes it.
