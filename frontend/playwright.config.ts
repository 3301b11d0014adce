import { defineConfig, devices } from "@playwright/test";

// The stack around the tests says where it is; by hand: KIKUBARI_E2E_URL, _LOGIN_ID and _PASSWORD of a running one.
export default defineConfig({
  testDir: "e2e",
  // scripts/security drives its part with the same helpers.
  testMatch: process.env.KIKUBARI_ATTACK ? "**/*.attack.ts" : "**/*.spec.ts",
  outputDir: "test-results",
  // One story at a time on one tenant: its steps build on each other.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    baseURL: process.env.KIKUBARI_E2E_URL ?? process.env.KIKUBARI_URL ?? "http://127.0.0.1:8080",
    locale: "ja-JP",
    // The certificate of a throw-away installation.
    ignoreHTTPSErrors: Boolean(process.env.KIKUBARI_E2E_CA),
    timezoneId: "Asia/Tokyo",
    actionTimeout: 20_000,
    navigationTimeout: 30_000,
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-dev-shm-usage",
        "--disable-domain-reliability",
        "--disable-gpu",
        "--disable-sync",
        "--no-first-run",
        "--no-pings",
      ],
    },
  },
  projects: [{ name: "chromium", use: { ...devices["Desktop Chrome"], viewport: { width: 1280, height: 800 } } }],
});
