//! renewctl: the lifetime of Alibaba Cloud ECS subscription instances, kept as a desired state.
pub mod ids;
pub mod text;
pub mod term;
pub mod money;
pub mod calendar;
pub mod retry;
pub mod diagnostic;
pub mod config;
pub mod live;
pub mod desired;
pub mod plan;
pub mod render;
pub mod ports;
pub mod journal;
