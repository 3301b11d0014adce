import "@/app/trusted-types";
import "@mantine/core/styles.layer.css";
import "@mantine/notifications/styles.layer.css";
import "@/app/global.css";
import "@/components/ui/focus-return";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import i18next from "i18next";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "@/api/query";
import { cssVariables, theme } from "@/app/theme";
import { locales, rememberedLocale, setLocale } from "@/i18n";
import { Console } from "./console";
import { operatorSession } from "./session";
import { refusals } from "./words";

const element = document.getElementById("root");
if (!element) {
  throw new Error("operator.html has no #root");
}
await setLocale(rememberedLocale());
for (const locale of locales) {
  i18next.addResourceBundle(locale, "translation", refusals[locale], true, true);
}
void operatorSession.resume();
createRoot(element).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <Console />
        <Notifications position="bottom-right" withinPortal={false} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
