import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

/** The one accent. Shade 7 carries white text at 5.5:1. */
const accent: MantineColorsTuple = [
  "#effcf9",
  "#d5f5ee",
  "#a9e9dc",
  "#79dac9",
  "#43c2b0",
  "#1ba794",
  "#0f8a7b",
  "#0f766e",
  "#115e59",
  "#134e4a",
];

/** Mantine's dark greys are neutral; fields and buttons made of them look brown on the bluish canvas. */
const dark: MantineColorsTuple = [
  "#dfe3e6",
  "#bcc4ca",
  "#a2abb3",
  "#6f7981",
  "#3c444a",
  "#2d3338",
  "#22282c",
  "#191d20",
  "#14171a",
  "#101214",
];

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: 7,
  colors: { accent, dark },
  fontFamily:
    '"Noto Sans JP", "Noto Sans CJK JP", "Hiragino Sans", "Hiragino Kaku Gothic ProN", "Yu Gothic UI", Meiryo, system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono CJK JP", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.55", lg: "1.6", xl: "1.65" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.25rem", lineHeight: "1.4" },
      h2: { fontSize: "1rem", lineHeight: "1.5" },
      h3: { fontSize: "0.875rem", lineHeight: "1.5" },
    },
  },
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: "sm" } },
    TextInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm", comboboxProps: { shadow: "md" } } },
    MultiSelect: { defaultProps: { size: "sm", comboboxProps: { shadow: "md" } } },
    Modal: {
      defaultProps: { centered: false, yOffset: "10vh", transitionProps: { duration: 120 } },
      styles: { title: { fontSize: "1rem", fontWeight: 600 } },
    },
    Drawer: {
      defaultProps: { position: "right", transitionProps: { duration: 120 } },
      styles: { title: { fontSize: "1rem", fontWeight: 600, overflowWrap: "anywhere" } },
    },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true, events: { hover: true, focus: true, touch: false } } },
    // The placeholder for the first focus would be a focusable child of role="menu" that is no item of it; without
    // it the first item gets the focus, as the pattern of a menu button has it.
    Menu: { defaultProps: { shadow: "md", transitionProps: { duration: 80 }, withInitialFocusPlaceholder: false } },
    Table: { defaultProps: { verticalSpacing: 7, horizontalSpacing: "sm" } },
  },
});

/** Mantine's dimmed, error and placeholder tones miss 4.5:1 on its own backgrounds; these don't. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-text": "#1c2024",
    "--mantine-color-dimmed": "#59616b",
    "--mantine-color-placeholder": "#6b737d",
    "--mantine-color-error": "#c3262b",
    "--mantine-color-anchor": "#0f766e",
    // Frames of notes: the text says it, the frame need not shout.
    "--mantine-color-gray-outline": "#aab1ba",
    "--kb-canvas": "#f7f8f9",
    "--kb-surface": "#ffffff",
    "--kb-line": "#e2e5e9",
    "--kb-hover": "#f2f5f5",
    "--kb-selected": "#e8f5f2",
    "--kb-good": "#14804a",
    "--kb-bad": "#c3262b",
    "--kb-warn": "#a15c00",
    "--kb-info": "#2563b8",
    "--kb-idle": "#7b848f",
  },
  dark: {
    "--mantine-color-body": "#16191c",
    "--mantine-color-text": "#dfe3e6",
    "--mantine-color-dimmed": "#a2abb3",
    "--mantine-color-placeholder": "#8d969e",
    "--mantine-color-error": "#ff8d8d",
    "--mantine-color-anchor": "#5fd3c2",
    "--mantine-color-gray-outline": "#565f67",
    "--kb-canvas": "#121416",
    "--kb-surface": "#191d20",
    "--kb-line": "#2d3338",
    "--kb-hover": "#20262a",
    "--kb-selected": "#17332f",
    "--kb-good": "#4cc38a",
    "--kb-bad": "#ff8d8d",
    "--kb-warn": "#f0b357",
    "--kb-info": "#7db4ff",
    "--kb-idle": "#8d969e",
  },
});
