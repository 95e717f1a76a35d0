//! A host in trouble.

use std::net::{IpAddr, Ipv4Addr};

use super::{at, process};
use crate::{
    event::TcpState::{CloseWait, SynSent},
    figures::host::{
        Cause, Comparison, Destination, FailedConnect, Holder, HostFigures, Incomparable, Listening, Pair, Ports, Rate,
        Service, Stuck, StuckGroup,
    },
    namespace::{Settings, Unread},
};

/// A host that runs out of ports, has a leak, drops connections, and counts differently from its kernel.
pub(crate) fn troubled() -> HostFigures {
    let settings = Settings {
        port_range: Some((32_768, 60_999)),
        reserved: Some(Box::default()),
        tw_reuse: Some(2),
        ..Settings::default()
    };
    let busy = Destination {
        netns: 4_026_531_840,
        local: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)),
        remote: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)),
        remote_port: 443,
        sockets: 1_232,
        time_wait: Some(26_000),
        opened: 90_000,
        change: Some(Rate { by: 500, in_ns: 5_000_000_000 }),
        failed: 12,
        first_failed: Some(FailedConnect { at: at(2_000_000), process: Some(process(4121, b"java")), port: None }),
        settings,
    };
    let idle = Destination {
        remote_port: 80,
        sockets: 3,
        time_wait: None,
        change: None,
        failed: 0,
        first_failed: None,
        settings: Settings::default(),
        ..busy.clone()
    };
    let leak = StuckGroup {
        netns: 4_026_531_840,
        state: CloseWait,
        holder: Holder::Owner(process(4121, b"java")),
        service: Service::Server(8080),
        count: 220,
        stuck: 214,
        oldest_ns: 7_260_000_000_000,
        oldest_is_lower_bound: true,
    };
    let waiting = StuckGroup {
        state: SynSent,
        holder: Holder::Unknown,
        service: Service::Client(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)), 443),
        count: 2,
        stuck: 0,
        oldest_ns: 1_100_000_000,
        oldest_is_lower_bound: false,
        ..leak
    };
    let pair = |kernel, ours, causes, unexplained| Pair { kernel: Some(kernel), ours, causes, unexplained };
    let pairs = [
        pair(20_012, Some(20_000), vec![(Cause::InFlight, 10)], Some(2)),
        pair(19_990, Some(19_990), Vec::new(), Some(0)),
        pair(3, Some(1), vec![(Cause::HalfOpenReset, 2)], Some(0)),
        pair(7, Some(7), Vec::new(), Some(0)),
        pair(8, Some(8), Vec::new(), Some(0)),
        pair(9, None, Vec::new(), None),
    ];
    let unread = Pair { ours: Some(4), ..Pair::default() };
    HostFigures {
        ports: Ports { destinations: vec![busy, idle], others: 4, uncounted: 0 },
        stuck: Stuck { groups: vec![leak, waiting], others: 0, uncounted: 0 },
        listen: vec![
            Listening {
                netns: 4_026_531_840,
                grown: Ok([Some(12), Some(14), None, Some(0), Some(3), Some(2), Some(1), None]),
            },
            Listening { netns: 4_026_532_001, grown: Err(Unread::NotFound) },
        ],
        kernel_counters: vec![
            Comparison { netns: 4_026_531_840, span: Some((at(0), at(1_000_000_000))), incomparable: None, pairs },
            Comparison {
                netns: 4_026_532_001,
                span: None,
                incomparable: Some(Incomparable::Unread(Unread::NotFound)),
                pairs: [(); 6].map(|()| unread.clone()),
            },
        ],
        lossy: true,
    }
}
