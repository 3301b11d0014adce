/** What `scripts/stack` says about the installation under test. */
export function needed(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run the browser tests inside the stack (scripts/stack run npm run e2e)`);
  }
  return value;
}

export const demo = () => ({
  loginId: needed("KIKUBARI_E2E_LOGIN_ID"),
  password: needed("KIKUBARI_E2E_PASSWORD"),
});
