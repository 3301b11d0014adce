import { Group, Loader, SimpleGrid, Stack, Switch, Tabs, Text, Textarea, TextInput } from "@mantine/core";
import { lazy, Suspense, useRef, useState } from "react";
import { useT } from "@/i18n";
import { insertAt } from "@/lib/insert";
import type { Content } from "./content";
import type { HtmlEditorHandle } from "./html-editor";
import { MergeMenu } from "./merge-menu";

const HtmlEditor = lazy(() => import("./html-editor"));

type TextField = "subject" | "preheader" | "text";

interface Props {
  value: Content;
  onChange: (value: Content) => void;
  readOnly?: boolean;
  errors?: Partial<Record<keyof Content, string>>;
}

/** Subject, sender and the two bodies; the merge menu writes to wherever the cursor last stood. */
export function ContentEditor({ value, onChange, readOnly, errors }: Props) {
  const t = useT();
  // A mail of words only opens where its words are.
  const [tab, setTab] = useState<string | null>(value.html === "" && value.text !== "" ? "text" : "html");
  const html = useRef<HtmlEditorHandle | null>(null);
  const last = useRef<{ field: TextField; element: HTMLInputElement | HTMLTextAreaElement } | "html">("html");
  const set = <K extends keyof Content>(name: K, next: Content[K]) => onChange({ ...value, [name]: next });
  const input = (name: TextField) => ({
    readOnly,
    value: value[name],
    error: errors?.[name],
    onFocus: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => {
      last.current = { field: name, element: event.currentTarget };
    },
    onChange: (event: { currentTarget: { value: string } }) => set(name, event.currentTarget.value),
  });

  const insert = (token: string) => {
    const target = last.current;
    if (target === "html" || (target.field === "text" && tab === "html") || !target.element.isConnected) {
      html.current?.insert(token);
      return;
    }
    const { field, element } = target;
    const next = insertAt(
      value[field],
      element.selectionStart ?? value[field].length,
      element.selectionEnd ?? 0,
      token,
    );
    set(field, next.text);
    // After React has written the new value.
    requestAnimationFrame(() => {
      element.focus();
      element.setSelectionRange(next.cursor, next.cursor);
    });
  };

  return (
    <Stack gap="sm">
      <Group justify="space-between" align="flex-end" gap="xs">
        <Text size="xs" c="dimmed">
          {t("editor.merge_help")}
        </Text>
        {readOnly ? null : <MergeMenu onInsert={insert} />}
      </Group>
      <TextInput label={t("editor.subject")} required {...input("subject")} />
      <TextInput label={t("editor.preheader")} description={t("editor.preheader_help")} {...input("preheader")} />
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <TextInput
          label={t("editor.sender_name")}
          readOnly={readOnly}
          error={errors?.sender_name}
          value={value.sender_name}
          onChange={(event) => set("sender_name", event.currentTarget.value)}
        />
        <TextInput
          label={t("editor.sender_address")}
          readOnly={readOnly}
          inputMode="email"
          autoCapitalize="none"
          spellCheck={false}
          error={errors?.sender_address}
          value={value.sender_address}
          onChange={(event) => set("sender_address", event.currentTarget.value)}
        />
        <TextInput
          label={t("editor.reply_to")}
          readOnly={readOnly}
          inputMode="email"
          autoCapitalize="none"
          spellCheck={false}
          placeholder={t("editor.reply_to_same")}
          error={errors?.reply_to}
          value={value.reply_to}
          onChange={(event) => set("reply_to", event.currentTarget.value)}
        />
      </SimpleGrid>
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="xs">
          <Tabs.Tab value="html">{t("editor.html")}</Tabs.Tab>
          <Tabs.Tab value="text">{t("editor.text")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="html" onFocus={() => (last.current = "html")}>
          <Suspense fallback={<Loader size="sm" aria-label={t("state.loading")} />}>
            <HtmlEditor
              label={t("editor.html")}
              value={value.html}
              onChange={(next) => set("html", next)}
              readOnly={readOnly}
              onReady={(handle) => {
                html.current = handle;
              }}
            />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="text">
          <Stack gap="xs">
            <Switch
              label={t("editor.text_auto")}
              description={t("editor.text_auto_help")}
              disabled={readOnly}
              checked={value.text_mode === "auto"}
              onChange={(event) => set("text_mode", event.currentTarget.checked ? "auto" : "manual")}
            />
            <Textarea
              aria-label={t("editor.text")}
              autosize
              minRows={14}
              styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
              {...input("text")}
              readOnly={readOnly || value.text_mode === "auto"}
            />
          </Stack>
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}
