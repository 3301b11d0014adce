//! The words of the product's own mails.

use serde_json::Value;

use super::Kind;

/// A mail in words; `{…}` stands for a value.
pub(super) struct Words {
    pub(super) subject: &'static str,
    pub(super) paragraphs: &'static [&'static str],
    /// On the button of its link.
    pub(super) button: Option<&'static str>,
    pub(super) after: &'static [&'static str],
}

/// The last lines of every mail.
pub(super) fn signature(english: bool) -> &'static str {
    if english {
        "Kikubari sent this mail by itself. It cannot read replies."
    } else {
        "このメールは Kikubari から自動でお送りしています。返信いただいてもお答えできません。"
    }
}

pub(super) fn greeting(english: bool) -> &'static str {
    if english {
        "Dear {name},"
    } else {
        "{name} 様"
    }
}

/// A second factor by its kind, and the name that its owner gave it.
pub(super) fn factor(method: &str, name: &str, english: bool) -> String {
    match (method, english) {
        ("passkey", true) => format!("passkey \"{name}\""),
        ("passkey", false) => format!("パスキー「{name}」"),
        (_, true) => "authenticator app".to_owned(),
        (_, false) => "認証アプリ".to_owned(),
    }
}

/// Who did something to another person's account.
pub(super) fn by(who: &str, english: bool) -> &'static str {
    match (who, english) {
        ("operator", true) => "the operator of the service",
        ("operator", false) => "サービスの運営者",
        (_, true) => "an administrator of your company",
        (_, false) => "社内の管理者",
    }
}

/// DNS records by what they are for.
pub(super) fn records(purposes: &Value, english: bool) -> String {
    let purposes = purposes.as_array().into_iter().flatten();
    let named = purposes
        .filter_map(Value::as_str)
        .map(|purpose| match (purpose, english) {
            ("dkim", _) => "DKIM",
            ("spf", _) => "SPF",
            ("dmarc", _) => "DMARC",
            ("return_path", true) => "return path (CNAME)",
            ("return_path", false) => "リターンパス（CNAME）",
            (_, true) => "the domain's own MX or A",
            (_, false) => "ドメイン自体のMXまたはA",
        });
    let named: Vec<&str> = named.collect();
    named.join(if english { ", " } else { "、" })
}

pub(super) fn of(kind: Kind, english: bool) -> Words {
    if english {
        english_words(kind)
    } else {
        japanese_words(kind)
    }
}

const JA_NOT_YOU: &str = "ご本人の操作であれば、何もする必要はありません。お心当たりがない場合は、すぐにパスワードを変更し、設定の「二段階認証」を確認のうえ、社内の管理者に連絡してください。";
const EN_NOT_YOU: &str = "If it was you, there is nothing to do. If not, change your password at once, look at \"Two-step log-in\" in the settings, and tell your administrator.";

fn japanese_words(kind: Kind) -> Words {
    match kind {
        Kind::PasswordReset => Words {
            subject: "パスワードの再設定",
            paragraphs: &[
                "パスワード再設定のご依頼を受け付けました。次のリンクから、新しいパスワードを設定してください。",
            ],
            button: Some("パスワードを設定する"),
            after: &[
                "リンクは {until} まで、1回だけ使えます。複数届いている場合は、最後のメールのものだけが有効です。",
                "お心当たりがない場合は、このメールを破棄してください。パスワードは変わりません。",
            ],
        },
        Kind::Invitation => Words {
            subject: "{company} の Kikubari へのご招待",
            paragraphs: &[
                "{company} の Kikubari（メール配信サービス）に、あなたのユーザーが作られました。ログインIDは {login_id} です。",
                "次のリンクからパスワードを設定すると、使い始められます。",
            ],
            button: Some("パスワードを設定して始める"),
            after: &[
                "リンクは {until} まで、1回だけ使えます。期限が過ぎた場合は、社内の管理者に再送を依頼してください。",
                "お心当たりがない場合は、このメールを破棄してください。",
            ],
        },
        Kind::PasswordChanged => Words {
            subject: "パスワードが変更されました",
            paragraphs: &[
                "{at} に、{company} のログインID {login_id} のパスワードが変更され、ほかの端末はログアウトされました。",
                "操作元のIPアドレス：{ip}",
            ],
            button: None,
            after: &[
                "お心当たりがない場合は、すぐにログイン画面の「パスワードを忘れた方」から設定し直し、社内の管理者に連絡してください。",
            ],
        },
        Kind::NewDevice => Words {
            subject: "新しい端末からのログイン",
            paragraphs: &[
                "{at} に、{company} のログインID {login_id} で、これまで使われていない端末からログインがありました。",
                "IPアドレス：{ip}",
                "ブラウザー：{user_agent}",
            ],
            button: None,
            after: &[
                "ご本人の操作であれば、何もする必要はありません。お心当たりがない場合は、パスワードを変更し、「ログイン中の端末」からその端末をログアウトさせてください。",
            ],
        },
        Kind::PasswordExpires => Words {
            subject: "パスワードの有効期限が近づいています",
            paragraphs: &[
                "{company} のログインID {login_id} のパスワードは、{until} に有効期限が切れます。",
                "それまでに、設定の「パスワード変更」で新しいパスワードに変えてください。期限を過ぎると、変更するまでほかの操作ができなくなります。",
            ],
            button: None,
            after: &[],
        },
        Kind::FactorAdded => Words {
            subject: "二段階認証の方法が追加されました",
            paragraphs: &[
                "{at} に、{company} のログインID {login_id} の二段階認証に、次の方法が追加されました。",
                "追加された方法：{factor}",
                "操作元のIPアドレス：{ip}",
            ],
            button: None,
            after: &[JA_NOT_YOU],
        },
        Kind::FactorRemoved => Words {
            subject: "二段階認証の方法が解除されました",
            paragraphs: &[
                "{at} に、{company} のログインID {login_id} の二段階認証から、次の方法が解除されました。",
                "解除された方法：{factor}",
                "操作元のIPアドレス：{ip}",
            ],
            button: None,
            after: &[JA_NOT_YOU],
        },
        Kind::FactorsReset => Words {
            subject: "二段階認証が解除されました",
            paragraphs: &[
                "{at} に、{by}が、{company} のログインID {login_id} の二段階認証をすべて解除しました（パスキー、認証アプリ、リカバリーコード）。すべての端末からログアウトされています。",
                "次回はパスワードでログインし、設定の「二段階認証」でもう一度設定してください。",
            ],
            button: None,
            after: &[
                "ご自身で依頼した覚えがない場合は、すぐにパスワードを変更し、社内の管理者に連絡してください。",
            ],
        },
        Kind::RecoveryCodesMade => Words {
            subject: "リカバリーコードが作り直されました",
            paragraphs: &[
                "{at} に、{company} のログインID {login_id} のリカバリーコードが作り直されました。以前のコードは、もう使えません。",
                "操作元のIPアドレス：{ip}",
            ],
            button: None,
            after: &[JA_NOT_YOU],
        },
        Kind::ApiTokenEnds => Words {
            subject: "APIトークン「{token}」の有効期限が近づいています",
            paragraphs: &[
                "{company} のAPIトークン「{token}」は、{until} に有効期限が切れます。期限を過ぎると、このトークンを使っているシステムはAPIに接続できなくなります。",
                "引き続き使う場合は、それまでに設定の「APIトークン」でシークレットを更新して期限を延ばし、システムの設定を差し替えてください。使っていない場合は、何もする必要はありません。",
            ],
            button: None,
            after: &[],
        },
        Kind::ComplaintsHigh => Words {
            subject: "迷惑メールとしての報告が増えています（{rate}%）",
            paragraphs: &[
                "{company} の直近7日間の配信 {mails} 通のうち {complaints} 通が、受信者から迷惑メールとして報告されました（{rate}%）。",
                "Gmail などは、報告の割合を 0.1% 未満に保つよう求めています。0.3% に達すると、配信中のメールを自動で一時停止します。",
            ],
            button: None,
            after: &[
                "同意のない宛先や、長く反応のない宛先に送っていないか、配信の頻度と内容が登録時の案内どおりかをご確認ください。",
            ],
        },
        Kind::ComplaintsHeld => Words {
            subject: "迷惑メールとしての報告が多いため、配信を一時停止しました（{rate}%）",
            paragraphs: &[
                "{company} の直近7日間の配信 {mails} 通のうち {complaints} 通が、受信者から迷惑メールとして報告されました（{rate}%）。0.3% に達したため、{at} に配信中のメールとステップメールをすべて一時停止しました。",
                "このまま送り続けると、Gmail などですべてのメールが迷惑メール扱いになるおそれがあります。",
            ],
            button: None,
            after: &[
                "原因（同意のない宛先、頻度、内容）を取り除いてから、各配信の画面で再開するか、中止してください。予約した配信も、どなたかが再開するまでは開始時に一時停止します。",
            ],
        },
        Kind::SenderDomainLost => Words {
            subject: "送信ドメイン {domain} のDNSレコードをご確認ください",
            paragraphs: &[
                "{at} の確認で、{company} の送信ドメイン {domain} のDNSレコードのうち、これまで正しく設定されていた次のものが見つからないか、内容が変わっていました。",
                "対象のレコード：{records}",
                "このままでは、お送りするメールが迷惑メールと判定されたり、受信を拒否されたりするおそれがあります。",
            ],
            button: None,
            after: &[
                "設定の「送信ドメイン」で正しいレコードを確認し、DNSに設定し直してください。意図した変更であれば、何もする必要はありません。直るまで、同じレコードについて再度お知らせすることはありません。",
            ],
        },
    }
}

fn english_words(kind: Kind) -> Words {
    match kind {
        Kind::PasswordReset => Words {
            subject: "Set a new password",
            paragraphs: &[
                "Somebody asked for a new password for your account. Follow this link to set one.",
            ],
            button: Some("Set a new password"),
            after: &[
                "The link is good until {until}, for one use. If you got several, only the one in the last mail works.",
                "If it was not you, throw this mail away. Your password stays as it is.",
            ],
        },
        Kind::Invitation => Words {
            subject: "Your account at {company}'s Kikubari",
            paragraphs: &[
                "An account was made for you in {company}'s Kikubari, a service that sends mail. Your login ID is {login_id}.",
                "Follow this link to set your password and begin.",
            ],
            button: Some("Set a password and begin"),
            after: &[
                "The link is good until {until}, for one use. After that, ask your administrator to send another one.",
                "If you don't know what this is about, throw this mail away.",
            ],
        },
        Kind::PasswordChanged => Words {
            subject: "Your password was changed",
            paragraphs: &[
                "At {at} the password of the login ID {login_id} at {company} was changed, and other devices were logged out.",
                "It came from the IP address {ip}",
            ],
            button: None,
            after: &[
                "If it was not you, set a new one at once with \"Forgotten your password?\" on the log-in page, and tell your administrator.",
            ],
        },
        Kind::NewDevice => Words {
            subject: "Log-in from a new device",
            paragraphs: &[
                "At {at} somebody logged in as {login_id} at {company} from a device that was not used before.",
                "IP address: {ip}",
                "Browser: {user_agent}",
            ],
            button: None,
            after: &[
                "If it was you, there is nothing to do. If not, change your password and end that session under \"Devices\".",
            ],
        },
        Kind::PasswordExpires => Words {
            subject: "Your password expires soon",
            paragraphs: &[
                "The password of the login ID {login_id} at {company} expires at {until}.",
                "Change it before then under \"Change password\" in the settings. After that nothing else is possible until you do.",
            ],
            button: None,
            after: &[],
        },
        Kind::FactorAdded => Words {
            subject: "A way of two-step log-in was added",
            paragraphs: &[
                "At {at} a way of two-step log-in was added for the login ID {login_id} at {company}.",
                "What was added: {factor}",
                "It came from the IP address {ip}",
            ],
            button: None,
            after: &[EN_NOT_YOU],
        },
        Kind::FactorRemoved => Words {
            subject: "A way of two-step log-in was removed",
            paragraphs: &[
                "At {at} a way of two-step log-in was removed for the login ID {login_id} at {company}.",
                "What was removed: {factor}",
                "It came from the IP address {ip}",
            ],
            button: None,
            after: &[EN_NOT_YOU],
        },
        Kind::FactorsReset => Words {
            subject: "Two-step log-in was taken off your account",
            paragraphs: &[
                "At {at} {by} removed every way of two-step log-in (passkeys, authenticator app, recovery codes) of the login ID {login_id} at {company}. You were logged out on every device.",
                "Log in with your password next time, and set it up again under \"Two-step log-in\" in the settings.",
            ],
            button: None,
            after: &[
                "If you did not ask for this, change your password at once and tell your administrator.",
            ],
        },
        Kind::RecoveryCodesMade => Words {
            subject: "New recovery codes were made",
            paragraphs: &[
                "At {at} new recovery codes were made for the login ID {login_id} at {company}. The old ones don't work any more.",
                "It came from the IP address {ip}",
            ],
            button: None,
            after: &[EN_NOT_YOU],
        },
        Kind::ApiTokenEnds => Words {
            subject: "The API token \"{token}\" ends soon",
            paragraphs: &[
                "The API token \"{token}\" of {company} ends at {until}. After that the system that uses it can't reach the API any more.",
                "If it is still needed, rotate its secret with a new end under \"API tokens\" in the settings before then, and put the new secret into the system. If nothing uses it, there is nothing to do.",
            ],
            button: None,
            after: &[],
        },
        Kind::ComplaintsHigh => Words {
            subject: "More people report your mails as spam ({rate}%)",
            paragraphs: &[
                "Of the {mails} mails that {company} sent within the last 7 days, {complaints} were reported as spam by the people who got them ({rate}%).",
                "Gmail and others want this rate to stay below 0.1%. At 0.3% everything that is being sent is paused.",
            ],
            button: None,
            after: &[
                "See whether you mail people who never agreed or have not reacted for long, and whether how often and what you send is what they signed up for.",
            ],
        },
        Kind::ComplaintsHeld => Words {
            subject: "Sending is paused: too many people report your mails as spam ({rate}%)",
            paragraphs: &[
                "Of the {mails} mails that {company} sent within the last 7 days, {complaints} were reported as spam by the people who got them ({rate}%). That is 0.3% or more, so at {at} all campaigns and step mails that were going out were paused.",
                "If you go on as before, Gmail and others may put all your mails into the spam folder.",
            ],
            button: None,
            after: &[
                "Remove the cause (people who never agreed, how often you send, what you send), then resume or stop each campaign on its page. Scheduled campaigns are paused as they begin until somebody resumes one.",
            ],
        },
        Kind::SenderDomainLost => Words {
            subject: "DNS records of {domain} need a look",
            paragraphs: &[
                "At {at} records of {domain}, a sender domain of {company}, that had been right were not there any more or had changed.",
                "Records: {records}",
                "Until they are mended your mails may be taken for spam or refused.",
            ],
            button: None,
            after: &[
                "See under \"Sender domains\" in the settings what is to stand in DNS, and set it again. If the change is intended, there is nothing to do. You won't hear of the same record again until it has been right.",
            ],
        },
    }
}
