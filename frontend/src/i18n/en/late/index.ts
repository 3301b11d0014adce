import { abTest } from "./ab-test";
import { bounces } from "./bounces";
import { calendar } from "./calendar";
import { dateMails } from "./date-mails";
import { held } from "./held";
import { imports } from "./imports";
import { limits } from "./limits";
import { resend } from "./resend";
import { rules } from "./rules";
import { settings } from "./settings";
import { transactional } from "./transactional";

export const late = {
  ...abTest,
  ...bounces,
  ...calendar,
  ...dateMails,
  ...held,
  ...imports,
  ...limits,
  ...resend,
  ...rules,
  ...settings,
  ...transactional,
};
