//! What a word means, on a page as wide as the terminal.

use std::io::Write as _;

use super::{WIDTH, diagram, style::Palette, wrap::lines};
use crate::explain::{Aspect, Explanation, Kind, is_listed};

/// What is narrower breaks the lines itself: the diagram needs so many.
const NARROWEST: usize = diagram::COLUMNS;
/// Columns of the headings: the longest, and two spaces.
const HEADING: usize = 15;
const INDENT: usize = 2;

/// A page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    columns: usize,
    palette: Palette,
}

impl Page {
    /// As wide as a terminal of so many columns, if that can be read; `None`: it is for no terminal.
    pub(crate) fn new(columns: Option<usize>, color: bool) -> Self {
        let columns = columns.unwrap_or(WIDTH).clamp(NARROWEST, WIDTH);
        Self { columns, palette: Palette::new(color) }
    }

    /// Every meaning of a word, one below the other.
    pub(crate) fn explanations(self, all: &[Explanation]) -> Vec<u8> {
        let mut buf = Vec::new();
        for (number, explanation) in all.iter().enumerate() {
            if number > 0 {
                buf.push(b'\n');
            }
            self.explanation(explanation, &mut buf);
        }
        buf
    }

    /// All words, by what they are.
    pub(crate) fn index(self, all: &[Explanation]) -> Vec<u8> {
        let mut buf = Vec::new();
        let about = "tracer explain WHAT: a value or heading that tracer prints, a state as ss, netstat or lsof spell it, in \
            any case, an error's name, or a port (443, https).";
        self.paragraph(about, 0, &mut buf);
        for kind in Kind::ALL {
            let listed = all.iter().filter(|it| it.kind == *kind && is_listed(it));
            let mut names: Vec<_> = listed.map(|it| &*it.name).collect();
            if *kind == Kind::Error {
                names.push("and all others of errno(3)");
            }
            if !names.is_empty() {
                let (set, reset) = self.palette.heading();
                // Writing to memory does not fail, here and below.
                let _ = writeln!(buf, "\n{set}{}{reset}", kind.title());
                self.paragraph(&names.join(", "), INDENT, &mut buf);
            }
        }
        buf
    }

    fn explanation(self, it: &Explanation, buf: &mut Vec<u8>) {
        let (set, reset) = self.palette.heading();
        let _ = writeln!(buf, "{set}{}{reset} ({})", it.name, it.kind.title());
        self.paragraph(&it.short, 0, buf);
        if let Some(place) = it.place {
            buf.push(b'\n');
            diagram::push(place, self.palette, buf);
            self.paragraph(
                "[ ] is where it stands. Resets and timeouts lead to CLOSE from every state of a connection.",
                0,
                buf,
            );
        }
        if !it.more.is_empty() {
            buf.push(b'\n');
        }
        for (aspect, text) in &it.more {
            self.aspect(*aspect, text, buf);
        }
        if !it.commands.is_empty() {
            let _ = writeln!(buf, "\n{set}Try{reset}");
        }
        for command in &it.commands {
            let _ = writeln!(buf, "{:INDENT$}{command}", "");
        }
    }

    /// A heading, and its text beside it.
    fn aspect(self, aspect: Aspect, text: &str, buf: &mut Vec<u8>) {
        let (set, reset) = self.palette.heading();
        let lines = text.split('\n').flat_map(|paragraph| lines(paragraph, self.columns - HEADING));
        for (number, line) in lines.enumerate() {
            let heading = if number == 0 { aspect.title() } else { "" };
            let gap = HEADING - heading.len();
            let _ = match number {
                0 => writeln!(buf, "{set}{heading}{reset}{:gap$}{line}", ""),
                _ => writeln!(buf, "{:gap$}{line}", ""),
            };
        }
    }

    fn paragraph(self, text: &str, indent: usize, buf: &mut Vec<u8>) {
        for line in lines(text, self.columns - indent) {
            let _ = writeln!(buf, "{:indent$}{line}", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NARROWEST, Page, WIDTH};
    use crate::{
        explain::{Explanation, Host, find, vocabulary},
        namespace::Settings,
        services::Services,
        source::sockets::Unseen,
    };

    /// The arguments are in the text already.
    macro_rules! snapshot {
        ($text:expr) => {
            insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!($text) })
        };
    }

    fn usual() -> Settings {
        Settings {
            port_range: Some((32_768, 60_999)),
            reserved: Some(Box::default()),
            tw_reuse: Some(2),
            tw_reuse_delay_ms: Some(1_000),
            max_tw_buckets: Some(131_072),
            fin_timeout_s: Some(60),
        }
    }

    fn found(text: &str, settings: &Settings) -> Vec<Explanation> {
        let services = Services::parse("https 443/tcp\nhttps 443/udp");
        let listeners = || Err(Unseen::NoNamespace(1));
        find(text, &Host { settings, services: &services, listeners }).expect("it is known")
    }

    fn page(text: &str, columns: usize, color: bool) -> String {
        text_of(Page::new(Some(columns), color).explanations(&found(text, &usual())))
    }

    fn text_of(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_state() {
        snapshot!(page("close wait", 80, false));
    }

    #[test]
    fn a_state_in_colour_at_60_columns() {
        snapshot!(page("syn-sent", 60, true));
    }

    #[test]
    fn a_reset_reason() {
        snapshot!(page("TCP_ABORT_ON_CLOSE", 80, false));
    }

    #[test]
    fn time_wait_with_settings() {
        snapshot!(page("state time-wait", 80, false));
    }

    #[test]
    fn a_port_of_a_host_that_says_nothing() {
        let said = Page::new(None, false).explanations(&found("443", &Settings::default()));
        snapshot!(text_of(said));
    }

    #[test]
    fn all_words() {
        snapshot!(text_of(Page::new(Some(100), false).index(&vocabulary())));
    }

    #[test]
    fn no_line_is_longer_than_the_page_but_commands() {
        let all = || vocabulary().into_iter().chain(found("state time-wait", &usual())).chain(found("443", &usual()));
        let mut commands: Vec<_> = all().flat_map(|it| it.commands).collect();
        commands.sort();
        for columns in [NARROWEST, 80, WIDTH] {
            let all: Vec<_> = all().collect();
            let page = Page::new(Some(columns), false);
            for line in text_of(page.explanations(&all)).lines().chain(text_of(page.index(&all)).lines()) {
                let is_command = commands.binary_search_by(|command| (**command).cmp(line.trim())).is_ok();
                assert!(line.chars().count() <= columns || is_command, "{columns}: {line}");
            }
        }
    }
}
