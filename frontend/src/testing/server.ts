import { setupServer } from "msw/node";
import { createOpenApiHttp } from "openapi-msw";
import type { paths } from "@/api/schema.gen";

/** Handlers whose paths, bodies and answers are checked against the OpenAPI document by the compiler. */
export const http = createOpenApiHttp<paths>({ baseUrl: window.location.origin });

/** No handlers by default: each test says what the API answers. */
export const server = setupServer();
