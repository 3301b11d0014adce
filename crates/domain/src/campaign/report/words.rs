//! Words of a report that leaves the house as a file, in the language of who
//! asked for it. The screens have their own catalogue.

use crate::delivery::read::DeliveryState;

/// Language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Ja,
    En,
}

impl Language {
    pub(super) fn of(locale: &str) -> Self {
        if locale == "en" { Self::En } else { Self::Ja }
    }

    fn choose(self, ja: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }

    pub(super) fn headings(self) -> [&'static str; 16] {
        match self {
            Self::Ja => [
                "メールアドレス",
                "名前",
                "状態",
                "理由",
                "受信サイト",
                "送信回数",
                "送信日時",
                "開封日時",
                "クリック日時",
                "配信停止日時",
                "次の送信",
                "応答コード",
                "拡張コード",
                "相手サーバーの応答",
                "相手サーバー",
                "Message-ID",
            ],
            Self::En => [
                "Address",
                "Name",
                "State",
                "Reason",
                "Site",
                "Attempts",
                "Accepted at",
                "Opened at",
                "Clicked at",
                "Cancelled at",
                "Next attempt",
                "Reply code",
                "Enhanced code",
                "Reply",
                "Replying server",
                "Message-ID",
            ],
        }
    }

    pub(super) fn state(self, state: DeliveryState) -> &'static str {
        use DeliveryState as S;
        match state {
            S::Queued => self.choose("送信待ち", "Waiting"),
            S::Claimed => self.choose("送信中", "Being sent"),
            S::Accepted => self.choose("送信済み", "Accepted"),
            S::Deferred => self.choose("再送待ち", "To be tried again"),
            S::Failed => self.choose("エラー", "Failed"),
            S::Unknown => self.choose("結果不明", "Unknown"),
            S::Skipped => self.choose("送信せず", "Left out"),
        }
    }

    /// The code itself where it has no words here.
    pub(super) fn reason(self, code: &str) -> &str {
        let (ja, en) = match code {
            "unsubscribed" => ("配信停止済み", "Unsubscribed"),
            "bounced" => ("エラーメール", "Bounced before"),
            "complained" => ("迷惑メール報告", "Reported as spam"),
            "disabled" => ("無効な連絡先", "Contact switched off"),
            "suppressed" | "suppressed_address" => {
                ("配信停止リスト（アドレス）", "Block-list (address)")
            }
            "suppressed_domain" => ("配信停止リスト（ドメイン）", "Block-list (domain)"),
            "not_subscribed" => ("グループから解除済み", "Left the list"),
            "excluded_list" => ("除外グループ", "In an excluded list"),
            "cancelled" => ("配信停止", "Cancelled"),
            "contact_deleted" => ("連絡先が削除済み", "Contact deleted"),
            "frequency_cap" => ("配信回数の上限", "Frequency cap"),
            "stopped" => ("配信を中止", "Campaign stopped"),
            "purged" => ("送信待ちを取り消し", "Taken out of the queue"),
            "held_back" => ("送信量の上限による待機", "Held back by a limit"),
            "rejected" => ("相手サーバーが拒否", "Refused by the server"),
            "put_off" => ("相手サーバーが後回し", "Put off by the server"),
            "unreachable" => (
                "送信先サーバーに接続できない",
                "No connection to the server",
            ),
            "no_host" => (
                "宛先のドメインがメールを受け付けない",
                "The domain takes no mail",
            ),
            "dns" => (
                "宛先ドメインの問い合わせ（DNS）に応答なし",
                "No answer of the domain's DNS",
            ),
            "tls_policy" => (
                "宛先が求める暗号化（MTA-STS）を満たさない",
                "MTA-STS of the domain not met",
            ),
            "tls" => ("暗号化通信の失敗", "TLS failed"),
            "relay_auth" => ("中継サーバーの認証に失敗", "The relay refused the log-in"),
            "interrupted" => ("通信が途切れた", "The line was cut"),
            "no_answer" => ("送信後の応答なし", "No answer after sending"),
            "lease_expired" => ("送信処理の中断", "Sending was interrupted"),
            "bounced_hard" => ("エラーメール（宛先なし）", "Bounced: no such address"),
            "bounced_soft" => ("エラーメール（一時的）", "Bounced for the time being"),
            "mailer_gone" => (
                "引き渡し中の送信処理の中断",
                "Sending was interrupted while it was handed over",
            ),
            "given_up" => ("再送の期限切れ", "Given up after 72 hours"),
            "not_composed" => ("メールを作成できない", "No mail could be made"),
            other => return other,
        };
        self.choose(ja, en)
    }
}
