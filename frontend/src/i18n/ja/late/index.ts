import { abTest } from "./ab-test";
import { bounces } from "./bounces";
import { calendar } from "./calendar";
import { campaignWork } from "./campaign-work";
import { dateMails } from "./date-mails";
import { held } from "./held";
import { imports } from "./imports";
import { limits } from "./limits";
import { mails } from "./mails";
import { resend } from "./resend";
import { rules } from "./rules";
import { sequences } from "./sequences";
import { settings } from "./settings";
import { signup } from "./signup";
import { support } from "./support";
import { transactional } from "./transactional";

export const late = {
  ...abTest,
  ...bounces,
  ...calendar,
  ...campaignWork,
  ...dateMails,
  ...held,
  ...imports,
  ...limits,
  ...mails,
  ...resend,
  ...rules,
  ...sequences,
  ...settings,
  ...signup,
  ...support,
  ...transactional,
};
