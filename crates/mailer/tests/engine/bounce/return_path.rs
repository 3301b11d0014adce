//! Mails come back to a name under the sender's own domain, once DNS has it.

use super::{DOMAIN, World, complaint, unknown_user};

impl World {
    async fn seen(&self, label: &str, state: &str) {
        self.fixture
            .database
            .execute_as_owner(&format!(
                "UPDATE sender_domain SET return_path_label = '{label}', return_path_state = '{state}'"
            ))
            .await;
    }
}

#[tokio::test]
async fn only_a_name_that_was_seen_in_dns_is_the_return_path() {
    let world = World::new().await;
    for (state, domain) in [
        ("unchecked", DOMAIN),
        ("differs", DOMAIN),
        ("missing", DOMAIN),
        ("ok", "rp.example.co.jp"),
    ] {
        world.seen("rp", state).await;
        let (_, path) = world.send().await;
        assert_eq!(path.rsplit('@').next().unwrap(), domain, "{state}");
    }
}

#[tokio::test]
async fn what_comes_back_to_it_counts_whatever_it_is_called_by_then() {
    let world = World::new().await;
    world.seen("rp", "ok").await;
    let (campaign, path) = world.send().await;
    assert!(path.ends_with("@rp.example.co.jp"), "{path}");
    world.seen("other", "missing").await;
    assert_eq!(world.hand_over(&path, &unknown_user()).await, "250");
    assert_eq!(world.counter(campaign, "bounced_hard").await, 1);
}

#[tokio::test]
async fn nobody_elses_domain_and_no_forged_token_is_taken() {
    let world = World::new().await;
    world.seen("rp", "ok").await;
    let (_, path) = world.send().await;
    let local = path.split('@').next().unwrap();
    let forged = local.chars().rev().collect::<String>();
    for refused in [
        format!("{local}@bounce.example.com"),
        format!("{local}@example.co.jp"),
        format!("{forged}@rp.example.co.jp"),
        "taro@rp.example.co.jp".to_owned(),
    ] {
        let mut client = super::Client::connect(world.smtp).await;
        assert_eq!(client.greet("EHLO").await, "250");
        assert_eq!(client.ask("MAIL FROM:<>").await, "250");
        let reply = client.ask(&format!("RCPT TO:<{refused}>")).await;
        assert!(reply.starts_with('5'), "{refused}: {reply}");
    }
    assert_eq!(world.hand_over(&path, &complaint()).await, "250");
    assert_eq!(world.events("complaint").await, 1);
}
