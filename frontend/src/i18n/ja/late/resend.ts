export const resend = {
  "resend.title": "もう一度送る",
  "resend.help":
    "開封やクリックがあった人と、配信後に配信停止などをした人は含みません。件名や本文は、この配信で送ったものと同じです。",
  "resend.unknown_other": "結果不明の{{n}}人に再送",
  "resend.failed_other": "エラーの{{n}}人に再送",
  "resend.unknown_body_other":
    "結果がわからない{{n}}人に、同じメールをもう一度送ります。すでに届いている人には、2通目が届くことがあります。",
  "resend.failed_body_other":
    "エラーになった{{n}}人に、同じメールをもう一度送ります。存在しないアドレスに送り続けると、送信元の評価が下がるおそれがあります。",
  "resend.confirm_other": "{{n}}人に再送する",
  "resend.done_other": "{{n}}人への再送を始めました",
  "problem.stopping":
    "停止した配信のうち、送信中だったメールの結果を待っています。少し待ってから、もう一度お試しください。",
  "timeline.delivery": "送信の詳細",
  "resend.one": "このメールを再送",
  "resend.one_confirm": "再送する",
  "resend.one_done": "再送を始めました",
  "resend.one_unknown_body":
    "送信できたかどうかがわからないメールを、もう一度送ります。すでに届いている場合は、2通目が届くことがあります。",
  "resend.one_failed_body":
    "エラーになったメールを、もう一度送ります。存在しないアドレスに送り続けると、送信元の評価が下がるおそれがあります。",
  "problem.has_it": "開封されているため、再送できません（すでに届いています）。",
  "problem.not_wanted": "配信停止やエラー停止中の連絡先、または配信停止リストのアドレスのため、再送できません。",
  "problem.values_gone":
    "差し込んだ値は受信が確認された時点で消去されるため、再送できません。APIからもう一度送信してください。",
  "problem.restored": "このメールの作成後にバックアップから復元されたため、再送できません。新しく送信してください。",
  "problem.campaigns_mail": "一斉配信のメールは、配信結果の「もう一度送る」から再送してください。",
} as const;
