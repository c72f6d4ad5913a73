//! Ports of the loopback that lead into another network namespace.

use std::fs::File;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;

/// A port here that leads to a port of the loopback inside, until the test program ends.
pub(super) fn forward(network: &Path, port: u16) -> u16 {
    let inside = File::open(network).unwrap();
    let (ask, asked) = mpsc::channel::<mpsc::Sender<std::io::Result<TcpStream>>>();
    std::thread::spawn(move || {
        // A socket stays in the network it was made in, and of this program only this thread is inside.
        let kind = Some(rustix::thread::LinkNameSpaceType::Network);
        rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&inside), kind).unwrap();
        drop(inside);
        for reply in asked {
            let _ = reply.send(TcpStream::connect(("127.0.0.1", port)));
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let outside = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (reply, replied) = mpsc::channel();
            ask.send(reply).unwrap();
            // Where nobody listens the client's connection ends at once.
            if let Ok(Ok(server)) = replied.recv() {
                join(&client, &server);
            }
        }
    });
    outside
}

/// Passes bytes both ways until both sides are done.
fn join(client: &TcpStream, server: &TcpStream) {
    for (from, to) in [(client, server), (server, client)] {
        let _ = from.set_nodelay(true);
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}
