//! Imports from the upload to the file of refused rows.

use domain::DomainError;
use domain::contact::import::{self, Encoding, Mode, Plan, State};
use domain::contact_field::FieldType;
use serde_json::json;

use crate::support::{World, assert_counts, mapped};

#[tokio::test]
async fn a_japanese_file_is_read_previewed_mapped_checked_and_imported() {
    let world = World::new().await;
    world.field("rank", FieldType::Choice).await;
    world.field("birthday", FieldType::Date).await;
    let text = "ﾒｰﾙｱﾄﾞﾚｽ,お名前,RANK,Birthday,メモ\r\n\
                a..b@docomo.ne.jp,髙橋 花子,金,2000年1月5日,x\r\n\
                b@Example.JP,ｻﾄｳ ①,銀,,\r\n";
    let mut bytes = Vec::new();
    let (encoded, _, lossy) = encoding_rs::SHIFT_JIS.encode(text);
    assert!(!lossy);
    bytes.extend_from_slice(&encoded);
    let import = world.upload(&bytes).await;
    assert_eq!(import.detected.encoding, Encoding::ShiftJis);
    assert!(import.detected.has_header);
    assert_eq!(import.columns[1].header, "お名前");
    assert_eq!(import.columns[1].samples, ["髙橋 花子", "ｻﾄｳ ①"]);
    assert_eq!(import.preview[0][0], "a..b@docomo.ne.jp");
    let expected = mapped(&["email", "name", "field:rank", "field:birthday", "ignore"]);
    assert_eq!(import.suggested.mapping, expected);

    let checked = world.check(&import).await;
    assert_eq!(checked.state, State::Checked);
    assert_counts(&checked, [2, 2, 0, 0, 0]);
    assert_eq!(world.contacts().await.len(), 0, "a check changes nobody");
    let done = world.run(&checked).await;
    assert_eq!(done.state, State::Done);
    assert_counts(&done, [2, 2, 0, 0, 0]);
    let contacts = world.contacts().await;
    assert_eq!(contacts[0].email, "a..b@docomo.ne.jp");
    assert_eq!(contacts[0].name, "髙橋 花子");
    assert_eq!(
        contacts[0].fields,
        json!({"rank": "金", "birthday": "2000-01-05"})
    );
    assert_eq!(contacts[0].source, format!("import:{}", import.id));
    assert_eq!(contacts[1].name, "ｻﾄｳ ①");
    let actions = world
        .database
        .text("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_entry WHERE subject_kind = 'import'")
        .await;
    assert_eq!(actions, "import.uploaded import.started import.ended");
}

#[tokio::test]
async fn each_mode_does_to_known_and_new_people_what_it_says() {
    for (mode, counts, expected) in [
        (Mode::Add, [3, 1, 0, 2, 0], ["旧", "京都", "", "-"]),
        (Mode::Overwrite, [3, 1, 2, 0, 0], ["新", "大阪", "新2", "-"]),
        (Mode::Skip, [3, 0, 2, 1, 0], ["新", "大阪", "新2", "-"]),
        (
            Mode::FillEmpty,
            [3, 1, 1, 1, 0],
            ["旧", "京都", "新2", "金"],
        ),
    ] {
        let world = World::new().await;
        world.field("city", FieldType::Text).await;
        world.field("rank", FieldType::Choice).await;
        let city = ("city", json!("京都"));
        world
            .contact("a@example.jp", "旧", &[city.clone(), ("rank", json!("金"))])
            .await;
        world.contact("b@example.jp", "", &[]).await;
        let text = "email,name,city,rank\na@example.jp,新,大阪,\nb@example.jp,新2,,\nc@example.jp,新3,,銀\n";
        let done = world.bring(text, mode, &[]).await;
        assert_counts(&done, counts);
        let contacts = world.contacts().await;
        let (a, b) = (&contacts[0], &contacts[1]);
        let rank = a.fields.get("rank").and_then(|v| v.as_str()).unwrap_or("-");
        let found = [
            a.name.as_str(),
            a.fields["city"].as_str().unwrap(),
            b.name.as_str(),
        ];
        assert_eq!(found, expected[..3], "{mode:?}");
        if mode != Mode::Add {
            assert_eq!(rank, expected[3], "{mode:?}");
        }
        assert_eq!(contacts.len(), if mode.adds() { 3 } else { 2 }, "{mode:?}");
        assert_eq!(a.version, if counts[2] == 2 { 2 } else { 1 }, "{mode:?}");
    }
}

#[tokio::test]
async fn every_refused_row_comes_back_with_its_reasons_can_be_mended_and_imported_again() {
    let world = World::new().await;
    world.field("age", FieldType::Number).await;
    world
        .field_with("no", FieldType::Text, |f| f.required = true)
        .await;
    let text = "メール,氏名,AGE,NO\r\n\
                a@example.jp,山田,20,1\r\n\
                太郎@example.jp,\"改行\r\nあり\",x,2\r\n\
                ,名無し,30,3\r\n\
                a@example.jp,二度目,40,4\r\n\
                b@example.jp,=1+1,50,\r\n\
                c@example.jp,列,60,6,余分\r\n";
    let done = world.bring(text, Mode::Add, &[]).await;
    assert_counts(&done, [6, 1, 0, 0, 5]);
    let found: Vec<_> = done
        .rejected_sample
        .iter()
        .map(|r| (r.line, r.column.as_deref().unwrap_or("-"), r.code.as_str()))
        .collect();
    let expected = [
        (3, "メール", "invalid_email"),
        (5, "メール", "missing_email"),
        (6, "メール", "duplicate_in_file"),
        (7, "NO", "required"),
        (8, "-", "too_many_columns"),
    ];
    assert_eq!(found, expected);
    let file = world.rejected_text(&done).await;
    let expected = "エラーの行,エラーの列,エラーの理由,メール,氏名,AGE,NO\r\n\
        3,メール、AGE,メールアドレスの形式が正しくありません、数値ではありません（例：1200）,太郎@example.jp,\"改行\r\nあり\",x,2\r\n\
        5,メール,メールアドレスがありません,,名無し,30,3\r\n\
        6,メール,同じアドレスがファイルの前の行にあります,a@example.jp,二度目,40,4\r\n\
        7,NO,必須項目です,b@example.jp,'=1+1,50,\r\n\
        8,,列の数が見出しより多くなっています,c@example.jp,列,60,6,余分\r\n";
    assert_eq!(file, expected);

    // As a person would: mends cells, leaves the reasons where they are.
    let mended = file
        .replace("太郎@example.jp", "taro@example.jp")
        .replace(",x,2", ",21,2")
        .replace(",50,\r\n", ",50,5\r\n")
        .replace(",6,余分", ",6")
        .replace("a@example.jp,二度目", "d@example.jp,二度目")
        .replace(
            "\r\n5,メール,メールアドレスがありません,,",
            "\r\n5,,,e@example.jp,",
        );
    let again = world.upload(mended.as_bytes()).await;
    let expected = mapped(&[
        "ignore",
        "ignore",
        "ignore",
        "email",
        "name",
        "field:age",
        "field:no",
    ]);
    assert_eq!(again.suggested.mapping, expected);
    let again = world.run(&again).await;
    assert_counts(&again, [5, 5, 0, 0, 0]);
    let contacts = world.contacts().await;
    assert_eq!(contacts.len(), 6);
    assert_eq!(
        contacts[1].name, "=1+1",
        "the apostrophe of the file is gone"
    );
}

#[tokio::test]
async fn refused_rows_come_back_in_the_encoding_of_the_upload() {
    let world = World::new().await;
    let text = "メール,氏名\r\nbad,髙橋①ｱ\r\n";
    for (encoding, detected) in [
        (encoding_rs::SHIFT_JIS, Encoding::ShiftJis),
        (encoding_rs::EUC_JP, Encoding::EucJp),
    ] {
        let import = world.upload(&encoding.encode(text).0).await;
        assert_eq!(import.detected.encoding, detected);
        let done = world.run(&import).await;
        let bytes = world.rejected(&done).await;
        let (decoded, _, broken) = encoding.decode(&bytes);
        assert!(!broken && decoded.ends_with("bad,髙橋①ｱ\r\n"), "{decoded}");
    }
    let wide: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let import = world.upload(&wide).await;
    assert_eq!(import.detected.encoding, Encoding::Utf16Le);
    let done = world.run(&import).await;
    let bytes = world.rejected(&done).await;
    let (decoded, used, broken) = encoding_rs::UTF_8.decode(&bytes);
    assert_eq!(used, encoding_rs::UTF_16LE, "with its mark");
    assert!(!broken && decoded.ends_with("bad,髙橋①ｱ\r\n"), "{decoded}");
}

#[tokio::test]
async fn bytes_that_mean_nothing_in_the_encoding_are_refused_and_never_become_question_marks() {
    let world = World::new().await;
    let mut bytes = encoding_rs::SHIFT_JIS
        .encode("メール,氏名\r\na@example.jp,山田花子さん\r\nb@example.jp,佐藤次郎")
        .0
        .into_owned();
    // The first byte of a character without its second.
    bytes.extend_from_slice(b"\x94,\r\nc@example.jp,x\r\n");
    let import = world.upload(&bytes).await;
    let done = world.run(&import).await;
    assert_counts(&done, [3, 2, 0, 0, 1]);
    assert_eq!(done.rejected_sample[0].code, "unmappable");
    let file = world.rejected(&done).await;
    let again = world.upload(&file).await;
    let again = world.run(&again).await;
    assert_counts(&again, [1, 0, 0, 0, 1]);
    assert_eq!(
        again.rejected_sample[0].code, "unmappable",
        "not imported as a reference"
    );
    let stored = world
        .database
        .count("SELECT count(*) FROM contact WHERE name LIKE '%?%' OR name LIKE '%&#%'")
        .await;
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn emoji_and_every_plane_of_unicode_are_kept() {
    let world = World::new().await;
    let done = world
        .bring("email,name\na@example.jp,👨‍👩‍👧 𠮷野家 é\n", Mode::Add, &[])
        .await;
    assert_counts(&done, [1, 1, 0, 0, 0]);
    assert_eq!(world.contacts().await[0].name, "👨‍👩‍👧 𠮷野家 é");
}

#[tokio::test]
async fn unique_values_are_kept_unique_against_the_database_and_within_the_file() {
    let world = World::new().await;
    world
        .field_with("code", FieldType::Text, |f| f.unique = true)
        .await;
    world
        .contact("old@example.jp", "", &[("code", json!("K1"))])
        .await;
    // Far enough apart to be in different batches.
    let mut text =
        "email,CODE\na@example.jp,K2\nb@example.jp,k1\nc@example.jp,k2\nold@example.jp,K1\n"
            .to_owned();
    for i in 0..6000 {
        text.push_str(&format!("p{i}@example.jp,\n"));
    }
    text.push_str("d@example.jp,K2\ne@example.jp,K3\n");
    let done = world.bring(&text, Mode::Overwrite, &[]).await;
    assert_counts(&done, [6006, 6002, 0, 1, 3]);
    let codes: Vec<&str> = done
        .rejected_sample
        .iter()
        .map(|r| r.code.as_str())
        .collect();
    assert_eq!(codes, ["value_taken"; 3]);
    assert_eq!(done.rejected_sample[2].line, 6006);
    let values = world
        .database
        .text("SELECT string_agg(value, ' ' ORDER BY value) FROM contact_unique_value")
        .await;
    assert_eq!(values, "k1 k2 k3");
}

#[tokio::test]
async fn a_mapping_is_remembered_for_the_same_headers() {
    let world = World::new().await;
    world.field("memo", FieldType::Text).await;
    let list = world.list("会員").await;
    let first = world
        .upload("連絡先,備考\na@example.jp,x\n".as_bytes())
        .await;
    assert_eq!(first.suggested.mapping, mapped(&["email", "ignore"]));
    let plan = Plan {
        mapping: mapped(&["email", "field:memo"]),
        mode: Mode::FillEmpty,
        list_ids: vec![list],
        ..first.suggested.clone()
    };
    let first = world.plan_as(&first, plan).await;
    world.run(&first).await;
    let second = world
        .upload("備考,連絡先\ny,b@example.jp\n".as_bytes())
        .await;
    assert_eq!(second.suggested.mapping, mapped(&["field:memo", "email"]));
    assert_eq!(second.suggested.mode, Mode::FillEmpty);
    assert_eq!(second.suggested.list_ids, [list]);
}

#[tokio::test]
async fn another_reading_reads_the_file_again() {
    let world = World::new().await;
    let import = world.upload(b"x;y,z\n1;a@example.jp,3\n").await;
    let plan = Plan {
        reading: import::Reading {
            delimiter: import::Delimiter::Semicolon,
            has_header: true,
            ..import.detected
        },
        ..import.suggested.clone()
    };
    let import = world.plan_as(&import, plan).await;
    assert_eq!(import.columns.len(), 2);
    assert_eq!(import.preview, [["1", "a@example.jp,3"]]);
    let stale = import::update_plan(
        &world.database.db,
        &world.actor,
        import.id,
        import.version - 1,
        import.suggested.clone(),
    )
    .await
    .unwrap_err();
    assert!(matches!(stale, DomainError::Stale));
}

#[tokio::test]
async fn an_import_wants_an_address_column_and_runs_once() {
    let world = World::new().await;
    let db = &world.database.db;
    let import = world.upload("氏名,備考\n山田,x\n".as_bytes()).await;
    let refused = import::start_check(db, &world.actor, import.id)
        .await
        .unwrap_err();
    let DomainError::Invalid(errors) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(errors[0].code, "no_email");

    let import = world.upload("メール\na@example.jp\n".as_bytes()).await;
    import::start_run(db, &world.actor, import.id)
        .await
        .unwrap();
    let busy = import::start_run(db, &world.actor, import.id)
        .await
        .unwrap_err();
    assert_eq!(busy.code(), "import_busy");
    let busy = import::delete(db, &world.actor, import.id)
        .await
        .unwrap_err();
    assert_eq!(busy.code(), "import_busy");
    world.drain().await;
    let over = import::start_run(db, &world.actor, import.id)
        .await
        .unwrap_err();
    assert_eq!(over.code(), "import_over");
    let files = world.database.count("SELECT count(*) FROM file").await;
    import::delete(db, &world.actor, import.id).await.unwrap();
    let left = world.database.count("SELECT count(*) FROM file").await;
    assert_eq!(files - left, 2, "the upload and the refused rows");
    assert_eq!(world.contacts().await.len(), 1);
}

#[tokio::test]
async fn a_row_without_end_fails_the_check_with_its_line_and_leaves_the_plan_to_be_changed() {
    let world = World::new().await;
    let mut text = "メール,氏名\na@example.jp,x\nb@example.jp,\"y\n".to_owned();
    for _ in 0..100_000 {
        text.push_str("c@example.jp,zzzzzzzz\n");
    }
    let import = world.upload(text.as_bytes()).await;
    let job = import::start_check(&world.database.db, &world.actor, import.id)
        .await
        .unwrap();
    world.drain().await;
    let job = world.job(&job).await;
    assert_eq!(job.error_code.as_deref(), Some("row_too_long"));
    assert!(job.error_detail.unwrap().contains("line 3"));
    assert_eq!(world.import(import.id).await.state, State::Uploaded);
}

#[tokio::test]
async fn a_spreadsheet_is_told_to_be_saved_as_csv_and_leaves_nothing_behind() {
    let world = World::new().await;
    let refused = world
        .try_upload(b"PK\x03\x04\x14\x00\x06\x00")
        .await
        .unwrap_err();
    let DomainError::Invalid(errors) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(errors[0].code, "spreadsheet");
    assert!(errors[0].detail.contains("CSV"));
    assert_eq!(world.database.count("SELECT count(*) FROM file").await, 0);
}
