import { Button, Group, Stack, Text } from "@mantine/core";
import { IconPrinter } from "@tabler/icons-react";
import type { ErasureCertificate } from "@/api/types";
import { DefinitionList } from "@/components/ui/definition";
import { Dialog } from "@/components/ui/dialog";
import { type Key, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** The certificate as it can be handed to the person. */
export function CertificateDialog(props: { certificate: ErasureCertificate; onClose: () => void }) {
  const t = useT();
  const format = useFormat();
  const { certificate } = props;
  return (
    <Dialog opened size="lg" onClose={props.onClose} title={t("erasures.certificate")}>
      <Stack gap="md">
        <DefinitionList
          items={[
            [t("erasures.company"), certificate.company],
            [t("erasures.requested_at"), format.dateTime(certificate.requested_at)],
            [t("erasures.finished_at"), format.dateTime(certificate.finished_at)],
            [
              t("erasures.hash"),
              <span key="hash" style={{ overflowWrap: "anywhere" }}>
                {certificate.address_hash}
              </span>,
            ],
          ]}
        />
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {t("erasures.hash_help", { salt: certificate.salt })}
        </Text>
        <Text fw={600}>{t("erasures.erased")}</Text>
        <DefinitionList
          items={Object.entries(certificate.erased)
            .filter(([, rows]) => rows > 0)
            .map(([what, rows]) => [t(`erased.${what}` as Key), t("erasures.rows", { count: rows })] as const)}
        />
        <Text fw={600}>{t("erasures.kept")}</Text>
        <Stack gap={4}>
          {certificate.kept.map(({ what, days }) => (
            <Text key={what} size="sm">
              {t(`kept.${what}` as Key, { days: days ?? 0 })}
            </Text>
          ))}
        </Stack>
        <Group justify="flex-end">
          <Button variant="default" leftSection={<IconPrinter size={16} />} onClick={() => window.print()}>
            {t("erasures.print")}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
