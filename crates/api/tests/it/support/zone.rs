//! A name server for one test: answers from a table, over UDP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio::net::UdpSocket;

/// What the name server knows; can be changed while it runs.
#[derive(Clone, Default)]
pub struct Zone(Arc<Mutex<BTreeMap<String, Vec<RData>>>>);

impl Zone {
    /// Sets the TXT records of a name.
    pub fn txt(&self, name: &str, texts: &[&str]) {
        let data = texts.iter().map(|text| {
            let parts = text.as_bytes().chunks(255);
            RData::TXT(TXT::from_bytes(parts.collect()))
        });
        self.set(name, data.collect());
    }

    /// Sets the address of a host.
    pub fn a(&self, name: &str, address: &str) {
        self.set(
            name,
            vec![RData::A(A(address.parse().expect("an address")))],
        );
    }

    /// Makes a name another one for `target`.
    pub fn cname(&self, name: &str, target: &str) {
        let target = Name::from_ascii(format!("{target}.")).expect("a name");
        self.set(name, vec![RData::CNAME(CNAME(target))]);
    }

    /// Sets the mail server of a domain.
    pub fn mx(&self, name: &str, server: &str) {
        let server = Name::from_ascii(format!("{server}.")).expect("a name");
        self.set(name, vec![RData::MX(MX::new(10, server))]);
    }

    fn set(&self, name: &str, data: Vec<RData>) {
        let mut zone = self.0.lock().expect("no panic");
        zone.insert(format!("{name}."), data);
    }

    /// Serves on a port of its own for as long as the test lives.
    pub async fn serve(&self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let zone = self.clone();
        actix_web::rt::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).expect("a question");
                let answer = zone.answer(&question).to_vec().expect("an answer");
                socket.send_to(&answer, peer).await.expect("sent");
            }
        });
        address
    }

    fn answer(&self, question: &Message) -> Message {
        let mut answer = Message::new(question.id, MessageType::Response, OpCode::Query);
        for query in &question.queries {
            answer.add_query(query.clone());
            let zone = self.0.lock().expect("no panic");
            match zone.get(&query.name().to_string().to_ascii_lowercase()) {
                Some(data) => {
                    let name: &Name = query.name();
                    let wanted = |data: &&RData| data.record_type() == query.query_type();
                    for data in data.iter().filter(wanted) {
                        answer.add_answer(Record::from_rdata(name.clone(), 60, data.clone()));
                    }
                }
                None => answer.metadata.response_code = ResponseCode::NXDomain,
            }
        }
        answer
    }
}
