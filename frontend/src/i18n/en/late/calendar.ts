export const calendar = {
  "calendar.description":
    "What went out and what will ({{zone}}). A schedule can be changed until the campaign begins.",
  "calendar.before": "Earlier",
  "calendar.after": "Later",
  "calendar.today": "Today",
  "calendar.view": "Span",
  "calendar.month": "Month",
  "calendar.week": "Week",
  "calendar.cut": "There are too many campaigns to show all of this span. Switch to a week.",
  "calendar.accepted_one": "{{n}} accepted",
  "calendar.accepted_other": "{{n}} accepted",
  "calendar.empty_title": "No campaigns in this span",
  "calendar.empty_body": "Scheduled campaigns are shown here.",
  "calendar.move": "Change the time",
  "calendar.move_title": "Change when it goes out",
  "calendar.move_help": "The pre-flight runs once more; when nothing blocks, the campaign goes out at the new time.",
  "calendar.moved": "The time was changed",
} as const;
