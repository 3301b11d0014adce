import { Box, Button, Group, Menu, Text, useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconChevronDown,
  IconDeviceDesktop,
  IconKey,
  IconLogout,
  IconMoon,
  IconShieldLock,
  IconSun,
  IconUserCircle,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMe } from "@/auth/guard";
import { session } from "@/auth/session";
import { roleName } from "@/components/access/role-name";
import { useT } from "@/i18n";

export function UserMenu() {
  const t = useT();
  const me = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const schemes = [
    { value: "light", label: t("scheme.light"), icon: IconSun },
    { value: "dark", label: t("scheme.dark"), icon: IconMoon },
    { value: "auto", label: t("scheme.auto"), icon: IconDeviceDesktop },
  ] as const;
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          px={8}
          leftSection={<IconUserCircle size={20} stroke={1.6} />}
          rightSection={<IconChevronDown size={14} />}
          aria-label={t("nav.user_menu", { name: me.display_name })}
        >
          <Box
            component="span"
            visibleFrom="sm"
            maw={160}
            lh={1.6}
            style={{ overflow: "hidden", textOverflow: "ellipsis" }}
          >
            {me.display_name}
          </Box>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Box px="sm" py={6}>
          <Text size="sm" fw={600}>
            {me.display_name}
          </Text>
          <Text size="xs" c="dimmed">
            {me.tenant.name} · {roleName(me.role, me.role_name)}
          </Text>
        </Box>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconUserCircle size={16} />}
          renderRoot={(rest) => <Link to="/settings/profile" {...rest} />}
        >
          {t("nav.profile")}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconKey size={16} />}
          renderRoot={(rest) => <Link to="/settings/password" {...rest} />}
        >
          {t("nav.password")}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconShieldLock size={16} />}
          renderRoot={(rest) => <Link to="/settings/second-factor" {...rest} />}
        >
          {t("nav.second_factor")}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconDeviceDesktop size={16} />}
          renderRoot={(rest) => <Link to="/settings/sessions" {...rest} />}
        >
          {t("nav.sessions")}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>{t("scheme.title")}</Menu.Label>
        {schemes.map((scheme) => (
          <Menu.RadioItem
            key={scheme.value}
            value={scheme.value}
            checked={colorScheme === scheme.value}
            onChange={() => setColorScheme(scheme.value)}
            // The pictures stand in one line with those of the other items; the choice is marked behind the word.
            styles={{ itemIndicator: { display: "none" } }}
            rightSection={colorScheme === scheme.value ? <IconCheck size={14} aria-hidden /> : null}
          >
            <Group gap="xs" wrap="nowrap">
              <scheme.icon size={16} />
              {scheme.label}
            </Group>
          </Menu.RadioItem>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void session.logout()}>
          {t("auth.sign_out")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
