//! The packet that an RST answers.

use aya_ebpf::helpers::bpf_probe_read_kernel_buf;
use tracer_common::wire::Scratch;

use crate::{
    config::{config, offset},
    filter::{Ends, Place, mapped},
    kernel::{KernelPtr, follow, load, load_be16, load_or},
};

const ETH_P_IPV6: u16 = 0x86dd;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// A `struct sk_buff *` that the tracepoint handed over: a TCP segment that came in.
#[derive(Clone, Copy)]
pub struct Packet(KernelPtr);

impl Packet {
    /// The packet; not null.
    #[inline(always)]
    pub fn from_ptr(ptr: KernelPtr) -> Self {
        Self(ptr)
    }

    /// The address as a number, for comparing.
    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0 as u64
    }

    #[inline(always)]
    fn device(self) -> KernelPtr {
        follow(self.0, offset!(skb_dev))
    }

    /// Both ends as this host sees them: its own is where the packet went to. Zeros if it cannot be read.
    #[inline(always)]
    pub fn ends(self, scratch: &mut Scratch) -> Ends {
        let family = if load_be16(self.0, offset!(skb_protocol)) == ETH_P_IPV6 { AF_INET6 } else { AF_INET };
        let unknown = if family == AF_INET6 { [0; 2] } else { mapped(0) };
        let mut ends = Ends {
            family,
            local_addr: unknown,
            remote_addr: unknown,
            local_port: 0,
            remote_port: 0,
            remote_unknown: true,
        };
        if config!(read_packets) == 0 || !self.read_headers(scratch) {
            return ends;
        }
        // Byte by byte, as in `load_be16`.
        // SAFETY: within the eight bytes.
        let byte = |at: usize| u16::from(unsafe { scratch.ports.as_ptr().add(at).read_volatile() });
        ends.remote_port = byte(0) << 8 | byte(1);
        ends.local_port = byte(2) << 8 | byte(3);
        ends.remote_unknown = false;
        // RFC 791 section 3.1, RFC 8200 section 3: source, then destination.
        let header = scratch.network_header.as_ptr();
        // SAFETY: all reads are within the 40 bytes.
        unsafe {
            if family == AF_INET6 {
                let word = |at: usize| header.add(at).cast::<u64>().read_unaligned();
                ends.remote_addr = [word(8), word(16)];
                ends.local_addr = [word(24), word(32)];
            } else {
                let word = |at: usize| header.add(at).cast::<u32>().read_unaligned();
                ends.remote_addr = mapped(word(12));
                ends.local_addr = mapped(word(16));
            }
        }
        ends
    }

    /// Copies the headers; false if that fails.
    #[inline(always)]
    fn read_headers(self, scratch: &mut Scratch) -> bool {
        let head: *const u8 = load(self.0, offset!(skb_head));
        let at = |header: u32| head.wrapping_add(usize::from(load::<u16>(self.0, header)));
        // SAFETY: a helper that checks the address; the buffers are this program's own.
        unsafe {
            bpf_probe_read_kernel_buf(at(offset!(skb_network_header)), &mut scratch.network_header).is_ok()
                && bpf_probe_read_kernel_buf(at(offset!(skb_transport_header)), &mut scratch.ports).is_ok()
        }
    }
}

impl Place for Packet {
    #[inline(always)]
    fn net(self) -> KernelPtr {
        follow(self.device(), offset!(dev_net))
    }

    #[inline(always)]
    fn ifindex(self) -> u32 {
        load_or(self.device(), offset!(dev_ifindex), 0)
    }

    #[inline(always)]
    fn cgroup_node(self) -> KernelPtr {
        core::ptr::null()
    }
}
