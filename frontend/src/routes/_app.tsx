import { createFileRoute, Outlet, useLocation, useMatches, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { queryClient } from "@/api/query";
import { requireSession } from "@/auth/guard";
import { IdleDialog } from "@/auth/idle-dialog";
import { useSession } from "@/auth/session";
import { EnrolScreen, StepUpHost } from "@/components/factor/lazy";
import { Shell } from "@/components/layout/shell";
import { ForbiddenView } from "@/components/ui/state-view";
import { loadLateWords, setLocale } from "@/i18n";

const PasswordBanner = lazy(async () => {
  await loadLateWords();
  return import("@/components/layout/password-banner");
});
const passwordPage = "/settings/password";
const remindMs = 7 * 86_400_000;

export const Route = createFileRoute("/_app")({
  beforeLoad: ({ location }) => requireSession(location.href),
  component: AppRoute,
});

function AppRoute() {
  const state = useSession();
  const navigate = useNavigate();
  const { href, pathname } = useLocation();
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

  const me = state.status === "signed_in" ? state.me : null;
  const isIn = me !== null;
  useEffect(() => {
    // Refusals that are seldom met have their words there, whichever screen meets one first.
    if (isIn) {
      const later = setTimeout(() => void loadLateWords(), 2_000);
      return () => clearTimeout(later);
    }
    return undefined;
  }, [isIn]);
  const mustChange = me?.password.must_change ?? false;
  const held = mustChange && pathname !== passwordPage;
  useEffect(() => {
    if (held) {
      void navigate({ to: passwordPage, replace: true });
    }
  }, [held, navigate]);

  if (!me) {
    return null;
  }
  const { enrolled, required } = me.second_factor;
  if (required && !enrolled) {
    return (
      <Suspense>
        <EnrolScreen />
        <IdleDialog />
        <StepUpHost />
      </Suspense>
    );
  }
  const { expires_at } = me.password;
  const expiring = !mustChange && expires_at != null && Date.parse(expires_at) - Date.now() < remindMs;
  const allowed = !permission || me.permissions.includes(permission);
  return (
    <Shell>
      {expiring && pathname !== passwordPage ? (
        <Suspense>
          <PasswordBanner expiresAt={expires_at} />
        </Suspense>
      ) : null}
      {held ? null : allowed ? <Outlet /> : <ForbiddenView />}
      <IdleDialog />
      <StepUpHost />
    </Shell>
  );
}
