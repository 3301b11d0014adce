import { Button, Container } from "@mantine/core";
import { IconMap2 } from "@tabler/icons-react";
import { Link, useRouter } from "@tanstack/react-router";
import { EmptyState, ErrorView, LoadingView } from "@/components/ui/state-view";
import { useT } from "@/i18n";

export function LoadingScreen() {
  return (
    <Container size="sm" py="xl">
      <LoadingView />
    </Container>
  );
}

export function ErrorScreen(props: { error: unknown }) {
  const router = useRouter();
  return (
    <Container size="sm" py="xl">
      <ErrorView error={props.error} onRetry={() => void router.invalidate()} />
    </Container>
  );
}

export function NotFoundScreen() {
  const t = useT();
  return (
    <Container component="main" size="sm" py="xl">
      <EmptyState
        icon={IconMap2}
        heading
        title={t("state.not_found_title")}
        body={t("state.not_found_body")}
        action={
          <Button variant="default" renderRoot={(rest) => <Link to="/" {...rest} />}>
            {t("state.to_home")}
          </Button>
        }
      />
    </Container>
  );
}
