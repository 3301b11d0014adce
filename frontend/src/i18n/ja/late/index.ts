import { bounces } from "./bounces";
import { calendar } from "./calendar";
import { imports } from "./imports";
import { rules } from "./rules";
import { settings } from "./settings";
import { transactional } from "./transactional";

export const late = { ...bounces, ...calendar, ...imports, ...rules, ...settings, ...transactional };
