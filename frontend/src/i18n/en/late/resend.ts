export const resend = {
  "resend.title": "Send again",
  "resend.help":
    "Without those who opened or clicked, and without those who unsubscribed since. Subject and text are the same as before.",
  "resend.unknown_one": "Send again to {{n}} person with unknown result",
  "resend.unknown_other": "Send again to {{n}} people with unknown result",
  "resend.failed_one": "Send again to {{n}} person that failed",
  "resend.failed_other": "Send again to {{n}} people that failed",
  "resend.unknown_body_one":
    "The same mail goes out again to the {{n}} person of whom the result is not known. If it arrived, it arrives a second time.",
  "resend.unknown_body_other":
    "The same mail goes out again to the {{n}} people of whom the result is not known. Who has it already may get it a second time.",
  "resend.failed_body_one":
    "The same mail goes out again to the {{n}} person that failed. Sending to addresses that don’t exist harms your sender reputation.",
  "resend.failed_body_other":
    "The same mail goes out again to the {{n}} people that failed. Sending to addresses that don’t exist harms your sender reputation.",
  "resend.confirm_one": "Send to {{n}} person",
  "resend.confirm_other": "Send to {{n}} people",
  "resend.done_one": "Sending again to {{n}} person",
  "resend.done_other": "Sending again to {{n}} people",
  "problem.stopping": "The last mails of the stopped campaign are still under way. Try again in a moment.",
  "timeline.delivery": "Delivery details",
  "resend.one": "Send this mail again",
  "resend.one_confirm": "Send again",
  "resend.one_done": "Sending again",
  "resend.one_unknown_body":
    "The mail of which the result is not known goes out again. If it arrived, it arrives a second time.",
  "resend.one_failed_body":
    "The mail that failed goes out again. Sending to addresses that don’t exist harms your sender reputation.",
  "problem.has_it": "It was opened, and so it has arrived: it is not sent again.",
  "problem.not_wanted": "The person is stopped or has left, or the address is on the block-list: it is not sent again.",
  "problem.values_gone":
    "The values it was filled in with are erased once a mail is accepted. Make the API call again.",
  "problem.restored": "A backup was restored since this mail was made. Send a new one.",
  "problem.campaigns_mail": "Send a campaign’s mails again from its results.",
} as const;
