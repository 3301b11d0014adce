import { Box, Button, Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconDeviceMobile, IconFingerprint } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import { queryClient } from "@/api/query";
import { useMe } from "@/auth/guard";
import { hasPasskeys } from "@/auth/passkey";
import { session } from "@/auth/session";
import { OwnPasswordForm } from "@/components/form/own-password";
import { Logo } from "@/components/layout/logo";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { FactorSetup } from "./setup";

/** The company wants a second factor of all, and this person has none yet: set one up, or log out. */
export default function EnrolScreen() {
  const t = useT();
  const me = useMe();
  const query = api.useQuery("get", "/v1/auth/second-factors", {}, { enabled: !me.password.must_change });
  const [kind, setKind] = useState<"totp" | "passkey" | null>(null);
  return (
    <Center mih="100dvh" p="md" component="main" bg="var(--kb-canvas)">
      <Box w="100%" maw={460}>
        <Center mb="lg">
          <Logo />
        </Center>
        <Paper p="xl" className="kb-panel">
          <Title order={1} mb="xs">
            {t(me.password.must_change ? "nav.password" : "enrol.title")}
          </Title>
          {me.password.must_change ? (
            // A factor that is set up under a password that somebody else knows might be theirs.
            <Stack gap="sm">
              <Text size="sm">{t("password.must_change")}</Text>
              <OwnPasswordForm />
              <LogOut />
            </Stack>
          ) : kind ? (
            <FactorSetup kind={kind} onDone={() => queryClient.clear()} onCancel={() => setKind(null)} />
          ) : (
            <Stack gap="sm">
              <Text size="sm">{t("enrol.body", { company: me.tenant.name })}</Text>
              <QueryView query={query}>
                {(factors) => (
                  <Stack gap="xs">
                    {factors.passkeys_possible && hasPasskeys() ? (
                      <Button leftSection={<IconFingerprint size={18} />} onClick={() => setKind("passkey")}>
                        {t("enrol.passkey")}
                      </Button>
                    ) : null}
                    <Button
                      variant={factors.passkeys_possible && hasPasskeys() ? "default" : "filled"}
                      leftSection={<IconDeviceMobile size={18} />}
                      onClick={() => setKind("totp")}
                    >
                      {t("enrol.totp")}
                    </Button>
                  </Stack>
                )}
              </QueryView>
              <LogOut />
            </Stack>
          )}
        </Paper>
      </Box>
    </Center>
  );
}

function LogOut() {
  const t = useT();
  return (
    <Group justify="center">
      <Button variant="subtle" color="gray" size="compact-sm" onClick={() => void session.logout()}>
        {t("auth.sign_out")}
      </Button>
    </Group>
  );
}
