//! Files in pieces.

use chrono::TimeDelta;
use domain::DomainError;
use domain::file::{CHUNK, Writer};

use crate::support::World;

#[tokio::test]
async fn a_file_comes_back_byte_for_byte_in_whole_chunks() {
    let world = World::new().await;
    let db = &world.database.db;
    let bytes: Vec<u8> = (0..CHUNK * 2 + 17).map(|i| (i % 251) as u8).collect();
    let mut writer = Writer::begin(db, world.tenant.id, "x.bin", "text/csv", 1 << 30)
        .await
        .unwrap();
    for piece in bytes.chunks(99_991) {
        writer.write(piece).await.unwrap();
    }
    let file = writer.finish(db.now() + TimeDelta::days(1)).await.unwrap();
    assert_eq!(file.size, i64::try_from(bytes.len()).unwrap());
    assert_eq!(world.bytes(file.id).await, bytes);
    let chunks = world
        .database
        .count("SELECT count(*) FROM file_chunk WHERE length(data) IN (1048576, 17)")
        .await;
    assert_eq!(chunks, 3);
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_as_it_comes() {
    let world = World::new().await;
    let db = &world.database.db;
    let mut writer = Writer::begin(db, world.tenant.id, "x", "text/csv", 10)
        .await
        .unwrap();
    writer.write(b"12345").await.unwrap();
    let refused = writer.write(b"123456").await.unwrap_err();
    assert!(matches!(refused, DomainError::TooLarge { .. }));
    writer.abandon().await.unwrap();
    assert_eq!(world.database.count("SELECT count(*) FROM file").await, 0);
}
