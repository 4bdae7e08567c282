//! The service from outside: in this process on ports of its own, and as the program that people start.

#[path = "service/durability.rs"]
mod durability;
#[path = "service/interfaces.rs"]
mod interfaces;
#[path = "service/process.rs"]
mod process;
#[path = "service/support.rs"]
mod support;
