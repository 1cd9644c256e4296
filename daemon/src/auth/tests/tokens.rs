//! Schemes with a token endpoint, against one on this machine.
