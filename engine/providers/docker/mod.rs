//! Docker: docker and compose lines, understood and spoken to the Engine API.
#![allow(dead_code, unused_imports, reason = "used by what is built beside it")]

mod line;
