import { describe, expect, it } from "vitest";
import { me } from "@/testing/render";
import { editsOnly, grouped, scopesOf, toggled } from "./permissions";

describe("permissions", () => {
  it("stand in a group each, unknown ones last", () => {
    const groups = grouped([...me.permissions, "of.tomorrow"]);
    expect(groups.flatMap((group) => group.permissions).toSorted()).toEqual(
      [...me.permissions, "of.tomorrow"].toSorted(),
    );
    expect(groups.at(-1)).toEqual({ id: "other", permissions: ["of.tomorrow"] });
  });

  it("bring along what they rest on, and take along what rests on them", () => {
    const writes = toggled([], "contacts.write", true);
    expect(writes.toSorted()).toEqual(["contacts.read", "contacts.write"]);
    expect(toggled(writes, "contacts.read", false)).toEqual([]);
    expect(toggled(writes, "contacts.write", false)).toEqual(["contacts.read"]);
  });

  it("that decide who gets in are no scopes", () => {
    const scopes = scopesOf(me.permissions);
    expect(scopes).toContain("campaigns.send");
    expect(scopes.filter((scope) => /users|roles|tokens|security|tenant|audit|webhooks|erase/.test(scope))).toEqual([]);
  });

  it("of the example edit, and do not send", () => {
    expect(editsOnly).toContain("campaigns.write");
    expect(editsOnly).not.toContain("campaigns.send");
  });
});
