import { bounces } from "./bounces";
import { calendar } from "./calendar";
import { dateMails } from "./date-mails";
import { imports } from "./imports";
import { rules } from "./rules";
import { settings } from "./settings";
import { transactional } from "./transactional";

export const late = { ...bounces, ...calendar, ...dateMails, ...imports, ...rules, ...settings, ...transactional };
