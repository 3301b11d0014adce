import { Box, Burger, Group, NavLink, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { Link, useLocation } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import { useMe } from "@/auth/guard";
import { useT } from "@/i18n";
import { Logo } from "./logo";
import { visibleSections } from "./navigation";
import { usePalette } from "./palette";
import classes from "./shell.module.css";
import { UserMenu } from "./user-menu";

/** Frame of every page behind the log-in: navigation, search, the person's menu. */
export function Shell(props: { children: ReactNode }) {
  const t = useT();
  const me = useMe();
  const palette = usePalette();
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the page changes
  useEffect(close, [pathname]);
  const menu = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each page another entry is the active one
  useEffect(() => {
    // In braces: newer browsers answer with a promise, which React would take for a clean-up.
    menu.current?.querySelector("[data-active]")?.scrollIntoView?.({ block: "nearest" });
  }, [pathname]);
  return (
    <div className={classes.shell}>
      <a href="#main" className="kb-skip">
        {t("nav.skip")}
      </a>
      <header className={classes.header}>
        <Group h="100%" px="sm" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap={6} wrap="nowrap" style={{ minWidth: 0 }}>
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={opened ? t("nav.close") : t("nav.open")}
            />
            <Link to="/" className={classes.brand} aria-label={t("nav.home_link")}>
              <Logo />
            </Link>
            <Text size="sm" c="dimmed" truncate visibleFrom="xs" pl={6}>
              {me.tenant.name}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <UnstyledButton
              className={classes.palette}
              onClick={palette.open}
              aria-label={t("palette.open")}
              aria-keyshortcuts="Control+K"
            >
              <IconSearch size={16} aria-hidden />
              <Box component="span" visibleFrom="sm">
                {t("palette.open")}
              </Box>
            </UnstyledButton>

            <UserMenu />
          </Group>
        </Group>
      </header>
      <nav ref={menu} className={classes.navbar} aria-label={t("nav.main")} data-opened={opened || undefined}>
        {visibleSections(me.permissions).map((section) => (
          <Box key={section.title ?? "first"} mb="sm">
            {section.title ? (
              <Text size="xs" c="dimmed" px="sm" pb={2} fw={600}>
                {t(section.title)}
              </Text>
            ) : null}
            {section.items.map((item) => (
              <NavLink
                key={item.to}
                className={classes.link}
                label={t(item.label)}
                leftSection={<item.icon size={18} stroke={1.6} aria-hidden />}
                active={item.exact ? pathname === item.to : pathname === item.to || pathname.startsWith(`${item.to}/`)}
                renderRoot={(rest) => <Link to={item.to} {...rest} />}
              />
            ))}
          </Box>
        ))}
      </nav>
      <main id="main" tabIndex={-1} className={classes.main}>
        {props.children}
      </main>
      {palette.palette}
    </div>
  );
}
