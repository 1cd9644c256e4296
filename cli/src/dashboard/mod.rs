//! The dashboard: what axisd knows, as pages on 127.0.0.1 for the owner's
//! browser. A client of axisd like any command; it keeps nothing.
//!
//! A request's way: [`serving`] takes the connection and asks the system whose
//! it is ([`neighbour`]); [`guard`] refuses what no page of ours would send and
//! puts the headers on every answer; [`session`] knows who is signed in; then
//! one room for each page asks axisd ([`app`]) and writes HTML, in the frame
//! that all pages share ([`page`]), with the words of [`words`]. [`live`] tells
//! open pages what changes. [`api`] is the same as JSON.

mod activity;
mod api;
mod app;
mod approvals;
mod assets;
mod form;
mod guard;
mod health;
mod live;
mod login;
mod neighbour;
mod overview;
mod page;
mod policy;
mod record;
mod services;
mod serving;
mod session;
mod words;

pub use self::app::App;
pub use self::serving::{open, serve};
