export const transactional = {
  "transactional.description":
    "注文の確認やパスワードの再設定など、API（POST /v1/transactional-sends）から1通ずつ送ったメールです。一斉配信より先に送られます。",
  "transactional.address": "宛先のアドレス（完全一致）",
  "transactional.mail": "メール",
  "transactional.asked_at": "受付日時",
  "transactional.empty_title": "トランザクションメールはまだありません",
  "transactional.empty_body":
    "メールを作成し、そのIDと宛先、差し込む値を付けてAPIを呼び出すと、1人に1通だけすぐに送ります。結果はここで確認できます。",
  "transactional.message_id": "メッセージID（Message-ID）",
  "transactional.suppressed_help":
    "配信停止リストに載っているアドレスと、配信停止・エラー停止中の連絡先には送りません（「送信せず」になります）。",
} as const;
