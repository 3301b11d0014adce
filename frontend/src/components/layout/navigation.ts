import {
  type Icon,
  IconAddressBook,
  IconBan,
  IconBolt,
  IconBuilding,
  IconCake,
  IconCalendarEvent,
  IconClock,
  IconGauge,
  IconHeadset,
  IconHistory,
  IconHome,
  IconKey,
  IconLayoutList,
  IconListNumbers,
  IconLock,
  IconMail,
  IconMailPlus,
  IconRoute,
  IconSend,
  IconShieldLock,
  IconTemplate,
  IconUsers,
  IconUsersGroup,
  IconWebhook,
  IconWorld,
} from "@tabler/icons-react";
import type { LinkProps } from "@tanstack/react-router";
import type { Permission } from "@/auth/guard";
import type { Key } from "@/i18n";

export interface NavItem {
  to: NonNullable<LinkProps["to"]>;
  label: Key;
  icon: Icon;
  permission?: Permission;
  exact?: boolean;
}

export interface NavSection {
  title?: Key;
  items: readonly NavItem[];
}

export const sections: readonly NavSection[] = [
  { items: [{ to: "/", label: "nav.home", icon: IconHome, exact: true }] },
  {
    title: "nav.section_contacts",
    items: [
      { to: "/contacts", label: "nav.contacts", icon: IconAddressBook, permission: "contacts.read" },
      { to: "/lists", label: "nav.lists", icon: IconUsersGroup, permission: "contacts.read" },
      { to: "/signup-addresses", label: "nav.signup", icon: IconMailPlus, permission: "contacts.read" },
      { to: "/suppressions", label: "nav.suppressions", icon: IconBan, permission: "contacts.read" },
    ],
  },
  {
    title: "nav.section_mails",
    items: [
      { to: "/mails", label: "nav.mails", icon: IconMail, permission: "mails.read" },
      { to: "/templates", label: "nav.templates", icon: IconTemplate, permission: "mails.read" },
      { to: "/blocks", label: "nav.blocks", icon: IconLayoutList, permission: "mails.read" },
    ],
  },
  {
    title: "nav.section_sending",
    items: [
      { to: "/campaigns", label: "nav.campaigns", icon: IconSend, permission: "campaigns.read" },
      { to: "/sequences", label: "nav.sequences", icon: IconListNumbers, permission: "campaigns.read" },
      { to: "/date-mails", label: "nav.date_mails", icon: IconCake, permission: "campaigns.read" },
      { to: "/calendar", label: "nav.calendar", icon: IconCalendarEvent, permission: "campaigns.read" },
      { to: "/transactional", label: "nav.transactional", icon: IconBolt, permission: "campaigns.read" },
    ],
  },
  {
    title: "nav.section_settings",
    items: [
      { to: "/settings/organisation", label: "nav.organisation", icon: IconBuilding, permission: "settings.read" },
      { to: "/settings/domains", label: "nav.domains", icon: IconWorld, permission: "settings.read" },
      { to: "/settings/routes", label: "nav.routes", icon: IconRoute, permission: "settings.read" },
      { to: "/settings/rules", label: "nav.rules", icon: IconClock, permission: "settings.read" },
      { to: "/settings/limits", label: "nav.limits", icon: IconGauge, permission: "settings.read" },
      { to: "/settings/security", label: "nav.security", icon: IconShieldLock, permission: "settings.read" },
      { to: "/settings/webhooks", label: "nav.webhooks", icon: IconWebhook, permission: "webhooks.manage" },
      { to: "/settings/users", label: "nav.users", icon: IconUsers, permission: "users.manage" },
      { to: "/settings/audit", label: "nav.audit", icon: IconHistory, permission: "audit.read" },
      { to: "/settings/roles", label: "nav.roles", icon: IconLock, permission: "settings.read" },
      { to: "/settings/tokens", label: "nav.tokens", icon: IconKey, permission: "tokens.manage" },
      { to: "/settings/support", label: "nav.support", icon: IconHeadset, permission: "settings.read" },
    ],
  },
];

/** The sections a person may enter, empty ones left out. */
export function visibleSections(permissions: readonly string[]): NavSection[] {
  return sections
    .map((section) => ({
      ...section,
      items: section.items.filter((item) => !item.permission || permissions.includes(item.permission)),
    }))
    .filter((section) => section.items.length > 0);
}
