import { Group, Text } from "@mantine/core";

export type Tone = "good" | "bad" | "warn" | "info" | "idle";

/** A state as a coloured dot and a word: the colour never carries the meaning alone. */
export function Status(props: { tone: Tone; label: string }) {
  return (
    <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
      <span
        aria-hidden
        style={{
          width: 8,
          height: 8,
          borderRadius: 4,
          flexShrink: 0,
          background: `var(--kb-${props.tone})`,
        }}
      />
      <Text component="span" size="sm" style={{ whiteSpace: "nowrap" }}>
        {props.label}
      </Text>
    </Group>
  );
}
