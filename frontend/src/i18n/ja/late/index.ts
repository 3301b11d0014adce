import { abTest } from "./ab-test";
import { access } from "./access";
import { audit } from "./audit";
import { auditFields } from "./audit-fields";
import { bounces } from "./bounces";
import { calendar } from "./calendar";
import { campaignWork } from "./campaign-work";
import { dateMails } from "./date-mails";
import { erasures } from "./erasures";
import { held } from "./held";
import { imports } from "./imports";
import { limits } from "./limits";
import { machine } from "./machine";
import { mails } from "./mails";
import { people } from "./people";
import { lateProblems } from "./problems";
import { resend } from "./resend";
import { rules } from "./rules";
import { secondFactor } from "./second-factor";
import { sequences } from "./sequences";
import { settings } from "./settings";
import { signup } from "./signup";
import { support } from "./support";
import { transactional } from "./transactional";
import { webhooks } from "./webhooks";

export const late = {
  ...abTest,
  ...audit,
  ...auditFields,
  ...access,
  ...bounces,
  ...calendar,
  ...campaignWork,
  ...dateMails,
  ...erasures,
  ...held,
  ...imports,
  ...limits,
  ...machine,
  ...mails,
  ...people,
  ...lateProblems,
  ...resend,
  ...rules,
  ...secondFactor,
  ...sequences,
  ...settings,
  ...signup,
  ...support,
  ...transactional,
  ...webhooks,
};
