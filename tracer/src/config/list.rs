//! `tracer list`: what the flags of netstat, ss and lsof mean here.

mod internet;
mod states;

use std::{path::PathBuf, time::Duration};

pub use self::internet::InternetSpec;
use super::{
    ConfigError, Problem,
    filter::{self, Names},
    items, netns, quantity, report,
};
use crate::{
    cli::{ColumnArgs, FilterArgs, Format, ListArgs, ListOutputArgs, SelectArgs},
    event::TcpState,
    figures::{SocketOrder, SocketsBy},
    filter::Filter,
    services::Services,
};

/// What `--netns` takes beside names of namespaces.
const ALL_NAMESPACES: &str = "all";

/// `tracer list`
#[derive(Clone, Debug)]
pub struct List {
    /// In which states TCP sockets are listed.
    pub tcp: Vec<TcpState>,
    /// In which states UDP sockets are.
    pub udp: Vec<TcpState>,
    /// Any of these must hold, if there are any.
    pub internet: Vec<InternetSpec>,
    /// Which of them.
    pub filter: Filter,
    /// In which network namespaces they are looked for.
    pub scope: Scope,
    /// Where some of these are that perhaps no process is in and that have no name.
    pub netns_paths: Vec<PathBuf>,
    /// All of this as typed, one string a flag.
    pub filters: Vec<String>,
    /// What is shown of them.
    pub columns: Columns,
    /// In which order.
    pub order: SocketOrder,
    /// Groups instead of sockets.
    pub group_by: Option<SocketsBy>,
    /// Again so often.
    pub every: Option<Duration>,
    /// But no longer than this.
    pub duration: Option<Duration>,
    /// Numbers instead of service names.
    pub numeric: bool,
    /// Where to write; `None`: standard output.
    pub output: Option<PathBuf>,
}

/// In which network namespaces sockets are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The one that tracer is in.
    Own,
    /// Those that the filter takes.
    Filtered,
}

/// What is shown of a socket beside its ends, queues and state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Who holds it.
    pub processes: bool,
    /// User, inode, round trip, retransmissions, container; with processes their descriptors.
    pub extended: bool,
    /// Its timer.
    pub timers: bool,
    /// Classes of its ports.
    pub port_class: bool,
}

impl List {
    pub(super) fn new(args: ListArgs, format: Format, services: &Services) -> Result<Self, ConfigError> {
        let ListArgs { select, columns, filter: wanted, output } = args;
        let both = services.of_both();
        let (tcp, udp) = states::chosen(&select)?;
        let internet = select.internet.iter().map(|text| items::one("-i", text, |text| internet::spec(text, &both)));
        let (wanted, scope) = scoped(familiar(wanted, &select.family)?);
        let filter = filter::filter(&wanted, Names::Ours, &both)?;
        let netns_paths = items::parse("--netns", &wanted.netns, |text| Ok(netns::path(text)))?.include;
        let ListOutputArgs { sort, group_by, watch, duration, numeric, port_numbers, output, format: _ } = output;
        let order = items::one("--sort", &sort, report::socket_order)?;
        let group_by = group_by.map(|text| items::one("--group-by", &text, report::sockets_by)).transpose()?;
        fits(group_by, order, format)?;
        Ok(Self {
            tcp,
            udp,
            internet: internet.collect::<Result<_, _>>()?,
            filters: filters(&filter, &select),
            filter,
            scope,
            netns_paths: netns_paths.into_iter().flatten().collect(),
            columns: Columns::new(&columns, &select),
            order,
            group_by,
            every: watch.map(|text| items::one("--watch", &text, report::interval)).transpose()?,
            duration: duration.map(|text| items::one("--duration", &text, quantity::duration)).transpose()?,
            numeric: numeric || port_numbers,
            output: output.filter(|path| path.as_os_str() != "-"),
        })
    }
}

impl SelectArgs {
    /// Nothing is said about kinds of sockets, or it is lsof that is meant: all are shown, and whose they are.
    fn is_bare(&self) -> bool {
        !(self.tcp || self.udp || self.listening || self.all) || !self.internet.is_empty()
    }
}

impl Columns {
    fn new(args: &ColumnArgs, select: &SelectArgs) -> Self {
        Self {
            processes: args.processes || select.is_bare(),
            extended: args.extended > 0,
            timers: args.timers,
            port_class: args.port_class,
        }
    }
}

/// Families as netstat and ss take them: both flags are both families, and `-f` says the same.
fn familiar(mut filter: FilterArgs, families: &[String]) -> Result<FilterArgs, ConfigError> {
    let list = items::parse("--family", families, |text| match text {
        "inet" => Ok(true),
        "inet6" => Ok(false),
        _ => Err(Problem::OtherSockets),
    })?;
    if !list.exclude.is_empty() {
        return Err(ConfigError::value("--family", &families.join(","), Problem::OtherSockets));
    }
    filter.ipv4 |= list.include.contains(&true);
    filter.ipv6 |= list.include.contains(&false);
    if filter.ipv4 && filter.ipv6 {
        (filter.ipv4, filter.ipv6) = (false, false);
    }
    Ok(filter)
}

/// Where nothing is said of namespaces, this one is meant, as in every tool that lists sockets.
fn scoped(mut filter: FilterArgs) -> (FilterArgs, Scope) {
    if filter.netns.is_empty() {
        return (filter, Scope::Own);
    }
    let items = || filter.netns.iter().flat_map(|value| value.split(',')).map(str::trim);
    if items().any(|item| item == ALL_NAMESPACES) {
        filter.netns = items().filter(|item| item.starts_with('!')).map(str::to_owned).collect();
    }
    (filter, Scope::Filtered)
}

fn filters(filter: &Filter, select: &SelectArgs) -> Vec<String> {
    let switches = [("-t", select.tcp), ("-u", select.udp), ("-l", select.listening), ("-a", select.all)];
    let switches = switches.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned());
    let specs = select.internet.iter().map(|spec| format!("-i {spec}").trim_end().to_owned());
    let states = items::typed("--state", &select.state);
    switches.chain(specs).chain(filter.describe()).chain(states).collect()
}

/// Groups are not sockets: they have neither all of their figures nor their table.
fn fits(group_by: Option<SocketsBy>, order: SocketOrder, format: Format) -> Result<(), ConfigError> {
    match (group_by, order, format) {
        (Some(_), _, Format::Csv) => Err(ConfigError::GroupsAsTable),
        (Some(_), SocketOrder::None | SocketOrder::RecvQ | SocketOrder::SendQ, _) | (None, ..) => Ok(()),
        (Some(_), order, _) => Err(ConfigError::GroupOrder { order: order.name() }),
    }
}
