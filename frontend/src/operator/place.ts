import { useSyncExternalStore } from "react";

/** Where in the console: read from the address, so that a reload and a link show the same. */
export type Place =
  | { screen: "tenants" }
  | { screen: "tenant"; id: string }
  | { screen: "support"; id: string; support: string }
  | { screen: "erasures" }
  | { screen: "journal" }
  | { screen: "installation" };

export function parse(path: string): Place {
  const [first = "", id = "", kind = "", support = ""] = path.split("/").filter(Boolean);
  if (first === "tenants" && id && kind === "support" && support) {
    return { screen: "support", id, support };
  }
  if (first === "tenants" && id) {
    return { screen: "tenant", id };
  }
  return first === "erasures" || first === "journal" || first === "installation"
    ? { screen: first }
    : { screen: "tenants" };
}

export function pathOf(place: Place): string {
  switch (place.screen) {
    case "tenants":
      return "/";
    case "tenant":
      return `/tenants/${place.id}`;
    case "support":
      return `/tenants/${place.id}/support/${place.support}`;
    default:
      return `/${place.screen}`;
  }
}

const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) {
    listener();
  }
}

export function go(place: Place): void {
  window.history.pushState(null, "", pathOf(place));
  tell();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

export function usePlace(): Place {
  return parse(useSyncExternalStore(subscribe, () => window.location.pathname));
}
