import { describe, expect, it } from "vitest";
import { type Place, parse, pathOf } from "./place";

describe("places of the console", () => {
  it("come back from their address as they were", () => {
    const places: Place[] = [
      { screen: "tenants" },
      { screen: "tenant", id: "t1" },
      { screen: "support", id: "t1", support: "s1" },
      { screen: "erasures" },
      { screen: "journal" },
      { screen: "installation" },
    ];
    for (const place of places) {
      expect(parse(pathOf(place))).toEqual(place);
    }
  });

  it("are the list for an address that names nothing", () => {
    expect(parse("/nonsense/here")).toEqual({ screen: "tenants" });
    expect(parse("/tenants")).toEqual({ screen: "tenants" });
  });
});
