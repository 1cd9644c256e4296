//! Whose connection it is. Loopback is open to every user of the machine; the
//! system knows which of them a connection belongs to.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use axis_proto::system::own_user;

/// The user at the other end of a connection over loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// This user, root, or whoever became this user by sudo.
    Own,
    /// Another one, by uid.
    Other(u32),
    /// Nobody any more, and whose it was is not known.
    Gone,
    /// The system doesn't say; the session decides alone.
    Unknown,
}

/// Who connected from `peer` to `local`.
pub fn of(peer: SocketAddr, local: SocketAddr) -> Neighbour {
    let (SocketAddr::V4(peer), SocketAddr::V4(local)) = (peer, local) else {
        return Neighbour::Unknown;
    };
    if cfg!(windows) {
        return Neighbour::Unknown;
    }
    let own = own_uids();
    let mut is_told = false;
    for (table, address, nobody) in [
        (
            "/proc/net/tcp",
            plain as fn(SocketAddrV4) -> String,
            "00000000:0000",
        ),
        // a socket that speaks both versions
        (
            "/proc/net/tcp6",
            mapped,
            "00000000000000000000000000000000:0000",
        ),
    ] {
        let Ok(table) = std::fs::read_to_string(table) else {
            continue;
        };
        // Not every system that has the table says something in it. Where it has
        // the socket that listens, it has connections, too, but for those that
        // were reset.
        is_told |= owner(&table, &address(local), nobody).is_some();
        match owner(&table, &address(peer), &address(local)) {
            Some(uid) if own.contains(&uid) => return Neighbour::Own,
            Some(uid) => return Neighbour::Other(uid),
            None => {}
        }
    }
    if is_told {
        return Neighbour::Gone;
    }
    Neighbour::Unknown
}

/// Who may be at the other end. An owner whose axisd runs as a system user comes
/// by sudo, and his browser is his own.
fn own_uids() -> Vec<u32> {
    let before = std::env::var("SUDO_UID");
    let before = before.ok().and_then(|uid| uid.parse().ok());
    let own = own_user();
    [Some(own), Some(0), before].into_iter().flatten().collect()
}

/// The uid of the socket between these addresses, from the text of a table of
/// the kernel's (proc(5), `/proc/net/tcp`). One that its process has closed is
/// listed as root's, with no inode: it is nobody's.
fn owner(table: &str, from: &str, to: &str) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let is_it = fields.nth(1) == Some(from) && fields.next() == Some(to);
        if !is_it {
            return None;
        }
        // state, queues, timer and retransmissions stand between, then a timeout
        let uid = fields.nth(4)?.parse().ok()?;
        let inode = fields.nth(1)?;
        (inode != "0").then_some(uid)
    })
}

/// An address as the table has it: the kernel prints words of its own order.
fn plain(address: SocketAddrV4) -> String {
    format!("{}:{:04X}", word(*address.ip()), address.port())
}

fn mapped(address: SocketAddrV4) -> String {
    let prefix = u32::from_ne_bytes([0, 0, 0xff, 0xff]);
    let ip = word(*address.ip());
    format!("{:016X}{prefix:08X}{ip}:{:04X}", 0, address.port())
}

fn word(ip: Ipv4Addr) -> String {
    format!("{:08X}", u32::from_ne_bytes(ip.octets()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_uid_of_the_other_end_is_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:0F07 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 5001 1 0 100 0 0 10 0\n   \
            1: 0100007F:0F07 0100007F:B3A2 01 00000000:00000000 00:00000000 00000000  1000        0 5002 1 0 20 4 30 10 -1\n   \
            2: 0100007F:B3A2 0100007F:0F07 01 00000000:00000000 00:00000000 00000000  1001        0 5003 1 0 20 4 30 10 -1\n   \
            3: 0100007F:B3A3 0100007F:0F07 05 00000000:00000000 03:00000F0E 00000000     0        0 0 3 0\n";
        let address = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let (peer, local) = (plain(address(0xB3A2)), plain(address(3847)));
        assert_eq!(owner(table, &peer, &local), Some(1001));
        assert_eq!(owner(table, &local, &peer), Some(1000));
        assert_eq!(owner(table, &plain(address(1)), &local), None);
        assert_eq!(owner(table, &plain(address(0xB3A3)), &local), None);
        assert_eq!(
            mapped(address(3847)),
            "0000000000000000FFFF00000100007F:0F07"
        );
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_of_this_process_is_one_s_own() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = tokio::net::TcpStream::connect(address).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(of(peer, address), Neighbour::Own);
        drop(client);
        // closed, it is nobody's, though the kernel names root
        assert_eq!(of(peer, address), Neighbour::Gone);
        // reset, neither end is in the table any more
        drop(server);
        let elsewhere = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(of(elsewhere, address), Neighbour::Gone);
        drop(listener);
        assert_eq!(of(elsewhere, address), Neighbour::Unknown);
    }
}
