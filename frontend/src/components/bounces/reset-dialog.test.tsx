import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it, vi } from "vitest";
import { loadLateWords } from "@/i18n";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { BounceResetDialog } from "./reset-dialog";

const job = {
  id: "01930000-0000-7000-8000-000000000001",
  kind: "bounce_reset",
  state: "succeeded",
  progress: { done: 3, total: null },
  result: { reset: 3, activated: 2 },
  error: null,
  subject_id: null,
  created_at: "2026-11-24T00:00:00Z",
  started_at: null,
  finished_at: null,
} as const;

beforeEach(async () => {
  await signIn();
  await loadLateWords();
});

it("says what will happen, and asks for all only when all are meant", async () => {
  const user = userEvent.setup();
  const asked: unknown[] = [];
  server.use(
    http.post("/v1/bounce-resets", async ({ request, response }) => {
      asked.push(await request.json());
      return response(202).json(job);
    }),
  );
  const done = vi.fn();
  const { unmount } = renderScreen(<BounceResetDialog contactIds={null} onClose={() => undefined} onDone={done} />);
  expect(await screen.findByText(/停止中の連絡先をすべて/)).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "有効に戻す" }));
  await vi.waitFor(() => expect(done).toHaveBeenCalled());
  unmount();
  renderScreen(<BounceResetDialog contactIds={["a", "b"]} onClose={() => undefined} onDone={done} />);
  expect(await screen.findByText(/選択した2人のうち/)).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "有効に戻す" }));
  await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(2));
  expect(asked).toEqual([{}, { contact_ids: ["a", "b"] }]);
});
