//! The interfaces of [`REFUSED`](crate::plugin::sandbox::imports::REFUSED), linked so that they give nothing.
//!
//! A plugin in JavaScript or Python carries an interpreter, which imports files, sockets and the environment because some other
//! program might want them. There are no folders, no variables and no arguments; standard input is at its end; what is written
//! goes to [`crate::plugin::sandbox::output`]; no socket is made and no name resolved. Without one there is none of the resources that the
//! other functions of these interfaces work on. What is left is random numbers, which are real: with a fixed sequence each
//! instance would make the same idempotency keys, and a server would drop a new request for an old one.

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::{cli, filesystem, random, sockets};
use wasmtime_wasi::p2::{Network, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::plugin::sandbox::Sandbox;
use crate::plugin::sandbox::output::Output;

/// Random bytes of one call: they are made while nobody else runs.
const MOST_RANDOM_BYTES: u64 = 64 * 1024;

/// The context that all of them work on: empty, but for where output goes.
pub(crate) fn context(output: Output) -> WasiCtx {
    WasiCtxBuilder::new()
        .stdout(output.clone())
        .stderr(output)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(MOST_RANDOM_BYTES)
        .build()
}

pub(crate) fn add_to_linker(l: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    cli::environment::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::exit::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::stderr::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::stdin::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::stdout::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::terminal_input::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::terminal_output::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::terminal_stderr::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::terminal_stdin::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    cli::terminal_stdout::add_to_linker::<Sandbox, WasiCli>(l, Sandbox::cli)?;
    filesystem::preopens::add_to_linker::<Sandbox, WasiFilesystem>(l, Sandbox::filesystem)?;
    filesystem::types::add_to_linker::<Sandbox, WasiFilesystem>(l, Sandbox::filesystem)?;
    random::insecure::add_to_linker::<Sandbox, WasiRandom>(l, Sandbox::random)?;
    random::insecure_seed::add_to_linker::<Sandbox, WasiRandom>(l, Sandbox::random)?;
    random::random::add_to_linker::<Sandbox, WasiRandom>(l, Sandbox::random)?;
    let stable_only = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<Sandbox, WasiSockets>(l, &stable_only, Sandbox::sockets)?;
    sockets::instance_network::add_to_linker::<Sandbox, WasiSockets>(l, Sandbox::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<Sandbox, WasiSockets>(l, Sandbox::sockets)?;
    sockets::tcp::add_to_linker::<Sandbox, WasiSockets>(l, Sandbox::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<Sandbox, NoSockets>(l, |_| NoSockets)?;
    sockets::udp::add_to_linker::<Sandbox, WasiSockets>(l, Sandbox::sockets)?;
    sockets::udp_create_socket::add_to_linker::<Sandbox, NoSockets>(l, |_| NoSockets)
}

/// wasmtime's own makes a socket and then lets it connect nowhere; a plugin could still use up the process's handles.
struct NoSockets;

impl HasData for NoSockets {
    type Data<'a> = Self;
}

/// Errors of streams have no code of the network's here: no stream is one of a socket.
impl sockets::network::Host for NoSockets {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(&mut self, _: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(None)
    }
}

impl sockets::network::HostNetwork for NoSockets {
    fn drop(&mut self, _: Resource<Network>) -> wasmtime::Result<()> {
        Err(wasmtime::format_err!("a network that was never handed out is given back"))
    }
}

impl sockets::tcp_create_socket::Host for NoSockets {
    fn create_tcp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        Err(ErrorCode::AccessDenied.into())
    }
}

impl sockets::udp_create_socket::Host for NoSockets {
    async fn create_udp_socket(&mut self, _: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        Err(ErrorCode::AccessDenied.into())
    }
}
