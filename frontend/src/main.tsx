import "@/app/trusted-types";
import "@mantine/core/styles.layer.css";
import "@mantine/notifications/styles.layer.css";
import "@mantine/spotlight/styles.layer.css";
import "@/app/global.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Root } from "@/app/root";
import { rememberedLocale, setLocale } from "@/i18n";

const element = document.getElementById("root");
if (!element) {
  throw new Error("index.html has no #root");
}
await setLocale(rememberedLocale());
createRoot(element).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
