export const held = {
  "held.restored":
    "The database was restored from a backup, so this campaign was paused. People who were mailed after the backup may still show as waiting, and get a second mail when you resume. Check with your relay’s log, then resume or stop.",
} as const;
