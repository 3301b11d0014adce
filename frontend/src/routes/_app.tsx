import { createFileRoute, Outlet, useLocation, useMatches, useNavigate } from "@tanstack/react-router";
import { Suspense, useEffect } from "react";
import { queryClient } from "@/api/query";
import { requireSession } from "@/auth/guard";
import { IdleDialog } from "@/auth/idle-dialog";
import { useSession } from "@/auth/session";
import { EnrolScreen, StepUpHost } from "@/components/factor/lazy";
import { Shell } from "@/components/layout/shell";
import { ForbiddenView } from "@/components/ui/state-view";
import { setLocale } from "@/i18n";

export const Route = createFileRoute("/_app")({
  beforeLoad: ({ location }) => requireSession(location.href),
  component: AppRoute,
});

function AppRoute() {
  const state = useSession();
  const navigate = useNavigate();
  const { href } = useLocation();
  const permission = useMatches().findLast((match) => match.staticData.permission)?.staticData.permission;
  const locale = state.status === "signed_in" ? state.me.locale : null;

  useEffect(() => {
    if (locale) {
      void setLocale(locale === "en" ? "en" : "ja");
    }
  }, [locale]);

  useEffect(() => {
    if (state.status === "anonymous") {
      queryClient.clear();
      const back = state.reason === "signed_out" ? {} : { next: href };
      void navigate({ to: "/login", search: back, replace: true });
    }
  }, [state, navigate, href]);

  if (state.status !== "signed_in") {
    return null;
  }
  const { enrolled, required } = state.me.second_factor;
  if (required && !enrolled) {
    return (
      <Suspense>
        <EnrolScreen />
        <IdleDialog />
        <StepUpHost />
      </Suspense>
    );
  }
  const allowed = !permission || state.me.permissions.includes(permission);
  return (
    <Shell>
      {allowed ? <Outlet /> : <ForbiddenView />}
      <IdleDialog />
      <StepUpHost />
    </Shell>
  );
}
