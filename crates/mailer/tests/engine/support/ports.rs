//! Ports that nobody else gets.

use std::net::{TcpListener, TcpStream};

use tokio::net::TcpSocket;

/// A port at which nobody answers for as long as the value lives: bound, and
/// never listened at.
pub(crate) struct DeadPort(TcpSocket);

impl DeadPort {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// A port for a program that is started in a moment. A connection that waits out
/// its end there keeps the kernel from giving the port to anybody who does not
/// ask for it by number.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    // Who closes first waits.
    drop(accepted);
    drop(client);
    address.port()
}
