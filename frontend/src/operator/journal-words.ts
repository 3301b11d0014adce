import { type Locale, useLocale } from "@/i18n";

const ja = {
  "company.erased": "企業のデータを削除",
  "operator.added": "スタッフを追加",
  "operator.code_refused": "認証コードの誤り",
  "operator.disabled": "スタッフを停止",
  "operator.factor_reset": "二段階認証を解除",
  "operator.log_in_refused": "ログインの失敗",
  "operator.logged_in": "ログイン",
  "operator.logged_out": "ログアウト",
  "operator.refresh_token_reused": "使用済みのトークンを検知（ログアウトさせました）",
  "operator.stepped_up": "認証コードで本人確認",
  "support.closed": "データの閲覧を終了",
  "support.opened": "データの閲覧を開始",
  "support.viewed": "データを閲覧",
  "tenant.created": "企業を追加",
  "tenant.erasure_cancelled": "企業の削除を取り消し",
  "tenant.erasure_requested": "企業の削除を予約",
  "tenant.quota_set": "利用の上限を変更",
  "tenant.resumed": "利用を再開",
  "tenant.suspended": "利用を停止",
};

const en: typeof ja = {
  "company.erased": "Erased a company",
  "operator.added": "Added staff",
  "operator.code_refused": "Wrong code",
  "operator.disabled": "Disabled staff",
  "operator.factor_reset": "Reset the second factor",
  "operator.log_in_refused": "Log-in refused",
  "operator.logged_in": "Logged in",
  "operator.logged_out": "Logged out",
  "operator.refresh_token_reused": "A used token came again (logged out)",
  "operator.stepped_up": "Confirmed with a code",
  "support.closed": "Stopped looking at data",
  "support.opened": "Began to look at data",
  "support.viewed": "Looked at data",
  "tenant.created": "Added a company",
  "tenant.erasure_cancelled": "Called an erasure off",
  "tenant.erasure_requested": "Asked for an erasure",
  "tenant.quota_set": "Changed the limits",
  "tenant.resumed": "Resumed a company",
  "tenant.suspended": "Suspended a company",
};

const words: Record<Locale, Record<string, string>> = { ja, en };

const detailsJa = {
  due_at: "実行予定",
  erasure_id: "削除ID",
  grant_id: "許可ID",
  login_id: "ログインID",
  operation: "閲覧した内容",
  reason: "理由",
  session_id: "セッションID",
  support_session_id: "閲覧ID",
};

const detailsEn: typeof detailsJa = {
  due_at: "due",
  erasure_id: "erasure",
  grant_id: "grant",
  login_id: "log-in ID",
  operation: "looked at",
  reason: "reason",
  session_id: "session",
  support_session_id: "look",
};

const details: Record<Locale, Record<string, string>> = { ja: detailsJa, en: detailsEn };

/** What a part of the details is called; a name without words is shown as it is. */
export function useDetailName(): (name: string) => string {
  const locale = useLocale();
  return (name) => details[locale][name] ?? name;
}

/** Who did it; the command line has a name of its own in each language. */
export function useStaffName(): (name: string) => string {
  const locale = useLocale();
  return (name) => (name === "command line" && locale === "ja" ? "コマンドライン" : name);
}

/** What was done, in the person's language; a code without words is shown as it is. */
export function useActionText(): (action: string) => string {
  const locale = useLocale();
  return (action) => words[locale][action] ?? action;
}
