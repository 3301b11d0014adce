import { describe, expect, it } from "vitest";

import { heldText, isForComplaints } from "./held";

describe("why something is held", () => {
  it("says how many complained of how many mails", () => {
    expect(isForComplaints("complaints 12/3400")).toBe(true);
    const text = heldText("complaints 12/3400");
    expect(text).toContain("12");
    expect(text).toContain("0.35%");
  });

  it("leaves what it does not know as it is", () => {
    expect(isForComplaints("complaints")).toBe(false);
    expect(heldText("something else")).toBe("something else");
    expect(heldText("restored")).not.toBe("restored");
  });
});
