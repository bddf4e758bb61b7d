//! What a plugin finds of the machine it runs on, where it looks: told as the failure's message.

use crate::bindings::exports::etl::destination::destination::Failure;
use crate::bindings::wasi::cli::{environment, exit, stdin, stdout};
use crate::bindings::wasi::filesystem::preopens;
use crate::bindings::wasi::random::random;
use crate::bindings::wasi::sockets::network::IpAddressFamily;
use crate::bindings::wasi::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};
use crate::failed;

/// Looks everywhere.
pub(crate) fn everywhere() -> Failure {
    let said = stdin::get_stdin().blocking_read(1).map(|bytes| bytes.len());
    let network = instance_network::instance_network();
    failed(format!(
        "variables {:?}, arguments {:?}, folder {:?}, opened {}, input {said:?}, tcp {:?}, udp {:?}, names {:?}, random {}",
        environment::get_environment(),
        environment::get_arguments(),
        environment::initial_cwd(),
        preopens::get_directories().len(),
        tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).err().map(|error| error.name()),
        udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4).err().map(|error| error.name()),
        ip_name_lookup::resolve_addresses(&network, "localhost").err().map(|error| error.name()),
        random::get_random_u64() != random::get_random_u64(),
    ))
}

/// Ends, and everything with it.
pub(crate) fn exit() {
    exit::exit(Ok(()));
}

/// Writes tens of megabytes, a secret among them.
pub(crate) fn flood(config: &str) {
    let out = stdout::get_stdout();
    let line = format!("{config} {}\n", "blah ".repeat(700));
    for _ in 0..10_000 {
        if out.blocking_write_and_flush(line.as_bytes()).is_err() {
            return;
        }
    }
}
