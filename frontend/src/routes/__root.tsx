import { createRootRoute, Outlet, useMatches } from "@tanstack/react-router";
import { useEffect } from "react";
import { useT } from "@/i18n";

export const Route = createRootRoute({ component: RootRoute });

function RootRoute() {
  const t = useT();
  const title = useMatches().findLast((match) => match.staticData.title)?.staticData.title;
  useEffect(() => {
    document.title = title ? `${t(title)} – Kikubari` : "Kikubari";
  }, [title, t]);
  return <Outlet />;
}
