import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { audit as en } from "@/i18n/en/late/audit";
import { audit as ja } from "@/i18n/ja/late/audit";
import { auditActions } from "./codes";

const openapi = path.resolve(import.meta.dirname, "../../../../openapi/openapi.json");
const actions: string[] = JSON.parse(readFileSync(openapi, "utf8")).components.schemas.AuditAction.enum;

describe("the words of the trace", () => {
  it("are there for every action that the program writes, in both languages", () => {
    for (const catalogue of [ja, en]) {
      expect(actions.filter((action) => !(`audit_action.${action}` in catalogue))).toEqual([]);
    }
    expect([...auditActions]).toEqual(actions);
  });
});
