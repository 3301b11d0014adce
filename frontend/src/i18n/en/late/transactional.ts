export const transactional = {
  "transactional.description":
    "Mails sent one by one through the API (POST /v1/transactional-sends), such as order confirmations or password resets. They overtake campaigns.",
  "transactional.address": "Exact address",
  "transactional.mail": "Mail",
  "transactional.asked_at": "Requested",
  "transactional.empty_title": "No transactional mails yet",
  "transactional.empty_body":
    "Write a mail, then call the API with its id, a recipient and the values to merge: one person gets one mail at once. What became of it is shown here.",
  "transactional.message_id": "Message-ID",
  "transactional.suppressed_help":
    "Addresses on the suppression list and contacts who left or were stopped get none (“not sent”).",
} as const;
