import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, beforeAll } from "vitest";
import { loadLateWords, setLocale } from "@/i18n";
import { server } from "./server";

// What comes is waited for as long as a slow machine takes; what never comes still fails.
configure({ asyncUtilTimeout: 10_000 });

// What Mantine asks of a browser and jsdom hasn't.
window.matchMedia ??= (query) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
    dispatchEvent: () => false,
    onchange: null,
  }) as MediaQueryList;
window.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
// Asked by text areas that grow.
Object.defineProperty(document, "fonts", { value: new EventTarget() });
window.scrollTo = () => undefined;
window.HTMLElement.prototype.scrollIntoView = () => undefined;

beforeAll(async () => {
  server.listen({ onUnhandledRequest: "error" });
  await setLocale("ja");
  await loadLateWords();
});
afterEach(() => {
  cleanup();
  server.resetHandlers();
});
afterAll(() => server.close());
