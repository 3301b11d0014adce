import { Box, Center, Paper, SegmentedControl, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Logo } from "@/components/layout/logo";
import { type Locale, setLocale, useLocale, useT } from "@/i18n";

/** The page of somebody who is not logged in, as the log-in itself. */
export function AuthFrame(props: { title: string; children: ReactNode }) {
  const t = useT();
  const locale = useLocale();
  return (
    <Center mih="100dvh" p="md" component="main" bg="var(--kb-canvas)">
      <Box w="100%" maw={420}>
        <Center mb="lg">
          <Logo />
        </Center>
        <Paper p="xl" className="kb-panel">
          <Title order={1} mb="md">
            {props.title}
          </Title>
          {props.children}
        </Paper>
        <Center mt="md">
          <SegmentedControl
            size="xs"
            aria-label={t("profile.locale")}
            value={locale}
            onChange={(value) => void setLocale(value as Locale)}
            data={[
              { value: "ja", label: "日本語" },
              { value: "en", label: "English" },
            ]}
          />
        </Center>
      </Box>
    </Center>
  );
}
