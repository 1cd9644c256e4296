//! The part of the command line that needs neither a terminal nor axisd, for
//! others to call: its tests, and whoever attacks it.

pub mod openapi;
