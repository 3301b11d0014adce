export const held = {
  "held.more_people":
    "More people match the recipients now than were confirmed when this was sent, so it was paused; no more than the confirmed number were mailed. Resuming sends to the rest too. See why there are more (an import, for example), then resume or stop.",
  "held.restored":
    "The database was restored from a backup, so this campaign was paused. People who were mailed after the backup may still show as waiting, and get a second mail when you resume. Check with your relay’s log, then resume or stop.",
} as const;
