//! The words of the product's own mails.

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

pub(super) fn of(kind: Kind, english: bool) -> Words {
    if english {
        english_words(kind)
    } else {
        japanese_words(kind)
    }
}

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
    }
}
