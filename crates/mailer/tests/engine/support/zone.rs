//! A name server for one test: answers from a table, over UDP, and counts what
//! it is asked.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

/// What the name server knows; can be changed while it runs.
#[derive(Clone, Default)]
pub(crate) struct Zone(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    records: BTreeMap<String, Vec<RData>>,
    /// Names whose servers fail.
    broken: Vec<String>,
    asked: HashMap<(String, RecordType), usize>,
}

impl Zone {
    pub(crate) fn mx(&self, name: &str, servers: &[(u16, &str)]) {
        for (preference, server) in servers {
            let server = Name::from_ascii(format!("{}.", server.trim_end_matches('.'))).unwrap();
            self.add(name, RData::MX(MX::new(*preference, server)));
        }
    }

    pub(crate) fn a(&self, name: &str, address: &str) {
        self.add(name, RData::A(A(address.parse().unwrap())));
    }

    pub(crate) fn txt(&self, name: &str, text: &str) {
        let parts = text.as_bytes().chunks(255).collect();
        self.add(name, RData::TXT(TXT::from_bytes(parts)));
    }

    pub(crate) fn cname(&self, name: &str, target: &str) {
        let target = Name::from_ascii(format!("{target}.")).unwrap();
        self.add(name, RData::CNAME(CNAME(target)));
    }

    /// Takes all records of a name away.
    pub(crate) fn remove(&self, name: &str) {
        let mut table = self.0.lock().unwrap();
        table.records.remove(&format!("{name}."));
    }

    /// Questions for it are answered SERVFAIL.
    pub(crate) fn broken(&self, name: &str) {
        self.0.lock().unwrap().broken.push(format!("{name}."));
    }

    /// Its servers answer again.
    pub(crate) fn mended(&self, name: &str) {
        let name = format!("{name}.");
        self.0.lock().unwrap().broken.retain(|known| *known != name);
    }

    fn add(&self, name: &str, data: RData) {
        let mut table = self.0.lock().unwrap();
        table
            .records
            .entry(format!("{name}."))
            .or_default()
            .push(data);
    }

    /// How often a question was asked.
    pub(crate) fn asked(&self, name: &str, kind: RecordType) -> usize {
        let table = self.0.lock().unwrap();
        let asked = table.asked.get(&(format!("{name}."), kind));
        asked.copied().unwrap_or_default()
    }

    /// Serves on a port of its own for as long as the test lives.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let zone = self.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let answer = zone.answer(&question).to_vec().unwrap();
                socket.send_to(&answer, peer).await.unwrap();
            }
        });
        address
    }

    fn answer(&self, question: &Message) -> Message {
        let mut answer = Message::new(question.id, MessageType::Response, OpCode::Query);
        let mut table = self.0.lock().unwrap();
        for query in &question.queries {
            answer.add_query(query.clone());
            let name = query.name().to_string().to_ascii_lowercase();
            let key = (name.clone(), query.query_type());
            *table.asked.entry(key).or_default() += 1;
            if table.broken.contains(&name) {
                answer.metadata.response_code = ResponseCode::ServFail;
                continue;
            }
            match table.records.get(&name) {
                Some(data) => {
                    let wanted = |data: &&RData| data.record_type() == query.query_type();
                    for data in data.iter().filter(wanted) {
                        let record = Record::from_rdata(query.name().clone(), 300, data.clone());
                        answer.add_answer(record);
                    }
                }
                None => answer.metadata.response_code = ResponseCode::NXDomain,
            }
        }
        answer
    }
}
