import { ActionIcon, Box, Button, Container, Group, Text, useMantineColorScheme } from "@mantine/core";
import { IconLogout, IconMoon } from "@tabler/icons-react";
import { IdleWatch } from "@/auth/idle-watch";
import { Logo } from "@/components/layout/logo";
import { LoadingView } from "@/components/ui/state-view";
import { setLocale, useLocale } from "@/i18n";
import { client } from "./client";
import { ErasuresScreen } from "./erasures";
import { InstallationScreen } from "./installation";
import { JournalScreen } from "./journal";
import { LogInScreen } from "./log-in";
import { go, type Place, usePlace } from "./place";
import { operatorSession, useOperatorSession } from "./session";
import { SupportScreen } from "./support";
import { TenantScreen } from "./tenant";
import { TenantsScreen } from "./tenants";
import { useWords } from "./words";

/** As the server holds it (operator/session.rs). */
const idleMinutes = 15;

export function Console() {
  const session = useOperatorSession();
  if (session.status === "resuming") {
    return (
      <Container size="sm" py="xl">
        <LoadingView />
      </Container>
    );
  }
  if (session.status === "anonymous") {
    return <LogInScreen expired={session.expired} />;
  }
  return (
    <>
      <Header name={session.name} />
      <Box component="main" p="md" tabIndex={-1} style={{ outline: "none" }}>
        <Screen />
      </Box>
      <IdleWatch
        minutes={idleMinutes}
        channel="kikubari.operator.activity"
        onExpire={() => void operatorSession.logOut(true)}
        onLeave={() => void operatorSession.logOut()}
        keepAlive={() => void client.GET("/v1/me")}
      />
    </>
  );
}

function Screen() {
  const place = usePlace();
  switch (place.screen) {
    case "tenants":
      return <TenantsScreen />;
    case "tenant":
      return <TenantScreen key={place.id} id={place.id} />;
    case "support":
      return <SupportScreen key={place.support} id={place.id} support={place.support} />;
    case "erasures":
      return <ErasuresScreen />;
    case "journal":
      return <JournalScreen />;
    case "installation":
      return <InstallationScreen />;
  }
}

function Header({ name }: { name: string }) {
  const w = useWords();
  const place = usePlace();
  const tabs: [Place & { screen: "tenants" | "erasures" | "journal" | "installation" }, string][] = [
    [{ screen: "tenants" }, w.tenants],
    [{ screen: "erasures" }, w.erasures],
    [{ screen: "journal" }, w.journal],
    [{ screen: "installation" }, w.installation],
  ];
  const current = place.screen === "tenant" || place.screen === "support" ? "tenants" : place.screen;
  return (
    <Box
      component="header"
      px="md"
      py="xs"
      style={{ background: "var(--kb-surface)", borderBottom: "1px solid var(--kb-line)" }}
    >
      <Group justify="space-between" gap="xs">
        <Group gap="sm">
          <Logo />
          <Text size="sm" fw={600} c="dimmed">
            {w.console}
          </Text>
        </Group>
        <Group gap={4}>
          <Text size="sm" c="dimmed" px="xs">
            {name}
          </Text>
          <Toggles />
          <ActionIcon variant="subtle" color="gray" aria-label={w.logOut} onClick={() => void operatorSession.logOut()}>
            <IconLogout size={18} />
          </ActionIcon>
        </Group>
      </Group>
      <Group component="nav" gap={4} mt={4} aria-label={w.console}>
        {tabs.map(([to, label]) => (
          <Button
            key={to.screen}
            size="compact-sm"
            variant={current === to.screen ? "light" : "subtle"}
            color={current === to.screen ? undefined : "gray"}
            aria-current={current === to.screen ? "page" : undefined}
            onClick={() => go(to)}
          >
            {label}
          </Button>
        ))}
      </Group>
    </Box>
  );
}

/** Language, and light or dark. */
export function Toggles() {
  const w = useWords();
  const locale = useLocale();
  const { toggleColorScheme } = useMantineColorScheme();
  return (
    <>
      <Button
        size="compact-sm"
        variant="subtle"
        color="gray"
        onClick={() => void setLocale(locale === "ja" ? "en" : "ja")}
      >
        {w.language}
      </Button>
      <ActionIcon variant="subtle" color="gray" aria-label={w.scheme} onClick={() => toggleColorScheme()}>
        <IconMoon size={18} />
      </ActionIcon>
    </>
  );
}
