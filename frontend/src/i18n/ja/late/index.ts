import { imports } from "./imports";
import { transactional } from "./transactional";

export const late = { ...imports, ...transactional };
