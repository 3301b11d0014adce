import { Spotlight, type SpotlightActionData, spotlight } from "@mantine/spotlight";
import { IconFileImport, IconMailPlus, IconPlus, IconSearch, IconSend, IconUserPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api } from "@/api/client";
import { useCan, useMe } from "@/auth/guard";
import { useT } from "@/i18n";
import { visibleSections } from "./navigation";

/** Every page, every "new …", and contacts by address or name. Loaded at the first use, and opens then. */
export default function CommandPalette() {
  const t = useT();
  const me = useMe();
  useEffect(() => spotlight.open(), []);
  const navigate = useNavigate();
  const [query, setQuery] = useState("");
  const canContacts = useCan("contacts.read");
  const found = api.useQuery(
    "get",
    "/v1/contacts",
    { params: { query: { q: query.trim(), limit: 5 } } },
    { enabled: canContacts && query.trim().length >= 2 },
  );

  const create = (
    [
      [
        "contacts.write",
        "palette.new_contact",
        IconUserPlus,
        () => navigate({ to: "/contacts", search: { create: true } }),
      ],
      ["contacts.write", "palette.import", IconFileImport, () => navigate({ to: "/contacts/imports/new" })],
      ["mails.write", "palette.new_mail", IconMailPlus, () => navigate({ to: "/mails", search: { create: true } })],
      ["campaigns.write", "palette.new_campaign", IconSend, () => navigate({ to: "/campaigns/new" })],
    ] as const
  )
    .filter(([permission]) => me.permissions.includes(permission))
    .map(([, label, Icon, go]) => ({
      id: label,
      label: t(label),
      leftSection: <Icon size={18} />,
      onClick: () => void go(),
    }));

  const pages: SpotlightActionData[] = visibleSections(me.permissions).flatMap((section) =>
    section.items.map((item) => ({
      id: item.to,
      label: t(item.label),
      leftSection: <item.icon size={18} stroke={1.6} />,
      onClick: () => void navigate({ to: item.to }),
    })),
  );

  const people: SpotlightActionData[] = (found.data?.items ?? []).map((contact) => ({
    id: contact.id,
    label: contact.email,
    description: contact.name ?? undefined,
    keywords: query,
    leftSection: <IconSearch size={18} />,
    onClick: () => void navigate({ to: "/contacts/$contactId", params: { contactId: contact.id } }),
  }));

  return (
    <Spotlight
      shortcut={["mod + K"]}
      onQueryChange={setQuery}
      nothingFound={t("palette.nothing")}
      highlightQuery
      limit={12}
      searchProps={{
        leftSection: <IconSearch size={18} />,
        placeholder: t("palette.placeholder"),
        "aria-label": t("palette.placeholder"),
      }}
      actions={[
        {
          group: t("palette.group_new"),
          actions: create.map((item) => ({ ...item, rightSection: <IconPlus size={14} /> })),
        },
        { group: t("palette.group_pages"), actions: pages },
        { group: t("palette.group_contacts"), actions: people },
      ]}
    />
  );
}
