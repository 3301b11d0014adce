import { campaigns } from "./campaigns";
import { common } from "./common";
import { contacts } from "./contacts";
import { imports } from "./imports";
import { problems } from "./problems";
import { settings } from "./settings";

export const ja = { ...common, ...contacts, ...imports, ...campaigns, ...settings, ...problems };
