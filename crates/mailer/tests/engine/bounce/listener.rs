//! The protocol: who is let in, what ends a mail, and what happens when
//! something is missing.

use std::time::Duration;

use domain::Db;
use domain::clock::Clock;
use domain::config::DatabaseConfig;
use domain::delivery::return_path::ReturnPath;
use domain::ids::{DeliveryId, TenantId};
use domain::secret::Keys;
use mailer::inbound::Protocol;
use tokio::task::JoinSet;

use super::{Client, DOMAIN, MAILBOX, World, full, hand_over, listen, unknown_user};

#[tokio::test]
async fn mail_is_taken_for_return_paths_that_we_signed_and_for_nobody_else() {
    let world = World::new().await;
    let (_, path) = world.send().await;
    let mut client = Client::connect(world.smtp).await;
    client.greet("EHLO").await;
    assert_eq!(client.ask("MAIL FROM:<>").await, "250");
    let (local, _) = path.split_once('@').unwrap();
    let mut forged: String = local.to_owned();
    forged.replace_range(0..1, if local.starts_with('a') { "b" } else { "a" });
    let foreign = Keys::from_master(&[1; 32]).unwrap();
    let decoded = ReturnPath::decode(&world.fixture.keys, local).unwrap();
    for nobody in [
        "postmaster@example.jp".to_owned(),
        format!("postmaster@{DOMAIN}"),
        format!("{local}@example.jp"),
        format!("{forged}@{DOMAIN}"),
        format!("{}@{DOMAIN}", decoded.encode(&foreign)),
        format!("{}@{DOMAIN}", &local[1..]),
    ] {
        assert_eq!(
            client.ask(&format!("RCPT TO:<{nobody}>")).await,
            "550",
            "{nobody}"
        );
    }
    assert_eq!(client.ask("DATA").await, "554");
    let shouted = format!(
        "RCPT TO:<{}@{}>",
        local.to_uppercase(),
        DOMAIN.to_uppercase()
    );
    assert_eq!(client.ask(&shouted).await, "250");
}

#[tokio::test]
async fn a_signed_path_of_a_delivery_that_is_gone_changes_nothing() {
    let world = World::new().await;
    let (campaign, path) = world.send().await;
    let decoded = ReturnPath::decode(&world.fixture.keys, path.split('@').next().unwrap());
    let gone = [
        ReturnPath {
            delivery: DeliveryId::new(),
            ..decoded.unwrap()
        },
        ReturnPath {
            tenant: TenantId::new(),
            ..decoded.unwrap()
        },
    ];
    for path in gone {
        let to = format!("{}@{DOMAIN}", path.encode(&world.fixture.keys));
        assert_eq!(world.hand_over(&to, &unknown_user()).await, "250");
    }
    assert_eq!(world.taro().await, "active 0");
    assert_eq!(world.fixture.counts(campaign).await.accepted, 1);
}

#[tokio::test]
async fn only_crlf_dot_crlf_ends_a_mail() {
    let world = World::new().await;
    let (_, path) = world.send().await;
    let (_, other) = world.send().await;
    let report = full().trim_end().replace('\n', "\r\n");
    for end in [
        "\n.\n",
        "\r\n.\n",
        "\n.\r\n",
        "\r.\r",
        "\r\n.\r",
        "\n\n.\r\n",
        "\r.\r\n",
    ] {
        let mut client = Client::connect(world.smtp).await;
        client.greet("EHLO").await;
        client.ask("MAIL FROM:<>").await;
        client.ask(&format!("RCPT TO:<{path}>")).await;
        assert_eq!(client.ask("DATA").await, "354");
        let smuggled = format!(
            "{report}{end}MAIL FROM:<>\r\nRCPT TO:<{other}>\r\nDATA\r\n{}\r\n.\r\n",
            unknown_user().replace('\n', "\r\n")
        );
        client.send(smuggled.as_bytes()).await;
        assert_eq!(client.reply().await, "250", "{end:?}");
        // One answer to one mail; then QUIT is the next command.
        assert_eq!(client.ask("QUIT").await, "221", "{end:?}");
        assert!(client.is_closed().await);
    }
    assert_eq!(world.taro().await, "active 1", "of one mail, once");
    assert_eq!(
        world
            .count("SELECT count(*) FROM delivery WHERE bounce = 'hard'")
            .await,
        0
    );
}

#[tokio::test]
async fn commands_that_end_in_lf_alone_end_the_connection() {
    let world = World::new().await;
    for bytes in ["EHLO x\n", "EHLO x\r\nMAIL FROM:<>\nRCPT TO:<a@b>\r\n"] {
        let mut client = Client::connect(world.smtp).await;
        client.send(bytes.as_bytes()).await;
        while !["500", ""].contains(&client.reply().await.as_str()) {}
        assert!(client.is_closed().await);
    }
    let mut client = Client::connect(world.smtp).await;
    client.send(b"NOOP\rNOOP\r\n").await;
    assert_eq!(client.reply().await, "500");
}

#[tokio::test]
async fn lmtp_answers_for_each_recipient() {
    let world = World::new().await;
    let (_, path) = world.send().await;
    let mut client = Client::connect(world.lmtp).await;
    assert_eq!(client.greet("EHLO").await, "500");
    assert_eq!(client.greet("LHLO").await, "250");
    assert_eq!(client.ask("MAIL FROM:<> SIZE=2000").await, "250");
    assert_eq!(client.ask(&format!("RCPT TO:<{path}>")).await, "250");
    assert_eq!(client.ask(&format!("RCPT TO:<{MAILBOX}>")).await, "250");
    assert_eq!(client.ask("DATA").await, "354");
    client.send(full().replace('\n', "\r\n").as_bytes()).await;
    client.send(b".\r\n").await;
    assert_eq!(client.reply().await, "250");
    assert_eq!(client.reply().await, "554", "no token for the mailbox");
    assert_eq!(world.taro().await, "active 1");
}

#[tokio::test]
async fn dots_are_unstuffed_and_commands_may_be_pipelined() {
    let world = World::new().await;
    let (_, path) = world.send().await;
    let mut client = Client::connect(world.smtp).await;
    let report = full().replace("User", ".User").replace('\n', "\r\n");
    let said = report.replace("Diagnostic-Code", "..x: y\r\nDiagnostic-Code");
    client
        .send(format!("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n").as_bytes())
        .await;
    for code in ["250", "250", "250", "354"] {
        assert_eq!(client.reply().await, code);
    }
    client
        .send(format!("{said}\r\n.\r\nRSET\r\nQUIT\r\n").as_bytes())
        .await;
    for code in ["250", "250", "221"] {
        assert_eq!(client.reply().await, code);
    }
    assert_eq!(world.taro().await, "active 1");
}

#[tokio::test]
async fn a_mail_over_the_limit_is_refused_when_announced_and_when_it_comes() {
    let world = World::new().await;
    let (_, path) = world.send().await;
    let mut client = Client::connect(world.smtp).await;
    client.greet("EHLO").await;
    assert_eq!(client.ask("MAIL FROM:<> SIZE=33554433").await, "552");
    assert_eq!(client.ask("MAIL FROM:<>").await, "250");
    client.ask(&format!("RCPT TO:<{path}>")).await;
    assert_eq!(client.ask("DATA").await, "354");
    let megabyte = "0123456789abcde\r\n".repeat(61_681);
    for _ in 0..33 {
        client.send(megabyte.as_bytes()).await;
    }
    assert_eq!(client.ask(".").await, "552");
    let line = "x".repeat(70_000);
    client.ask("MAIL FROM:<>").await;
    client.ask(&format!("RCPT TO:<{path}>")).await;
    client.ask("DATA").await;
    assert_eq!(client.ask(&format!("{line}\r\n.")).await, "554");
    assert_eq!(client.ask(&"N".repeat(3000)).await, "500");
    assert_eq!(client.ask("NOOP").await, "250");
}

#[tokio::test]
async fn the_fifty_first_connection_is_asked_to_come_later() {
    let world = World::new().await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(Client::connect(world.smtp).await);
    }
    let stream = tokio::net::TcpStream::connect(world.smtp).await.unwrap();
    let mut client = Client {
        stream: tokio::io::BufReader::new(stream),
    };
    assert_eq!(client.reply().await, "421");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn whoever_makes_only_errors_is_sent_away() {
    let world = World::new().await;
    let mut client = Client::connect(world.smtp).await;
    let mut answers = Vec::new();
    for _ in 0..21 {
        answers.push(client.ask("STARTTLS").await);
    }
    assert_eq!(answers.iter().filter(|answer| *answer == "502").count(), 20);
    assert_eq!(answers.last().unwrap(), "421");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn nothing_is_lost_while_the_database_is_away() {
    let world = World::new().await;
    let (_, path) = world.send().await;
    let config = DatabaseConfig {
        database_url: "postgres://nobody@127.0.0.1:1/none".to_owned().into(),
        ..serde_json::from_value(serde_json::json!({"database_url": "x"})).unwrap()
    };
    let away = Db::new(&config, Clock::system()).unwrap();
    let mut listeners = JoinSet::new();
    let listener = listen(&mut listeners, &world.fixture, &away, Protocol::Smtp).await;
    let report = unknown_user();
    let answer = hand_over(listener, &path, &report);
    let answer = tokio::time::timeout(Duration::from_secs(60), answer).await;
    assert_eq!(answer.unwrap(), "451");
    // The relay sends it again when the database is back.
    assert_eq!(world.hand_over(&path, &unknown_user()).await, "250");
    assert_eq!(world.taro().await, "bounced 0");
}

#[tokio::test]
async fn a_mail_to_the_mailbox_of_cancellations_cancels_by_its_subject() {
    let world = World::new().await;
    world.send().await;
    let mail = world.sink.mails().pop().unwrap();
    let list = mail.headers("List-Unsubscribe").pop().unwrap();
    let (_, token) = list.split_once("?subject=").unwrap();
    let token = token.trim_end_matches('>');
    let forged = token.to_lowercase();
    let of = |token: &str| format!("From: taro@example.jp\nSubject: {token}\n\nplease\n");
    assert_eq!(world.hand_over(MAILBOX, &of("stop this")).await, "554");
    assert_eq!(world.hand_over(MAILBOX, &of(&forged)).await, "554");
    assert_eq!(world.taro().await, "active 0");
    for _ in 0..2 {
        assert_eq!(world.hand_over(MAILBOX, &of(token)).await, "250");
    }
    assert_eq!(world.taro().await, "unsubscribed 0");
    assert_eq!(world.events("cancel").await, 1);
}
