import { describe, expect, it } from "vitest";
import { createEventParser, type ServerEvent } from "./events";

function parsed(...pieces: string[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const parse = createEventParser((event) => events.push(event));
  for (const piece of pieces) {
    parse(piece);
  }
  return events;
}

describe("the event stream", () => {
  it("reads an event that comes in pieces", () => {
    expect(parsed("event: jo", 'b\ndata: {"id"', ':"1"}\n', "\n")).toEqual([{ event: "job", data: { id: "1" } }]);
  });

  it("reads several events of one piece and skips comments", () => {
    const events = parsed(": hello\n\nevent: job\ndata: 1\n\nevent: campaign\r\ndata: 2\r\n\r\n");
    expect(events).toEqual([
      { event: "job", data: 1 },
      { event: "campaign", data: 2 },
    ]);
  });

  it("joins data of several lines", () => {
    expect(parsed("data: [1,\ndata: 2]\n\n")).toEqual([{ event: "message", data: [1, 2] }]);
  });
});
