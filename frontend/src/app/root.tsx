// Watches the focus from the start, for dialogs that come later.
import "@/components/ui/focus-return";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { queryClient } from "@/api/query";
import { useT } from "@/i18n";
import { router } from "./router";
import { cssVariables, theme } from "./theme";

const Notifications = lazy(async () => ({ default: (await import("@mantine/notifications")).Notifications }));

export function Root() {
  const t = useT();
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
        <Suspense>
          <section aria-label={t("common.notifications")}>
            <Notifications position="bottom-right" withinPortal={false} />
          </section>
        </Suspense>
      </QueryClientProvider>
    </MantineProvider>
  );
}
