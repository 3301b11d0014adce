import { fileURLToPath } from "node:url";
import { tanstackRouter } from "@tanstack/router-plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The development server hands everything that is not the SPA to a running API.
const api = process.env.KIKUBARI_URL ?? "http://127.0.0.1:8080";
const proxied = ["/v1", "/p", "/t", "/health", "/docs", "/openapi.json"];

export default defineConfig({
  plugins: [
    tanstackRouter({
      target: "react",
      autoCodeSplitting: true,
      routesDirectory: "src/routes",
      generatedRouteTree: "src/routeTree.gen.ts",
      quoteStyle: "double",
      semicolons: true,
    }),
    react(),
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: {
    host: "127.0.0.1",
    proxy: Object.fromEntries(proxied.map((path) => [`^${path}(/|$|\\?)`, { target: api, changeOrigin: true }])),
  },
  build: {
    // No source maps and no inlined files in production: the policy allows only own, hashed files.
    sourcemap: false,
    assetsInlineLimit: 0,
    manifest: ".vite/manifest.json",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: {
        // Many tiny shared files cost more (each lazy import lists them all) than a few bigger ones.
        codeSplitting: {
          groups: [
            {
              name: "framework",
              test: /node_modules[\\/](react|react-dom|scheduler|@tanstack|i18next|openapi-fetch|openapi-react-query)[\\/]/,
              priority: 30,
            },
            {
              name: "overlay",
              test: /node_modules[\\/](@floating-ui|@mantine[\\/]core[\\/]esm[\\/]components[\\/](Menu|Combobox|Popover|ScrollArea|Select|Checkbox|Table)[\\/])/,
              minShareCount: 6,
              priority: 25,
            },
            {
              name: "dialog",
              test: /node_modules[\\/](react-remove-scroll|react-remove-scroll-bar|react-style-singleton|use-sidecar|use-callback-ref|tslib|get-nonce|@mantine[\\/]core[\\/]esm[\\/]components[\\/](Modal|ModalBase))[\\/]/,
              minShareCount: 2,
              priority: 28,
            },
            { name: "form", test: /node_modules[\\/](@mantine[\\/]form|klona|fast-deep-equal)[\\/]/, priority: 27 },
            // What the tree of routes holds of each screen at once: its address and what it loads first.
            { name: "routes", test: /src[\\/]routes[\\/][^?]*$/, priority: 26 },
            { name: "icons", test: /@tabler[\\/]icons-react[\\/]/, minShareCount: 3, priority: 22 },
            { name: "ui", test: /node_modules[\\/]/, minShareCount: 14, priority: 20 },
            {
              name: "shared",
              test: /src[\\/](api|auth|components|lib|i18n[\\/][a-z]+\.ts)/,
              minShareCount: 10,
              priority: 10,
            },
          ],
        },
      },
    },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}", "scripts/**/*.test.ts"],
    css: false,
    // A form of Mantine takes seconds to appear on a machine that builds beside it.
    testTimeout: 20_000,
  },
});
