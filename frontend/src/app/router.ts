import { createRouter } from "@tanstack/react-router";
import type { Permission } from "@/auth/guard";
import { ErrorScreen, LoadingScreen, NotFoundScreen } from "@/components/layout/screens";
import type { Key } from "@/i18n";
import { routeTree } from "@/routeTree.gen";

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPendingMs: 300,
  scrollRestoration: true,
  defaultPendingComponent: LoadingScreen,
  defaultErrorComponent: ErrorScreen,
  defaultNotFoundComponent: NotFoundScreen,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
  interface StaticDataRouteOption {
    /** Message key of the page's title, for the browser's tab. */
    title?: Key;
    /** Without this permission the page says so instead of asking the server. */
    permission?: Permission;
  }
}
