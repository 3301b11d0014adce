import { bounces } from "./bounces";
import { imports } from "./imports";
import { transactional } from "./transactional";

export const late = { ...bounces, ...imports, ...transactional };
