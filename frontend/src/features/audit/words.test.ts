import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { late as lateEn } from "@/i18n/en/late";
import { audit as en } from "@/i18n/en/late/audit";
import { late as lateJa } from "@/i18n/ja/late";
import { audit as ja } from "@/i18n/ja/late/audit";
import { auditActions, auditSubjects } from "./codes";

const document = (name: string) =>
  JSON.parse(readFileSync(path.resolve(import.meta.dirname, `../../../../openapi/${name}.json`), "utf8"));
const actions: string[] = document("openapi").components.schemas.AuditAction.enum;
/** What the operator's staff may look at under a grant. */
const looks: string[] = Object.entries<{ get?: { operationId: string } }>(document("operator").paths)
  .filter(([pattern]) => pattern.startsWith("/v1/support/{tenant}/{support}/"))
  .flatMap(([, item]) => (item.get ? [item.get.operationId] : []));

describe("the words of the trace", () => {
  it("are there for every action that the program writes, in both languages", () => {
    for (const catalogue of [ja, en]) {
      expect(actions.filter((action) => !(`audit_action.${action}` in catalogue))).toEqual([]);
    }
    expect([...auditActions]).toEqual(actions);
  });

  it("are there for everything that staff of the operator may look at, and for what it is about", () => {
    expect(looks.length).toBeGreaterThan(20);
    for (const catalogue of [ja, en]) {
      expect(looks.filter((operation) => !(`audit_look.${operation}` in catalogue))).toEqual([]);
    }
    for (const catalogue of [lateJa, lateEn]) {
      expect(auditSubjects.filter((kind) => !(`audit_subject.${kind}` in catalogue))).toEqual([]);
    }
  });
});
