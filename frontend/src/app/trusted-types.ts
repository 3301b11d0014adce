/**
 * The pages' Content-Security-Policy has the browser ask before text becomes markup or a script, in whatever
 * library (`require-trusted-types-for 'script'`), and allows this one policy. What holds no tag may pass: Mantine
 * writes its style sheets into elements that way. Scripts and their addresses never do, since nothing of ours makes any.
 */
interface Factory {
  createPolicy(name: "default", rules: { createHTML: (text: string) => string | null }): unknown;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
factory?.createPolicy("default", { createHTML: (text) => (text.includes("<") ? null : text) });
