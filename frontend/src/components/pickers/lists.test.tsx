import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { beforeEach, expect, it } from "vitest";
import type { List } from "@/api/types";
import { renderScreen, signIn } from "@/testing/render";
import { http, server } from "@/testing/server";
import { ListSelect } from "./lists";
import { ListsSelect } from "./lists-select";

const id = (n: number) => `0192f0c1-7c1e-7d3a-9b1e-${String(n).padStart(12, "0")}`;
const pageSize = 200;

/** As of a tenant with `total` lists: answers them page by page, as the API does. */
function listsAre(total: number) {
  const asked: (string | null)[] = [];
  server.use(
    http.get("/v1/lists", ({ query, response }) => {
      asked.push(query.get("cursor"));
      const from = Number(query.get("cursor") ?? 0);
      const to = Math.min(from + pageSize, total);
      const items = Array.from({ length: to - from }, (_, i) => ({
        id: id(from + i),
        name: `会員グループ${from + i}`,
      }));
      return response(200).json({ items: items as List[], next_cursor: to < total ? String(to) : null });
    }),
  );
  return asked;
}

function Several({ initial = [] as string[] }) {
  const [value, setValue] = useState(initial);
  return (
    <>
      <ListsSelect label="宛先" value={value} onChange={setValue} />
      <output>{value.join()}</output>
    </>
  );
}

function One({ initial = null as string | null }) {
  const [value, setValue] = useState(initial);
  return <ListSelect label="グループ" value={value} onChange={setValue} />;
}

beforeEach(() => signIn());

it("finds a list far behind the first page, by keyboard alone, and keeps it by its name", async () => {
  const asked = listsAre(950);
  const user = userEvent.setup();
  renderScreen(<Several />);
  const input = await screen.findByRole("combobox", { name: "宛先" });
  // Before anybody wants to choose, one page is enough.
  await waitFor(() => expect(asked).toEqual([null]));
  await user.tab();
  expect(input).toHaveFocus();
  await user.keyboard("ｸﾞﾙｰﾌﾟ 912");
  await screen.findByRole("option", { name: "会員グループ912", hidden: true });
  expect(asked).toEqual([null, "200", "400", "600", "800"]);
  expect(screen.getByText("1件見つかりました")).toHaveAttribute("role", "status");
  await user.keyboard("{ArrowDown}{Enter}");
  expect(document.querySelector("output")).toHaveTextContent(id(912));
  expect(screen.getAllByText("会員グループ912").length).toBeGreaterThan(0);
});

it("shows no endless menu: what is behind it is said", async () => {
  listsAre(450);
  const user = userEvent.setup();
  renderScreen(<Several />);
  await user.click(await screen.findByRole("combobox", { name: "宛先" }));
  expect(await screen.findByText("ほかに350件あります。名前の一部を入力して絞り込んでください。")).toBeInTheDocument();
  expect(screen.getAllByRole("option", { hidden: true })).toHaveLength(101);
});

it("names what is chosen wherever it stands, and says of a list that is gone that it is", async () => {
  listsAre(450);
  renderScreen(<Several initial={[id(430), id(9999)]} />);
  expect(await screen.findByText("会員グループ430")).toBeInTheDocument();
  expect(await screen.findByText("（削除されたグループ）")).toBeInTheDocument();
});

it("chooses one of many", async () => {
  listsAre(450);
  const user = userEvent.setup();
  renderScreen(<One initial={id(401)} />);
  const input = await screen.findByRole("combobox", { name: "グループ" });
  await waitFor(() => expect(input).toHaveValue("会員グループ401"));
  await user.clear(input);
  await user.type(input, "ぐるーぷ449");
  await user.click(await screen.findByRole("option", { name: "会員グループ449", hidden: true }));
  expect(input).toHaveValue("会員グループ449");
});

it("tries again when the lists could not be read", async () => {
  let works = false;
  server.use(
    http.get("/v1/lists", ({ response }) =>
      works
        ? response(200).json({ items: [{ id: id(1), name: "会員" } as List], next_cursor: null })
        : response.untyped(
            new Response("{}", { status: 403, headers: { "Content-Type": "application/problem+json" } }),
          ),
    ),
  );
  const user = userEvent.setup();
  renderScreen(<Several />);
  const input = await screen.findByRole("combobox", { name: "宛先" });
  await user.click(input);
  expect(await screen.findByText(/読み込めませんでした/)).toBeInTheDocument();
  works = true;
  await user.tab();
  await user.click(input);
  expect(await screen.findByRole("option", { name: "会員", hidden: true })).toBeInTheDocument();
});
