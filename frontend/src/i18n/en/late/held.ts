export const held = {
  "held.complaints":
    "Of the {{mails}} mails sent within the last 7 days, {{complaints}} ({{rate}}%) were reported as spam, so sending was paused. If you go on as before, all your mails may end up in spam folders. Remove the cause (people who never agreed, how often you send, what you send), then resume or stop.",
  "held.no_route":
    "No route is turned on, so this campaign was paused. Turn a route on or add one, then resume: only those who were not mailed yet get it.",
  "held.not_composable":
    "The mail can’t be made any more, so this campaign was paused. Check that its merge fields still exist and that the sender and its DKIM keys are valid, then resume: only those who were not mailed yet get it.",
  "held.more_people":
    "More people match the recipients now than were confirmed when this was sent, so it was paused; no more than the confirmed number were mailed. Resuming sends to the rest too. See why there are more (an import, for example), then resume or stop.",
  "held.restored":
    "The database was restored from a backup, so this campaign was paused. People who were mailed after the backup may still show as waiting, and get a second mail when you resume. Check with your relay’s log, then resume or stop.",
} as const;
