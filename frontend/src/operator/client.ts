import createFetchClient from "openapi-fetch";
import createClient from "openapi-react-query";
import type { components, paths } from "./schema.gen";
import { operatorSession } from "./session";

export const client = createFetchClient<paths>({ baseUrl: window.location.origin, fetch: operatorSession.fetch });

/** Typed hooks of the console's own API. */
export const api = createClient(client);

type Schemas = components["schemas"];
export type TenantSummary = Schemas["TenantSummary"];
export type TenantDetail = Schemas["TenantDetail"];
export type SupportGrant = Schemas["SupportGrant"];
export type Erasure = Schemas["Erasure"];
export type JournalEntry = Schemas["OperatorAuditEntry"];
