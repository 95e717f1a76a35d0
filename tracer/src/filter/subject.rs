//! What a filter needs to know of a socket, wherever it comes from.

use crate::{
    event::{Endpoint, Family, Transition},
    socket::Socket,
};

/// A socket that is asked about: that of an event, or one in a list.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) netns: u32,
    pub(super) cgroup_id: Option<u64>,
    pub(super) family: Family,
    pub(super) local: &'a Endpoint,
    /// `None` if it is not known yet.
    pub(super) remote: Option<&'a Endpoint>,
    pub(super) ifindex: Option<u32>,
}

impl<'a> From<&'a Transition> for Subject<'a> {
    fn from(Transition { netns, cgroup_id, family, local, remote, ifindex, .. }: &'a Transition) -> Self {
        Self {
            netns: *netns,
            cgroup_id: *cgroup_id,
            family: *family,
            local,
            remote: remote.as_ref(),
            ifindex: *ifindex,
        }
    }
}

impl<'a> From<&'a Socket> for Subject<'a> {
    fn from(Socket { netns, cgroup_id, family, local, remote, ifindex, .. }: &'a Socket) -> Self {
        Self { netns: *netns, cgroup_id: *cgroup_id, family: *family, local, remote: Some(remote), ifindex: *ifindex }
    }
}
