//! A run that asks the kernel for its sockets, once or over and over.
//!
//! It is not confined: until its end it needs what confinement takes away, the descriptors of all processes and leave to
//! enter their namespaces. What it reads is the kernel's own, and names in files; `-i @HOST` was resolved before.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    time::Duration,
};

use rustix::{
    process::{Resource, Rlimit, geteuid, getrlimit, setrlimit},
    system::uname,
};
use tokio::time::{self, Instant, MissedTickBehavior};

use super::{Printer, ending::Ending, say, stop::Stop};
use crate::{
    cli::Format,
    config::{List, Scope, Speech},
    doctor,
    event::{ClockPair, Family, MonotonicNs, TcpState},
    figures::{Listed, SocketOrder, Sockets, SocketsBy},
    filter::CgroupAncestry,
    measure::{Roles, grouped, sort},
    memory::Budget,
    observation::{Feature, Observation, Start},
    output::{Form, Output, Screen, Sink, SinkError, is_dumb},
    run::{Failure, Status},
    services::Services,
    socket::{Owners, Protocol, Socket},
    source::{
        live,
        sockets::{Hindrance, Namespaces, Wanted, sockets},
    },
};

/// Sockets that are told to programs at a time: a text is told as a whole, for its columns.
const PORTION: usize = 4_096;

/// Runs a command that lists sockets to its end.
pub(crate) fn list(list: List, speech: Speech, services: Services) -> Result<Status, Failure> {
    allow_many_namespaces();
    let sink = Sink::open(list.output.as_deref())?;
    let is_screen = sink.is_terminal();
    let form = Form::Sockets { columns: list.columns, again: list.every.is_some() };
    let output = Output::new(speech, Some(form), list.numeric, services, is_screen);
    let redraws = is_screen && list.every.is_some() && speech.format == Format::Text && !is_dumb();
    let every = list.every;
    let duration = list.duration;
    let mut session = Session {
        wanted: wanted(&list, speech),
        shows_owners: shows_owners(&list, speech),
        list,
        printer: Printer::new(output, sink),
        is_screen,
        redraws,
        format: speech.format,
        quiet: speech.quiet,
        has_started: false,
        missing: Vec::new(),
        count: 0,
        unknown: None,
        status: Status::Done,
    };
    let shown = match every {
        None => session.show(),
        Some(every) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(session.repeat(every, duration))
        }
    };
    match shown {
        Ok(()) | Err(Stop::Sink(SinkError::Closed)) => Ok(session.status),
        Err(stop) => Err(stop.into()),
    }
}

/// Each namespace that is looked into is held by a descriptor, and 1024 is what a shell usually leaves.
fn allow_many_namespaces() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

struct Session {
    list: List,
    wanted: Wanted,
    shows_owners: bool,
    printer: Printer,
    is_screen: bool,
    /// Each list takes the place of the one before.
    redraws: bool,
    format: Format,
    quiet: bool,
    has_started: bool,
    /// What is missing, each of it once.
    missing: Vec<String>,
    /// How many sockets the last list has.
    count: usize,
    /// What is not known of them.
    unknown: Option<Unknown>,
    status: Status,
}

impl Session {
    /// Shows the sockets again and again until Ctrl-C, SIGTERM or the time; a closed pipe is a way to end, too.
    async fn repeat(&mut self, every: Duration, duration: Option<Duration>) -> Result<(), Stop> {
        let mut ending = Ending::new(duration)?;
        let mut tick = time::interval_at(Instant::now(), every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = ending.come() => break,
                _ = tick.tick() => self.show()?,
            }
        }
        if self.redraws {
            self.missing.iter().for_each(|words| self.say(words));
            self.say_what_is_not_there();
        }
        Ok(())
    }

    /// Asks the kernel and shows its answer.
    fn show(&mut self) -> Result<(), Stop> {
        let clock = live::now()?;
        let answer = sockets(&self.wanted).map_err(|unseen| Failure::from(anyhow::Error::msg(format!("{unseen}."))))?;
        let Chosen { listed, left_out } = self.choose(answer.sockets, &answer.ephemeral);
        let hidden = if self.shows_owners { hidden(&listed) } else { 0 };
        let unknown = answer.hindrance.map(|hindrance| Unknown { hindrance, listed: hidden, left_out });
        let unknown = unknown.filter(|unknown| unknown.listed + unknown.left_out > 0);
        if self.has_started {
            self.printer.print(&Observation::Clock(clock));
        } else {
            self.printer.start(&start(clock, &self.list, unknown));
        }
        if self.is_screen {
            let screen = self.printer.screen();
            self.printer.fit(if self.redraws { screen } else { Screen { rows: None, ..screen } });
        }
        self.count = listed.len();
        self.unknown = unknown;
        self.print(clock.monotonic, listed);
        self.printer.flush()?;
        for unseen in &answer.unseen {
            self.status = Status::Lossy;
            let words = format!("{unseen}.");
            if !self.missing.contains(&words) {
                // The next list would take the place of these words: they come after the last one.
                if !self.redraws {
                    self.say(&words);
                }
                self.missing.push(words);
            }
        }
        if !self.has_started && !self.redraws {
            self.say_what_is_not_there();
        }
        self.has_started = true;
        Ok(())
    }

    /// The sockets that are asked for, in the order asked for.
    fn choose(&self, sockets: Vec<Socket>, ephemeral: &BTreeMap<u32, (u16, u16)>) -> Chosen {
        let List { tcp, udp, internet, filter, order, .. } = &self.list;
        let roles = Roles::of(&sockets, ephemeral);
        let cgroups = cgroups(&sockets);
        let states = |protocol| if protocol == Protocol::Tcp { tcp } else { udp };
        let is_of_kind = |Listed { socket, .. }: &Listed| {
            states(socket.protocol).contains(&socket.state)
                && (internet.is_empty() || internet.iter().any(|spec| spec.takes(socket)))
        };
        let mut left_out = 0;
        let takes = |Listed { socket, role, .. }: &Listed| {
            let takes = filter.takes(socket, *role, &cgroups);
            let may_take = || socket.owners == Owners::Hidden && filter.may_take_hidden(socket, *role, &cgroups);
            left_out += usize::from(!takes && may_take());
            takes
        };
        let told = sockets.into_iter().map(|socket| roles.tell(socket));
        let mut listed: Vec<_> = told.filter(is_of_kind).filter(takes).collect();
        sort(&mut listed, *order);
        Chosen { listed, left_out }
    }

    fn print(&mut self, at: MonotonicNs, mut listed: Vec<Listed>) {
        if let Some(by) = self.list.group_by {
            let groups = grouped(at, &listed, by, self.list.order);
            return self.printer.print(&Observation::SocketGroups(Box::new(groups)));
        }
        let portion = if self.format == Format::Text { listed.len() } else { PORTION };
        while listed.len() > portion {
            let rest = listed.split_off(portion);
            self.printer.print(&Observation::Sockets(Sockets { at, listed }));
            listed = rest;
        }
        self.printer.print(&Observation::Sockets(Sockets { at, listed }));
    }

    fn say_what_is_not_there(&self) {
        match self.unknown {
            None if self.count == 0 => self.say("no socket matches."),
            Some(unknown) => self.say(&unknown.to_string()),
            None => {}
        }
    }

    fn say(&self, words: &str) {
        if !self.quiet {
            say(words);
        }
    }
}

/// The sockets that are asked for.
struct Chosen {
    listed: Vec<Listed>,
    /// How many others may be, for who holds them is not known.
    left_out: usize,
}

/// What is not known of who holds sockets; a sentence.
#[derive(Clone, Copy)]
struct Unknown {
    hindrance: Hindrance,
    /// How many of the sockets that are listed are concerned.
    listed: usize,
    /// How many sockets are not listed, because the filter asks who holds them.
    left_out: usize,
}

impl Display for Unknown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { hindrance, listed, left_out } = self;
        let (whose, remedy) = match hindrance {
            Hindrance::PidNamespace => (
                "processes outside this pid namespace, which are not seen",
                "run it on the host, or with its pid namespace (--pid=host)",
            ),
            Hindrance::Privilege if geteuid().is_root() => (
                "processes that only others may look at",
                "root needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for that, and a security module may forbid it",
            ),
            Hindrance::Privilege => (
                "processes that only others may look at",
                "run it with sudo, or give it CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
            ),
        };
        match left_out {
            0 => write!(f, "{listed} of these sockets may belong to {whose} (?); {remedy}."),
            _ => write!(f, "{left_out} more may match, for they may belong to {whose}; {remedy}."),
        }
    }
}

/// What the kernel is asked for: what is shown, and what it takes to decide and to describe that.
fn wanted(list: &List, speech: Speech) -> Wanted {
    let List { tcp, udp, filter, columns, group_by, .. } = list;
    let mut tcp = tcp.clone();
    // Who listens tells which connections were accepted.
    if !tcp.is_empty() && !tcp.contains(&TcpState::Listen) {
        tcp.push(TcpState::Listen);
    }
    let families = match filter.criteria().family {
        Some(Family::Ipv6) => vec![Family::Ipv6],
        // IPv4 is mapped into IPv6, too.
        Some(Family::Ipv4) | None => vec![Family::Ipv4, Family::Ipv6],
    };
    let for_programs = speech.format != Format::Text;
    Wanted {
        tcp,
        udp: udp.clone(),
        families,
        namespaces: namespaces(list),
        owners: shows_owners(list, speech)
            || filter.asks_for_processes()
            || group_by.is_none() && columns.extended
            || list.order == SocketOrder::Process,
        cgroups: for_programs
            || !filter.criteria().cgroups.is_empty()
            || *group_by == Some(SocketsBy::Container)
            || columns.extended
            || speech.verbose,
        tcp_info: for_programs || columns.extended || list.order.needs_tcp_info(),
    }
}

/// Whether the output says who holds a socket, or that this is not known.
fn shows_owners(list: &List, speech: Speech) -> bool {
    match list.group_by {
        _ if speech.format != Format::Text => true,
        Some(by) => matches!(by, SocketsBy::Process | SocketsBy::Container | SocketsBy::State),
        None => list.columns.processes,
    }
}

fn namespaces(list: &List) -> Namespaces {
    let asked = &list.filter.criteria().netns;
    match list.scope {
        Scope::Own => Namespaces::Own,
        Scope::Filtered if asked.include.is_empty() => Namespaces::All,
        Scope::Filtered => Namespaces::Only { numbers: asked.include.clone(), paths: list.netns_paths.clone() },
    }
}

/// The cgroups that sockets are in.
fn cgroups(sockets: &[Socket]) -> CgroupAncestry {
    let mut cgroups = CgroupAncestry::default();
    let budget = Budget::of_sockets(sockets.len().max(1));
    for socket in sockets {
        if let (Some(id), Some(path)) = (socket.cgroup_id, &socket.cgroup) {
            cgroups.learn(id, path, &budget);
        }
    }
    cgroups
}

fn hidden(listed: &[Listed]) -> usize {
    listed.iter().filter(|listed| listed.socket.owners == Owners::Hidden).count()
}

fn start(clock: ClockPair, list: &List, unknown: Option<Unknown>) -> Start {
    let uname = uname();
    let reason = |unknown: Unknown| match unknown.hindrance {
        Hindrance::PidNamespace => "processes outside this pid namespace are not seen",
        Hindrance::Privilege => "some processes cannot be looked at",
    };
    let missing = unknown.map(|unknown| reason(unknown).to_owned());
    Start {
        clock,
        host: uname.nodename().to_string_lossy().into_owned(),
        boot_id: doctor::boot_id(),
        kernel: uname.release().to_string_lossy().into_owned(),
        filters: list.filters.clone(),
        features: vec![Feature { name: "owners".into(), missing }],
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, shows_owners, wanted};
    use crate::{
        cli,
        config::{Action, Config, List, Speech},
        services::Services,
    };

    fn list(args: &str) -> (List, Speech) {
        let cli = cli::parse(format!("tracer list {args}").split_whitespace()).expect("arguments");
        let Config { action, speech, .. } = Config::new(cli, &Services::default()).expect("what they mean");
        let Action::List(list) = action else { panic!("a list") };
        (*list, speech)
    }

    fn asked(args: &str) -> Wanted {
        let (list, speech) = list(args);
        wanted(&list, speech)
    }

    #[test]
    fn what_is_not_known_of_owners_is_only_said_where_they_are_shown() {
        let shows = |args: &str| {
            let (list, speech) = list(args);
            shows_owners(&list, speech)
        };
        assert_eq!(["-tan", "-tane", "-tan --pid 1", "-tan --group-by peer"].map(shows), [false; 4]);
        assert_eq!(["-tanp", "", "-tan --format csv", "-tan --group-by process"].map(shows), [true; 4]);
    }

    #[test]
    fn nothing_is_looked_up_that_nobody_sees() {
        let looks_up = |args: &str| {
            let Wanted { owners, cgroups, tcp_info, .. } = asked(args);
            (owners, cgroups, tcp_info)
        };
        assert_eq!(looks_up("-tan"), (false, false, false));
        assert_eq!(looks_up("-tanp"), (true, false, false));
        assert_eq!(looks_up("-tane"), (true, true, true));
        assert_eq!(looks_up("-tan --pid 1"), (true, false, false));
        assert_eq!(looks_up("-tan --cgroup 1"), (false, true, false));
        assert_eq!(looks_up("-tan -v"), (false, true, false));
        assert_eq!(looks_up("-tan --sort rtt"), (false, false, true));
        assert_eq!(looks_up("-tan --group-by container"), (true, true, false));
        assert_eq!(looks_up("-tan --group-by peer"), (false, false, false));
        assert_eq!(looks_up("-tan --format json"), (true, true, true));
    }
}
