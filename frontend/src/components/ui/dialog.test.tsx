import { Button, Menu } from "@mantine/core";
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import { renderScreen, signIn } from "@/testing/render";
import { ConfirmDialog } from "./confirm";
import { Dialog } from "./dialog";

beforeEach(() => signIn());

/** A dialog that is there only while it is open, as most are. */
function ByButton() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>open</Button>
      {open ? (
        <Dialog opened onClose={() => setOpen(false)} title="form">
          <input aria-label="field" data-autofocus />
        </Dialog>
      ) : null}
    </>
  );
}

function ByMenu({ onConfirm = async () => undefined as unknown }) {
  const [open, setOpen] = useState(false);
  return (
    <main tabIndex={-1}>
      <Menu>
        <Menu.Target>
          <Button>menu</Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setOpen(true)}>delete</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ConfirmDialog
        opened={open}
        danger
        onClose={() => setOpen(false)}
        title="ask"
        confirm="yes"
        onConfirm={onConfirm}
      >
        all is lost
      </ConfirmDialog>
    </main>
  );
}

/** The row with the button is gone when its dialog closes. */
function Row() {
  const [there, setThere] = useState(true);
  const [open, setOpen] = useState(false);
  return (
    <main tabIndex={-1}>
      {there ? <Button onClick={() => setOpen(true)}>delete</Button> : null}
      <ConfirmDialog
        opened={open}
        onClose={() => setOpen(false)}
        title="ask"
        confirm="yes"
        onConfirm={async () => setThere(false)}
      >
        one row
      </ConfirmDialog>
    </main>
  );
}

describe("where the focus goes after a dialog", () => {
  it("is the button that opened it", async () => {
    const user = userEvent.setup();
    renderScreen(<ByButton />);
    const button = await screen.findByRole("button", { name: "open" });
    await user.click(button);
    await expect.poll(() => screen.queryByRole("textbox", { name: "field" })).toHaveFocus();
    await user.keyboard("{Escape}");
    await expect.poll(() => button).toHaveFocus();
  });

  it("is the menu's button, when an item of the menu opened it", async () => {
    const user = userEvent.setup();
    renderScreen(<ByMenu />);
    const button = await screen.findByRole("button", { name: "menu" });
    await user.click(button);
    await user.click(await screen.findByRole("menuitem", { name: "delete" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "キャンセル" }));
    await expect.poll(() => button).toHaveFocus();
  });

  it("is the page's main part, when what opened it is gone", async () => {
    const user = userEvent.setup();
    renderScreen(<Row />);
    await user.click(await screen.findByRole("button", { name: "delete" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "yes" }));
    await expect.poll(() => screen.getByRole("main")).toHaveFocus();
  });
});

describe("a question before something is destroyed", () => {
  it("has its focus where Enter does no harm, and stays while the answer is on its way", async () => {
    const user = userEvent.setup();
    let answer = () => {};
    const gate = new Promise<void>((done) => {
      answer = done;
    });
    renderScreen(<ByMenu onConfirm={() => gate} />);
    await user.click(await screen.findByRole("button", { name: "menu" }));
    await user.click(await screen.findByRole("menuitem", { name: "delete" }));
    const dialog = await screen.findByRole("dialog");
    await expect.poll(() => within(dialog).getByRole("button", { name: "キャンセル" })).toHaveFocus();
    await user.click(within(dialog).getByRole("button", { name: "yes" }));
    await user.keyboard("{Escape}");
    expect(screen.getByRole("dialog")).toBeVisible();
    answer();
    await expect.poll(() => screen.queryByRole("dialog")).toBeNull();
  });
});
