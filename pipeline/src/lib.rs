//! The reference pipeline: a real-time voice-conversation service built so that
//! none of the leaks `unleak` finds can happen in it.
//!
//! Only the room exists so far; the service moves in with its own issue.
