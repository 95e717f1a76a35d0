//! What kinds of words there are, and under which headings something is said of them.

words! {
    /// What a word is. In JSON its name is that of the member in which the word appears, where it appears in one.
    Kind {
        /// A subject, not a value of an output.
        Topic = "topic",
        /// A TCP state.
        State = "state",
        /// Why an RST was sent.
        Reason = "reason",
        /// An error number's name.
        Error = "error",
        /// How a connection ended.
        Outcome = "outcome",
        /// An end of a connection: who closed it, who made an RST.
        Side = "closed_by",
        /// Which way an RST went.
        Direction = "direction",
        /// Which end this host is.
        Role = "role",
        /// How a handshake was measured.
        Method = "method",
        /// Why a handshake's latency is not known.
        UnknownReason = "unknown_reason",
        /// How the owner of a socket became known.
        OwnerSource = "owner_source",
        /// What ended a timewait socket.
        End = "end",
        /// What a socket's timer is for.
        Timer = "timer",
        /// Where records were lost.
        Stage = "stage",
        /// What an object is about.
        Type = "type",
        /// One of the kernel's counters.
        Counter = "kernel_counter",
        /// What explains a difference to the kernel's counters.
        Cause = "cause",
        /// Why a namespace's counters are not compared.
        Incomparable = "not_compared",
        /// A term of the account.
        Term = "account",
        /// What connections are grouped by.
        GroupBy = "group_by",
        /// A group that is none.
        Group = "group",
        /// What a summary's lines are sorted by: its figures.
        Figure = "figure",
        /// What a column or a member says.
        Member = "member",
        /// What `tracer doctor` checks.
        Check = "check",
        /// What a check found.
        Health = "status",
        /// What is measured only where the kernel can.
        Feature = "feature",
        /// An address family.
        Family = "family",
        /// A transport protocol.
        Protocol = "protocol",
        /// A class of ports.
        PortClass = "class",
        /// A port.
        Port = "port",
    }
}

impl Kind {
    /// What a word of this kind is, to people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::State => "TCP state",
            Self::Reason => "why an RST was sent",
            Self::Error => "error of a socket",
            Self::Outcome => "how a connection ended",
            Self::Side => "end of a connection: who closed it, who made an RST",
            Self::Direction => "which way an RST went",
            Self::Role => "which end this host is",
            Self::Method => "how a handshake was measured",
            Self::UnknownReason => "why a handshake's time is unknown",
            Self::OwnerSource => "how a socket's process became known",
            Self::End => "what ended a timewait socket",
            Self::Timer => "what a socket's timer is for",
            Self::Stage => "where records were lost",
            Self::Type => "what an object is about",
            Self::Counter => "counter of the kernel",
            Self::Cause => "why the kernel counted more",
            Self::Incomparable => "why counters are not compared",
            Self::Term => "term of the account",
            Self::GroupBy => "what connections are grouped by",
            Self::Group => "group of connections",
            Self::Figure => "figure, by which lines are sorted",
            Self::Member => "column of a table, or member of an object",
            Self::Check => "what tracer doctor checks",
            Self::Health => "what a check found",
            Self::Feature => "what is measured where the kernel can",
            Self::Family => "address family",
            Self::Protocol => "transport protocol",
            Self::PortClass => "class of ports",
            Self::Port => "port",
        }
    }
}

words! {
    /// Under which heading something is said.
    Aspect {
        /// What the standard means.
        Rfc = "rfc",
        /// The same for people.
        Plain = "plain",
        /// Why it is so.
        Why = "why",
        /// Whose turn it is.
        Who = "who_must_act",
        /// What is usual.
        Normal = "normal",
        /// What is usually wrong.
        Wrong = "usually_wrong",
        /// What to look at next.
        Next = "look_at",
        /// What tracer makes of it.
        Measured = "measured",
        /// How to tell one case from another.
        Tell = "tell_apart",
        /// What can be set, and what not.
        Settings = "settings",
        /// What this host says.
        Here = "this_host",
        /// Which class of ports it is in.
        Class = "class",
        /// The service that has the port.
        Service = "service",
        /// Who listens.
        Listening = "listening",
    }
}

impl Aspect {
    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rfc => "RFC 9293",
            Self::Plain => "Plainly",
            Self::Why => "Why",
            Self::Who => "Who must act",
            Self::Normal => "Normal",
            Self::Wrong => "Usually wrong",
            Self::Next => "Look at",
            Self::Measured => "Measured",
            Self::Tell => "To tell apart",
            Self::Settings => "Settings",
            Self::Here => "This host",
            Self::Class => "Class",
            Self::Service => "Service",
            Self::Listening => "Listening",
        }
    }
}
