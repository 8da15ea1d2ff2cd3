//! renewctl: the lifetime of Alibaba Cloud ECS subscription instances, kept as a desired state.
pub mod ports;
