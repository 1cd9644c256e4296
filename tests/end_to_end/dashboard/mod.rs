//! The dashboard over HTTP, a file a room of it: what a browser is given, and
//! what comes of the forms that it sends.

mod activity;
mod api;
mod approvals;
mod pages;
mod policy;
