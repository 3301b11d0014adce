import { createFileRoute, redirect } from "@tanstack/react-router";
import { session } from "@/auth/session";
import { LoginScreen } from "@/features/auth/login";
import { text } from "@/lib/search-params";

export const Route = createFileRoute("/login")({
  // Only paths of this site: "//elsewhere" and "https:…" would lead away.
  validateSearch: (raw): { next?: string } => {
    const next = text(raw, "next");
    return { next: next && /^\/(?![/\\])/.test(next) ? next : undefined };
  },
  beforeLoad: async ({ search }) => {
    const state = session.state.status === "resuming" ? await session.resume() : session.state;
    if (state.status === "signed_in") {
      throw redirect({ href: search.next ?? "/" });
    }
  },
  staticData: { title: "auth.title" },
  component: LoginRoute,
});

function LoginRoute() {
  return <LoginScreen next={Route.useSearch().next ?? "/"} />;
}
