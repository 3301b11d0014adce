import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { queryClient } from "@/api/query";
import type { Me } from "@/api/types";
import { session } from "@/auth/session";
import { http, server } from "./server";

export const me: Me = {
  id: "0192f0c1-7c1e-7d3a-9b1e-000000000001",
  login_id: "hanako",
  display_name: "山田 花子",
  email: "hanako@example.co.jp",
  role: "owner",
  role_name: "所有者",
  permissions: [
    "contacts.read",
    "contacts.write",
    "contacts.export",
    "lists.write",
    "mails.read",
    "mails.write",
    "campaigns.read",
    "campaigns.write",
    "campaigns.send",
    "reports.read",
    "settings.read",
    "settings.write",
    "users.manage",
    "support.grant",
    "audit.read",
    "reports.export",
    "security.manage",
    "roles.manage",
    "tokens.manage",
    "tenant.own",
    "webhooks.manage",
    "contacts.erase",
  ],
  locale: "ja",
  session: { idle_minutes: 30, expires_at: "2099-01-01T00:00:00Z" },
  second_factor: { enrolled: false, required: false },
  tenant: { id: "0192f0c1-7c1e-7d3a-9b1e-000000000002", name: "サンプル商事", time_zone: "Asia/Tokyo" },
  password: { expires_at: null, must_change: false },
};

/** Logs in through the real session, with `person` as the API's answer. */
export async function signIn(person: Partial<Me> = {}): Promise<void> {
  server.use(
    http.post("/v1/auth/login", ({ response }) =>
      response(200).json({ access_token: "test", token_type: "Bearer", expires_in: 600, me: { ...me, ...person } }),
    ),
  );
  await session.login("hanako", "correct horse battery");
}

/** Renders a screen in a small router of its own; links lead nowhere but exist. */
export function renderScreen(screen: ReactNode) {
  queryClient.clear();
  const root = createRootRoute({ component: Outlet });
  const any = createRoute({ getParentRoute: () => root, path: "$", component: () => screen });
  const router = createRouter({
    routeTree: root.addChildren([any]),
    history: createMemoryHistory({ initialEntries: ["/test"] }),
  });
  return render(
    <MantineProvider env="test">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}
