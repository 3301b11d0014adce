//! One request for each message, signed.

use std::net::IpAddr;
use std::time::Instant;

use domain::egress::Target;
use domain::webhook::sign::{message_id, signature};
use domain::webhook::work::{ANSWER, Attempt, Batch, Outgoing};
use futures_util::StreamExt;

use super::{Sender, retry_after};
use crate::egress::{Answer, EgressError, Request};

/// Requests at a time to one webhook.
const AT_A_TIME: usize = 8;

impl Sender {
    /// Sends a batch; the attempts are in the order of its messages. The name is
    /// looked up once for all of them.
    pub(super) async fn send(&self, batch: &Batch) -> Vec<Attempt> {
        let found = self.find(&batch.url).await;
        let sending: Vec<_> = batch
            .messages
            .iter()
            .map(|message| self.attempt(batch, message, &found))
            .collect();
        futures_util::stream::iter(sending)
            .buffered(AT_A_TIME)
            .collect()
            .await
    }

    /// Where an address leads now. It is judged again: rules may have changed
    /// since it was written.
    async fn find(&self, url: &str) -> Result<(Target, Vec<IpAddr>), String> {
        let target = self
            .rules
            .target(url)
            .map_err(|error| format!("the address {}", error.detail))?;
        let addresses = self.dns.addresses(&target.host).await;
        Ok((target, addresses.map_err(|error| error.to_string())?))
    }

    async fn attempt(
        &self,
        batch: &Batch,
        message: &Outgoing,
        found: &Result<(Target, Vec<IpAddr>), String>,
    ) -> Attempt {
        let (at, begin) = (self.db.now(), Instant::now());
        let mut attempt = Attempt {
            at,
            duration_ms: 0,
            status: None,
            error: None,
            answer: String::new(),
            retry_after: None,
        };
        match found {
            Err(error) => attempt.error = Some(error.clone()),
            Ok((target, addresses)) => {
                match self
                    .post(batch, message, target, addresses, at.timestamp())
                    .await
                {
                    Ok(answer) => {
                        let asked = answer.retry_after.as_deref();
                        attempt.retry_after =
                            retry_after::time(answer.status, asked, self.db.now());
                        attempt.status = Some(answer.status);
                        attempt.answer = String::from_utf8_lossy(&answer.body).into_owned();
                    }
                    Err(error) => attempt.error = Some(error.to_string()),
                }
            }
        }
        attempt.duration_ms = i32::try_from(begin.elapsed().as_millis()).unwrap_or(i32::MAX);
        attempt
    }

    async fn post(
        &self,
        batch: &Batch,
        message: &Outgoing,
        target: &Target,
        addresses: &[IpAddr],
        timestamp: i64,
    ) -> Result<Answer, EgressError> {
        let id = message_id(message.id);
        let signature = signature(&batch.secrets, &id, timestamp, &message.body);
        let timestamp = timestamp.to_string();
        let headers = [
            ("Content-Type", "application/json"),
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", timestamp.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        let request = Request {
            method: "POST",
            target,
            headers: &headers,
            body: message.body.as_bytes(),
            most: ANSWER,
        };
        self.client.ask(&self.rules, addresses, &request).await
    }
}
