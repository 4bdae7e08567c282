//! Loops and exits (to come).
