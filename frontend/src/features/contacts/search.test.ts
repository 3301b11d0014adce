import { describe, expect, it } from "vitest";
import { contactQuery, isFiltered, parseContactSearch } from "./search";

describe("the contact table's URL", () => {
  it("keeps what is valid and drops what is not", () => {
    expect(
      parseContactSearch({
        q: "佐藤",
        status: "active",
        sort: "'; drop table",
        from: "2026-11-01",
        to: "yesterday",
        cols: ["email", 5, "field:rank"],
        evil: "x",
      }),
    ).toEqual({ q: "佐藤", status: "active", from: "2026-11-01", cols: ["email", "field:rank"] });
  });

  it("takes a number in the URL for a search word", () => {
    expect(parseContactSearch({ q: 9012 }).q).toBe("9012");
  });

  it("means whole days of the tenant's zone, the last one included", () => {
    const query = contactQuery({ from: "2026-11-01", to: "2026-11-30" }, "Asia/Tokyo");
    expect(query.created_from).toBe("2026-10-31T15:00:00.000Z");
    expect(query.created_to).toBe("2026-11-30T15:00:00.000Z");
  });

  it("sorts the newest first unless told otherwise", () => {
    expect(contactQuery({}, "Asia/Tokyo").sort).toBe("-created_at");
    expect(contactQuery({ sort: "name" }, "Asia/Tokyo").sort).toBe("name");
  });

  it("doesn't take order or columns for a filter", () => {
    expect(isFiltered({ sort: "name", cols: ["email"] })).toBe(false);
    expect(isFiltered({ list: "x" })).toBe(true);
  });
});
