//! Mistakes that must not compile, each with a twin that does. The cases are in `fail` and `pass`.
