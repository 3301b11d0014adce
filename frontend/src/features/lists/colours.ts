import type { List } from "@/api/types";

type Colour = List["colour"];

/** The marks of lists; dark enough to be told apart on white and on black. */
export const swatch: Record<Colour, string> = {
  gray: "#6b7280",
  red: "#c3262b",
  orange: "#c2570c",
  yellow: "#b58900",
  green: "#2f8f46",
  teal: "#0f766e",
  blue: "#2563b8",
  purple: "#7c3aed",
};

export const colours = Object.keys(swatch) as Colour[];
