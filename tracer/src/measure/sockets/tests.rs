//! Roles, order and groups of a list.

use super::{Roles, grouped, sort};
use crate::{
    event::TcpState::{CloseWait, Established, Listen, SynRecv, SynSent, TimeWait},
    figures::{Group, Listed, SocketGroup, SocketOrder, SocketsBy},
    observation::Role,
    samples::{at, ephemeral, holder, process, socket, sockets},
    socket::{
        Owners,
        Protocol::{Tcp, Udp},
        Socket,
    },
};

#[test]
fn a_role_is_told_by_the_state_or_deduced_from_ports() {
    let all = [socket(Tcp, "0.0.0.0:443", "", Listen)];
    let ephemeral = [(all[0].netns, (32_768, 60_999)), (1, (20_000, 20_999))].into();
    let roles = Roles::of(&all, &ephemeral);
    let role = |local, remote, state| {
        let Listed { role, inferred, .. } = roles.tell(socket(Tcp, local, remote, state));
        (role, inferred)
    };
    assert_eq!(role("0.0.0.0:443", "", Listen), (Some(Role::Listener), false));
    assert_eq!(role("10.0.0.5:40000", "10.0.0.9:443", SynSent), (Some(Role::Client), false));
    assert_eq!(role("10.0.0.5:80", "10.0.0.9:40000", SynRecv), (Some(Role::Server), false));
    assert_eq!(role("10.0.0.5:443", "10.0.0.9:40000", Established), (Some(Role::Server), true));
    assert_eq!(role("10.0.0.5:40000", "10.0.0.9:443", TimeWait), (Some(Role::Client), true));
    assert_eq!(role("10.0.0.5:22", "10.0.0.9:40000", Established), (None, false), "its listener is gone");
    let elsewhere = Socket { netns: 1, ..socket(Tcp, "10.0.0.5:443", "10.0.0.9:40000", Established) };
    assert_eq!(roles.tell(elsewhere).role, None, "that listener is in another namespace");
    let of_its_range =
        |port: u16| Socket { netns: 1, ..socket(Tcp, &format!("10.0.0.5:{port}"), "10.0.0.9:5432", Established) };
    assert_eq!(roles.tell(of_its_range(20_000)).role, Some(Role::Client));
    assert_eq!(roles.tell(of_its_range(40_000)).role, None, "another namespace's range");
    assert_eq!(roles.tell(socket(Udp, "10.0.0.5:443", "10.0.0.9:40000", Established)).role, None);
}

/// The ports of this host's ends.
fn ports(order: SocketOrder) -> Vec<u16> {
    let mut listed = sockets().listed;
    sort(&mut listed, order);
    listed.iter().filter_map(|listed| listed.socket.local.port).collect()
}

#[test]
fn figures_descend_names_ascend_and_what_is_unknown_is_last() {
    let kernel = [443, 443, 51_324, 51_326, 443, 53, 41_000];
    assert_eq!(ports(SocketOrder::None), kernel);
    assert_eq!(ports(SocketOrder::RecvQ)[..2], [443, 51_324]);
    assert_eq!(ports(SocketOrder::SendQ)[..3], [443, 443, 51_326]);
    assert_eq!(ports(SocketOrder::Rtt), [443, 51_324, 443, 51_326, 443, 53, 41_000]);
    assert_eq!(ports(SocketOrder::Retransmits)[0], 443);
    assert_eq!(ports(SocketOrder::Local), [443, 41_000, 51_324, 51_326, 53, 443, 443]);
    assert_eq!(ports(SocketOrder::Remote)[..2], [41_000, 443]);
    assert_eq!(ports(SocketOrder::Process)[1..], [51_324, 443, 443, 53, 51_326, 443]);
    assert_eq!(ports(SocketOrder::Timer)[..4], [443, 51_326, 443, 51_324]);
    assert_eq!(ports(SocketOrder::State)[..1], [443]);
}

fn groups(by: SocketsBy) -> Vec<(SocketGroup, u64)> {
    let groups = grouped(at(0), &sockets().listed, by, SocketOrder::None);
    assert_eq!(groups.all.sockets, groups.groups.iter().map(|(_, counts)| counts.sockets).sum::<u64>());
    groups.groups.into_iter().map(|(group, counts)| (group, counts.sockets)).collect()
}

#[test]
fn every_socket_is_in_one_group() {
    assert_eq!(groups(SocketsBy::State).len(), 7);
    let by_process = groups(SocketsBy::Process);
    assert!(by_process.contains(&(SocketGroup::Process(process(4_121, b"java")), 1)), "two descriptors, one socket");
    assert!(by_process.contains(&(SocketGroup::Hidden, 1)) && by_process.contains(&(SocketGroup::NoProcess, 1)));
    assert_eq!(groups(SocketsBy::Peer)[0], (SocketGroup::NoPeer, 2));
    let web = SocketGroup::Service(Tcp, Group::Server { port: 443, netns: 4_026_531_840 });
    assert_eq!(groups(SocketsBy::Service)[0], (web, 3));
    let resolver = Group::Client { addr: [10, 0, 0, 2].into(), port: 53, netns: 4_026_531_840 };
    assert!(groups(SocketsBy::Service).contains(&(SocketGroup::Service(Udp, resolver), 1)));
    let by_container = groups(SocketsBy::Container);
    assert!(by_container.contains(&(SocketGroup::Container(Group::Container("0f".repeat(32).into())), 1)));
    assert_eq!(by_container[0], (SocketGroup::Container(Group::Cgroup("/system.slice/web.service".into())), 5));
}

#[test]
fn a_container_is_the_one_that_the_socket_says_it_is_of() {
    let id = "0f".repeat(32);
    let cgroup = |path: &str| Some(path.into());
    let outside = || holder(1, b"systemd", 5, Some("/init.scope"));
    let inside = || holder(812, b"nginx", 6, Some(&format!("/system.slice/docker-{id}.scope")));
    let of = |owners, made_in: &str| Socket {
        owners: Owners::Known(owners),
        cgroup: cgroup(made_in),
        ..socket(Tcp, "0.0.0.0:443", "", Listen)
    };
    let group = |socket: Socket| {
        let listed = [Listed { socket, role: None, inferred: false }];
        grouped(at(0), &listed, SocketsBy::Container, SocketOrder::None).groups.swap_remove(0).0
    };
    for socket in [of(vec![outside(), inside()], "/init.scope"), of(vec![outside()], &format!("/docker/{id}"))] {
        assert_eq!(socket.container(), Some(&*id));
        assert_eq!(group(socket), SocketGroup::Container(Group::Container(id.as_str().into())));
    }
    let nowhere = of(vec![outside()], "/system.slice/web.service");
    assert_eq!(group(nowhere), SocketGroup::Container(Group::Cgroup("/init.scope".into())));
}

#[test]
fn a_leak_is_at_the_top_and_queues_of_listeners_are_apart() {
    let leaked = || Socket {
        recv_q: 1,
        owners: Owners::Known(vec![holder(4_121, b"java", 9, None)]),
        ..socket(Tcp, "10.0.0.5:51324", "93.184.216.34:443", CloseWait)
    };
    let all: Vec<_> =
        std::iter::repeat_with(leaked).take(214).chain(sockets().listed.into_iter().map(|it| it.socket)).collect();
    let ephemeral = ephemeral();
    let roles = Roles::of(&all, &ephemeral);
    let listed: Vec<_> = all.into_iter().map(|socket| roles.tell(socket)).collect();
    let by_process = grouped(at(0), &listed, SocketsBy::Process, SocketOrder::None);
    let (group, counts) = &by_process.groups[0];
    assert_eq!(*group, SocketGroup::Process(process(4_121, b"java")));
    assert_eq!((counts.sockets, counts.recv_q, counts.states[&(Tcp, CloseWait)]), (215, 215, 215));
    assert_eq!((by_process.all.accept_q, by_process.all.recv_q, by_process.all.send_q), (3, 215, 1_234_568));
    let by_queue = grouped(at(0), &listed, SocketsBy::State, SocketOrder::SendQ);
    assert_eq!(by_queue.groups[0].0, SocketGroup::State(Tcp, Established));
    assert_eq!(by_queue.groups[0].1.holders.len(), 1);
}
