import type { Permission } from "@/auth/guard";

export interface PermissionGroup {
  id: "contacts" | "mails" | "campaigns" | "reports" | "settings" | "access" | "other";
  permissions: readonly string[];
}

/** As the screens show them: by what a person works with. */
const groups: readonly { id: PermissionGroup["id"]; permissions: readonly Permission[] }[] = [
  {
    id: "contacts",
    permissions: ["contacts.read", "contacts.write", "lists.write", "contacts.export", "contacts.erase"],
  },
  { id: "mails", permissions: ["mails.read", "mails.write"] },
  { id: "campaigns", permissions: ["campaigns.read", "campaigns.write", "campaigns.send"] },
  { id: "reports", permissions: ["reports.read", "reports.export"] },
  { id: "settings", permissions: ["settings.read", "settings.write", "security.manage"] },
  {
    id: "access",
    permissions: [
      "users.manage",
      "roles.manage",
      "tokens.manage",
      "webhooks.manage",
      "audit.read",
      "support.grant",
      "tenant.own",
    ],
  },
];

/** What makes no sense without something else: who writes has to see what is there. */
const rests: Partial<Record<string, readonly Permission[]>> = {
  "contacts.write": ["contacts.read"],
  "contacts.export": ["contacts.read"],
  "contacts.erase": ["contacts.read"],
  "lists.write": ["contacts.read"],
  "mails.write": ["mails.read"],
  "campaigns.write": ["campaigns.read", "mails.read", "contacts.read"],
  "campaigns.send": ["campaigns.read"],
  "reports.export": ["reports.read"],
  "settings.write": ["settings.read"],
  "security.manage": ["settings.read"],
  "users.manage": ["settings.read"],
  "roles.manage": ["settings.read"],
  "support.grant": ["settings.read"],
};

const forPersons: readonly string[] = [
  "users.manage",
  "security.manage",
  "roles.manage",
  "tokens.manage",
  "webhooks.manage",
  "audit.read",
  "contacts.erase",
  "support.grant",
  "tenant.own",
];

/** All permissions in groups; one that this page does not know yet comes last. */
export function grouped(all: readonly string[]): PermissionGroup[] {
  const known = groups.flatMap((group) => group.permissions as readonly string[]);
  const others = all.filter((permission) => !known.includes(permission));
  return [
    ...groups.map((group) => ({ ...group, permissions: group.permissions.filter((p) => all.includes(p)) })),
    { id: "other" as const, permissions: others },
  ].filter((group) => group.permissions.length > 0);
}

/** What a token may have of these. */
export function scopesOf(permissions: readonly string[]): string[] {
  return permissions.filter((permission) => !forPersons.includes(permission));
}

/** Ticks or unticks one, with what it rests on, or what rests on it. */
export function toggled(chosen: readonly string[], permission: string, on: boolean): string[] {
  const next = new Set(chosen);
  if (on) {
    next.add(permission);
    for (const other of rests[permission] ?? []) {
      next.add(other);
    }
  } else {
    next.delete(permission);
    for (const other of chosen) {
      if ((rests[other] as readonly string[] | undefined)?.includes(permission)) {
        next.delete(other);
      }
    }
  }
  return [...next];
}

/** "May edit but not send": the ready-made example. */
export const editsOnly: readonly Permission[] = [
  "contacts.read",
  "contacts.write",
  "lists.write",
  "mails.read",
  "mails.write",
  "campaigns.read",
  "campaigns.write",
  "reports.read",
  "settings.read",
];
